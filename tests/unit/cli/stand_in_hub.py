"""A small hub over real HTTP for tests of the command line: one store, no scan, and faults on demand.

It answers as the publishing API and the compatible API do, as far as the commands look. Parts and downloads go
through signed-looking addresses that refuse an `Authorization` header, as a real store does.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from litestar import Litestar, Request, Response, delete, get, post, put
from litestar.datastructures import State
from litestar.response import Stream

PART_BYTES = 1000
TOKEN = "a-key-of-mira"


@dataclass
class Faults:
    """What goes wrong, and how often; tests set these."""

    put_failures: Counter[int] = field(default_factory=Counter)
    """Part number -> how many more PUTs of it answer 500."""
    hold_part: int | None = None
    """A part whose PUT does not answer until `release` is set."""
    release: threading.Event = field(default_factory=threading.Event)
    lose_part_at_complete: int | None = None
    damage_at_complete: bool = False
    refuse_version: dict[str, Any] | None = None
    refuse_upload: dict[str, Any] | None = None
    cut_downloads_after: list[int] = field(default_factory=list)
    """Each download takes the next number and breaks the connection after so many bytes."""
    ignore_ranges: bool = False
    serve_instead: bytes | None = None
    unavailable_times: int = 0
    """The next so many requests to `/api/v1/models` answer 503 with `Retry-After: 7`."""
    verdict: str = "clean"
    polls_until_verdict: int = 2
    polls_until_found: int = 2


class StandInHub:
    """Everything the stand-in knows, and what was asked of it."""

    def __init__(self) -> None:
        self.url = ""
        self.models: dict[int, dict[str, Any]] = {}
        self.versions: dict[int, dict[str, Any]] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.parts: dict[tuple[str, int], bytes] = {}
        self.content: dict[int, bytes] = {}
        self.faults = Faults()
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[Any] = []
        self.range_headers: list[str] = []
        self.puts: list[int] = []

    def model(self, model_id: int) -> dict[str, Any]:
        """The owner's view of a model."""
        versions = [version for version in self.versions.values() if version["modelId"] == model_id]
        return self.models[model_id] | {"versions": versions, "url": f"{self.url}/models/{model_id}"}

    def publish_directly(self, content: bytes, *, name: str = "boat.safetensors") -> int:
        """A published model with one file, as if it had been uploaded; returns the model's id (the version's too)."""
        number = len(self.models) + 1
        self.models[number] = {"id": number, "name": f"Boat {number}", "type": "LORA"}
        digest = hashlib.sha256(content).hexdigest()
        file = {"id": number, "name": name, "sizeBytes": len(content), "type": "Model", "state": "clean",
                "sha256": digest, "hashes": {"SHA256": digest.upper()}, "findings": []}  # fmt: skip
        self.versions[number] = {"id": number, "modelId": number, "name": "v1.0", "baseModel": "SD 1.5",
                                 "status": "Published", "statusReason": None, "files": [file], "found": 0}  # fmt: skip
        self.content[number] = content
        return number

    def public_version(self, version: dict[str, Any]) -> dict[str, Any]:
        """The compatible API's view of a version."""
        return {
            "id": version["id"], "modelId": version["modelId"], "name": version["name"],
            "baseModel": version["baseModel"],
            "files": [
                {
                    "id": file["id"], "name": file["name"], "sizeKB": file["sizeBytes"] / 1024,
                    "hashes": {"SHA256": file["sha256"].upper(), "AutoV2": file["sha256"][:10].upper()},
                    "downloadUrl": f"{self.url}/api/download/models/{version['id']}"
                    + ("" if index == 0 else f"?fileId={file['id']}"),
                } | ({"primary": True} if index == 0 else {})
                for index, file in enumerate(version["files"])
            ],
        }  # fmt: skip

    def public_model(self, model_id: int) -> dict[str, Any]:
        """The compatible API's view of a model."""
        model = self.models[model_id]
        versions = [each for each in self.versions.values() if each["modelId"] == model_id]
        return {
            "id": model_id, "name": model["name"], "type": model["type"], "creator": {"username": "mira"},
            "stats": {"downloadCount": 3, "thumbsUpCount": 1},
            "modelVersions": [self.public_version(each) for each in versions if each["status"] == "Published"],
        }  # fmt: skip


