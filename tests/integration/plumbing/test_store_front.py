"""A store with a public address behind the front that the manifests carry, by a real nginx."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from shared.engines.s3 import Store
from shared.settings import Settings
from tests.debian import debian_program

TEMPLATE = Path(__file__).parents[3] / "deploy" / "store-front" / "store.conf.template"
SHA256 = "ab" * 32
ALONE = """daemon off; pid {folder}/nginx.pid; error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/store.conf;
}}
"""


def _configuration(settings: Settings, folder: Path, port: int) -> Path:
    values = {"STORE": urlsplit(settings.s3_endpoint).netloc, "LISTEN": f"127.0.0.1:{port}"}
    # As the image does it: only the names that are set, and nginx's own variables are left alone.
    text = TEMPLATE.read_text()
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    (folder / "store.conf").write_text(text)
    (folder / "nginx.conf").write_text(ALONE.format(folder=folder))
    return folder / "nginx.conf"


@pytest.fixture
async def public_store(
    settings: Settings, closed_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Store]:
    """The session's store, as one that is reached by a front of its own."""
    nginx = debian_program("nginx", "nginx")
    process = subprocess.Popen(
        [nginx, "-p", tmp_path, "-e", "stderr", "-c", _configuration(settings, tmp_path, closed_port)]
    )
    monkeypatch.setenv("EASEL_S3_PUBLIC_URL", f"http://127.0.0.1:{closed_port}")
    monkeypatch.setenv("EASEL_S3_PUBLIC_NAMES", "true")
    try:
        async for attempt in AsyncRetrying(
            stop=stop_after_delay(10), wait=wait_fixed(0.05), retry=retry_if_exception_type(OSError), reraise=True
        ):
            with attempt:
                _, writer = await asyncio.open_connection("127.0.0.1", closed_port)
                writer.close()
        store = Store(Settings())
        await store.start()
        yield store
    finally:
        process.terminate()
        process.wait(10)


async def test_a_named_address_is_served_with_and_without_the_clients_key(public_store: Store) -> None:
    await public_store.put(public_store.models, SHA256, b"0123456789", "application/octet-stream")
    name = "harbour mix+v2 (é).safetensors"
    address = public_store.sign_get(
        public_store.models, SHA256, timedelta(minutes=5), disposition='attachment; filename="x"', name=name
    )
    assert urlsplit(address).path.endswith("/harbour%20mix%2Bv2%20%28%C3%A9%29.safetensors")
    async with httpx.AsyncClient() as client:
        for headers in ({}, {"authorization": "Bearer 0123456789abcdef0123456789abcdef"}):
            answer = await client.get(address, headers=headers)
            assert (answer.status_code, answer.content) == (200, b"0123456789"), answer.text
            part = await client.get(address, headers=headers | {"range": "bytes=2-4"})
            assert part.content == b"234"


async def test_the_signature_still_counts(public_store: Store) -> None:
    await public_store.put(public_store.models, SHA256, b"0123456789", "application/octet-stream")
    address = public_store.sign_get(public_store.models, SHA256, timedelta(minutes=5), name="a.safetensors")
    async with httpx.AsyncClient() as client:
        assert (await client.get(address.split("?")[0])).status_code in (400, 401, 403)
        assert (await client.get(address.replace(SHA256, "cd" * 32))).status_code == 403


async def test_parts_of_uploads_pass(public_store: Store) -> None:
    upload = await public_store.open_multipart(public_store.incoming, "front/part")
    address = public_store.sign_part(public_store.incoming, "front/part", upload, 1, timedelta(minutes=5))
    async with httpx.AsyncClient() as client:
        assert (await client.put(address, content=b"x" * 100_000)).status_code == 200
    assert [part.size_bytes for part in await public_store.list_parts(public_store.incoming, "front/part", upload)] == [
        100_000
    ]
    await public_store.abort_multipart(public_store.incoming, "front/part", upload)
