"""Drives civitai-mcp-ultimate over MCP in process, run by its own Python; the last line printed is what it said."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import civitai_mcp_ultimate.client as http
from civitai_mcp_ultimate.server import client as shared_client
from civitai_mcp_ultimate.server import mcp
from fastmcp import Client


async def main(given: dict[str, Any]) -> dict[str, str]:
    """The text of each tool that was asked for, by the name of the call."""
    http.API_BASE = f"{given['base']}/api/v1"
    shared_client.api_key = given.get("token") or ""
    said = {}
    async with Client(mcp) as client:
        for name, (tool, arguments) in given["calls"].items():
            answer = await client.call_tool(tool, arguments)
            said[name] = "\n".join(part.text for part in answer.content)
    return said


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))