def problem(status: int, detail: str, **extra: Any) -> Response[Any]:
    """An RFC 9457 answer."""
    body = {"type": "https://easel.dev/problems/x", "title": "x", "status": status, "detail": detail, **extra}
    return Response(body, status_code=status, media_type="application/problem+json")


def _hub(state: State) -> StandInHub:
    hub: StandInHub = state["hub"]
    return hub


def note_request(request: Request[Any, Any, State]) -> Response[Any] | None:
    """Remember the request, and refuse publishing without the key or a store address with one."""
    path = request.url.path
    _hub(request.app.state).requests.append((request.method, path))
    key = request.headers.get("Authorization")
    if path.startswith("/store/") and key is not None:
        return Response("Authorization not expected", status_code=400)
    if path.startswith("/api/hub/") and key != f"Bearer {TOKEN}":
        return problem(401, "no valid key")
    return None


@post("/api/hub/models")
async def create_model(data: dict[str, Any], state: State) -> Response[Any]:
    hub = _hub(state)
    hub.bodies.append(data)
    number = max(hub.models, default=0) + 1
    hub.models[number] = {"id": number, **data}
    return Response(hub.model(number), status_code=201)


@get("/api/hub/models/{model_id:int}")
async def hub_model(model_id: int, state: State) -> Response[Any]:
    hub = _hub(state)
    return Response(hub.model(model_id)) if model_id in hub.models else problem(404, f"no model {model_id}")


@delete("/api/hub/models/{model_id:int}")
async def delete_model(model_id: int, state: State) -> None:
    del _hub(state).models[model_id]


@post("/api/hub/models/{model_id:int}/versions")
async def create_version(model_id: int, data: dict[str, Any], state: State) -> Response[Any]:
    hub = _hub(state)
    hub.bodies.append(data)
    if hub.faults.refuse_version is not None:
        return problem(422, "the version is not acceptable", **hub.faults.refuse_version)
    number = max(hub.versions, default=10) + 1
    hub.versions[number] = {"id": number, "modelId": model_id, "status": "Draft", "statusReason": None, "files": [],
                            "url": f"{hub.url}/versions/{number}", "polls": 0, "found": 0, **data}  # fmt: skip
    return Response(hub.versions[number], status_code=201)


@get("/api/hub/versions/{version_id:int}")
async def hub_version(version_id: int, state: State) -> Response[Any]:
    hub = _hub(state)
    version = hub.versions.get(version_id)
    if version is None:
        return problem(404, f"no version {version_id}")
    if version["status"] == "Scanning":
        version["polls"] += 1
        if version["polls"] > hub.faults.polls_until_verdict:
            settle(hub, version)
    return Response(version)


def settle(hub: StandInHub, version: dict[str, Any]) -> None:
    """The scan's verdict arrives."""
    is_clean = hub.faults.verdict == "clean"
    version["status"] = "Published" if is_clean else "Refused"
    version["statusReason"] = None if is_clean else "a file may run code"
    for file in version["files"]:
        file["state"] = hub.faults.verdict
        file["sha256"] = hashlib.sha256(hub.content[file["id"]]).hexdigest()
        if not is_clean:
            finding = {"code": "pickle.import", "location": "data.pkl:0", "message": "imports os.system"}
            file["findings"] = [finding]


