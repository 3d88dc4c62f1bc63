"""Drives pycivitai, run by its own Python; the last line printed is what it found."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

os.environ["CIVITAI_HOME"] = "cache"

import pycivitai
import pycivitai.client.http as http
import pycivitai.client.resource as resource


def main(given: dict[str, Any]) -> dict[str, Any]:
    """Find by id, by every kind of hash and by name; search; download."""
    resource.ENDPOINT = http.ENDPOINT = given["base"]
    found = pycivitai.civitai_find_online(given["model"])
    version = pycivitai.civitai_find_online(given["model"], given["version"])
    answers: dict[str, Any] = {
        "latest": found.version_id,
        "version": [version.version_name, version.filename, version.size, version.is_primary],
        "by_hash": {
            kind: pycivitai.civitai_find_online(value).version_id
            for kind, value in version.hashes.items()
            if given["look_up"] or kind == "SHA256"
        },
    }
    if given["look_up"]:
        exact = pycivitai.civitai_find_online(given["name"], creator=given["creator"])
        answers["by_name"] = exact.model_id
        answers["part_of_the_name"] = [model.model_id for model in pycivitai.civitai_search_online(given["word"])]
        answers["second_file"] = pycivitai.civitai_find_online(given["model"], given["version"], given["second"]).size
    answers["path"] = pycivitai.civitai_download(given["model"], given["version"])
    if given["look_up"]:
        answers["second_path"] = pycivitai.civitai_download(given["model"], given["version"], given["second"])
    return answers


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