@post("/api/hub/versions/{version_id:int}/uploads")
async def create_upload(version_id: int, data: dict[str, Any], state: State) -> Response[Any]:
    hub = _hub(state)
    if hub.faults.refuse_upload is not None:
        return problem(413, "the file is too large", **hub.faults.refuse_upload)
    number = len(hub.uploads) + 1
    upload = {
        "id": f"up-{number}", "fileId": 100 + number, "versionId": version_id, "name": data["name"],
        "sizeBytes": data["sizeBytes"], "partSizeBytes": PART_BYTES, "status": "open",
        "partCount": -(-data["sizeBytes"] // PART_BYTES), "expiresAt": "2030-01-01T00:00:00.000Z", "parts": [],
    }  # fmt: skip
    hub.uploads[f"up-{number}"] = upload
    return Response(upload, status_code=201)


@get("/api/hub/uploads")
async def open_uploads(state: State, version_id: int = 0) -> dict[str, Any]:
    return {"items": [each for each in _hub(state).uploads.values() if each["status"] == "open"]}


@get("/api/hub/uploads/{upload_id:str}")
async def one_upload(upload_id: str, state: State) -> dict[str, Any]:
    found: dict[str, Any] = _hub(state).uploads[upload_id]
    return found


@post("/api/hub/uploads/{upload_id:str}/urls", status_code=200)
async def part_urls(upload_id: str, data: dict[str, Any], state: State) -> dict[str, Any]:
    urls = [{"number": n, "url": f"{_hub(state).url}/store/{upload_id}/{n}?signed=1"} for n in data["parts"]]
    return {"urls": urls, "expiresAt": "2030-01-01T00:00:00.000Z"}


@put("/store/{upload_id:str}/{number:int}", request_max_body_size=None)
async def put_part(upload_id: str, number: int, request: Request[Any, Any, State], state: State) -> Response[Any]:
    hub = _hub(state)
    body = await request.body()
    if hub.faults.hold_part == number:
        import asyncio

        await asyncio.to_thread(hub.faults.release.wait, 30)
    if hub.faults.put_failures[number] > 0:
        hub.faults.put_failures[number] -= 1
        return Response("no room just now", status_code=500)
    if request.headers.get("Transfer-Encoding") is not None:
        return Response("chunked bodies are refused", status_code=411)
    hub.puts.append(number)
    hub.parts[(upload_id, number)] = body
    etag = hashlib.md5(body).hexdigest()
    parts = [part for part in hub.uploads[upload_id]["parts"] if part["number"] != number]
    hub.uploads[upload_id]["parts"] = [*parts, {"number": number, "etag": etag, "sizeBytes": len(body)}]
    return Response("", headers={"ETag": f'"{etag}"'})


@post("/api/hub/uploads/{upload_id:str}/complete", status_code=200)
async def complete_upload(upload_id: str, data: dict[str, Any], state: State) -> Response[Any]:
    hub = _hub(state)
    upload = hub.uploads[upload_id]
    if (lost := hub.faults.lose_part_at_complete) is not None:
        hub.faults.lose_part_at_complete = None
        upload["parts"] = [part for part in upload["parts"] if part["number"] != lost]
        return problem(409, f"part {lost} is not in the store")
    known = {part["number"]: part["etag"] for part in upload["parts"]}
    if known != {part["number"]: part["etag"] for part in data["parts"]} or len(known) != upload["partCount"]:
        return problem(422, "the parts do not match")
    upload["status"] = "complete"
    content = b"".join(hub.parts[(upload_id, n)] for n in range(1, upload["partCount"] + 1))
    if hub.faults.damage_at_complete:
        content = content[::-1]
    hub.content[upload["fileId"]] = content
    file = {"id": upload["fileId"], "name": upload["name"], "sizeBytes": len(content), "type": "Model",
            "state": "pending", "sha256": None, "hashes": {}, "findings": []}  # fmt: skip
    version = hub.versions[upload["versionId"]]
    version["files"] = [each for each in version["files"] if each["name"] != file["name"]] + [file]
    return Response(upload)


@post("/api/hub/versions/{version_id:int}/publish", status_code=202)
async def publish_version(version_id: int, state: State) -> dict[str, Any]:
    version: dict[str, Any] = _hub(state).versions[version_id]
    version["status"] = "Scanning"
    return version


@get("/api/v1/enums")
async def enums() -> dict[str, list[str]]:
    return {"ModelType": ["Checkpoint", "LORA", "VAE"], "BaseModel": ["SD 1.5", "SDXL 1.0", "Pony"]}


@get("/api/v1/models")
async def list_models(request: Request[Any, Any, State], state: State) -> Response[Any]:
    hub = _hub(state)
    if hub.faults.unavailable_times > 0:
        hub.faults.unavailable_times -= 1
        body = {"error": "Model search is temporarily overloaded — please retry."}
        return Response(body, status_code=503, headers={"Retry-After": "7"})
    query = request.query_params
    wanted = [int(each) for each in query.getall("ids", [])] or list(hub.models)
    items = [hub.public_model(n) for n in wanted if query.get("query", "").lower() in hub.models[n]["name"].lower()]
    for version in hub.versions.values():
        version["found"] += 1
    shown = [item for item in items if item["modelVersions"] and was_indexed(hub, item["id"])]
    return Response({"items": shown, "metadata": {}})


def was_indexed(hub: StandInHub, model_id: int) -> bool:
    """Search lags some polls behind."""
    versions = [version for version in hub.versions.values() if version["modelId"] == model_id]
    return all(version["found"] > hub.faults.polls_until_found or "polls" not in version for version in versions)


@get("/api/v1/models/{model_id:int}")
async def public_model(model_id: int, state: State) -> Response[Any]:
    hub = _hub(state)
    if model_id not in hub.models or not hub.public_model(model_id)["modelVersions"]:
        return Response({"error": f"No model with id {model_id}"}, status_code=404)
    return Response(hub.public_model(model_id))


@get("/api/v1/model-versions/{version_id:int}")
async def public_version(version_id: int, state: State) -> Response[Any]:
    hub = _hub(state)
    version = hub.versions.get(version_id)
    if version is None or version["status"] != "Published":
        return Response({"error": "Model not found"}, status_code=404)
    return Response(hub.public_version(version))


@get("/api/v1/model-versions/by-hash/{digest:str}")
async def by_hash(digest: str, state: State) -> Response[Any]:
    hub = _hub(state)
    for version in hub.versions.values():
        for file in version["files"]:
            if file["sha256"] and digest.lower() in (file["sha256"], file["sha256"][:10]):
                return Response(hub.public_version(version))
    return Response({"error": "Model not found"}, status_code=404)


@get("/api/download/models/{version_id:int}")
async def download(version_id: int, request: Request[Any, Any, State], state: State) -> Response[Any]:
    hub = _hub(state)
    file_id = request.query_params.get("fileId") or hub.versions[version_id]["files"][0]["id"]
    location = f"{hub.url}/store/file/{file_id}?signed=1"
    return Response(location, status_code=307, headers={"Location": location}, media_type="text/plain")


@get("/store/file/{file_id:int}")
async def stored_file(file_id: int, request: Request[Any, Any, State], state: State) -> Response[Any] | Stream:
    hub = _hub(state)
    content = hub.faults.serve_instead or hub.content[file_id]
    etag = f'"{hashlib.md5(content).hexdigest()}"'
    asked = request.headers.get("Range", "")
    hub.range_headers.append(asked)
    start = 0 if hub.faults.ignore_ranges or not asked else int(asked.removeprefix("bytes=").rstrip("-"))
    if request.headers.get("If-Range", etag) != etag:
        start = 0
    headers = {"ETag": etag, "Content-Length": str(len(content) - start)}
    if start:
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
    cut = hub.faults.cut_downloads_after.pop(0) if hub.faults.cut_downloads_after else None

    async def body() -> AsyncIterator[bytes]:
        if cut is None:
            yield content[start:]
            return
        yield content[start : start + cut]
        raise ConnectionAbortedError("the test cuts this download")

    return Stream(body(), status_code=206 if start else 200, headers=headers, media_type="application/octet-stream")


@contextmanager
def running_hub() -> Iterator[StandInHub]:
    """The stand-in on a free port, in a thread."""
    hub = StandInHub()
    app = Litestar(
        [
            create_model, hub_model, delete_model, create_version, hub_version, create_upload, open_uploads, one_upload,
            part_urls, put_part, complete_upload, publish_version, enums, list_models, public_model, public_version,
            by_hash, download, stored_file,
        ],
        before_request=note_request,
        state=State({"hub": hub}),
        openapi_config=None,
        logging_config=None,
    )  # fmt: skip
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    started = threading.Event()
    original = server.startup

    async def startup(sockets: Any = None) -> None:
        await original(sockets)
        hub.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        started.set()

    server.startup = startup  # type: ignore[method-assign]
    thread.start()
    assert started.wait(10), "the stand-in hub did not start"
    try:
        yield hub
    finally:
        hub.faults.release.set()
        server.should_exit = True
        thread.join(10)
