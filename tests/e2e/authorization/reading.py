"""Open to everybody: health, reading, contracts, signed and public bytes."""

from __future__ import annotations

import re

from tests.e2e.authorization.table import Request, World, everybody, plain, row

for _path in ("/health/live", "/health/ready", "/metrics", "/api/v1/models", "/api/v1/enums", "/asyncapi.json"):
    plain("GET", _path, everybody(200))
for _path in ("/", "/models", "/docs/api", "/schema", "/schema/openapi.json"):
    plain("GET", _path, everybody(200))
plain("GET", "/schema/{path:str}", everybody(404), "/schema/nothing")
for _method in ("GET", "HEAD"):
    plain(_method, "/static/{file_path:path}", everybody(200), "/static/easel.css")
    plain(_method, "/image/{key:str}/{options:str}/{name:str}", everybody(404), "/image/none/original/x.png")
    plain(_method, "/store/files/{token:str}/{name:str}", everybody(403), "/store/files/forged/x")
    row(_method, "/api/download/models/{version_id:str}", everybody(307))(
        lambda world, _caller: Request(f"/api/download/models/{world.shapes.version_id}")
    )
plain("PUT", "/store/parts/{token:str}", everybody(403), "/store/parts/forged", content=b"x")
for _template, _name in (
    ("/api/v1/models/{model_id:str}", "model_id"),
    ("/api/v1/model-versions/{version_id:str}", "version_id"),
    ("/models/{model_id:int}", "model_id"),
    ("/models/{model_id:int}/previews", "model_id"),
    ("/models/{model_id:int}/files", "model_id"),
):

    def _published(world: World, _caller: str, template: str = _template, name: str = _name) -> Request:
        return Request(re.sub(r"\{.*?\}", str(getattr(world.shapes, name)), template))

    row("GET", _template, everybody(200))(_published)


plain("GET", "/api/hub/search/suggest", everybody(200), "/api/hub/search/suggest?query=quay")
plain("GET", "/models/suggestions", everybody(200), "/models/suggestions?query=quay")
plain("POST", "/api/hub/search/rebuild", (401, 403, 403, 403, 403, 202, 403))


@row("GET", "/api/hub/search/rebuild", (401, 403, 403, 403, 403, 200, 403))
def _(world: World, _caller: str) -> Request:
    assert world.hub.admin.post("/api/hub/search/rebuild").status_code == 202
    return Request("/api/hub/search/rebuild")


@row("GET", "/api/hub/models/{model_id:int}/similar", everybody(200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/models/{world.shapes.model_id}/similar")


@row("GET", "/models/{model_id:int}/{slug:str}", everybody(200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/models/{world.shapes.model_id}/quayside-shapes")


@row("GET", "/model-versions/{version_id:int}", everybody(302))
def _(world: World, _caller: str) -> Request:
    return Request(f"/model-versions/{world.shapes.version_id}")


for _method, _template in (
    ("GET", "/api/models/{creator:str}/{name:str}"),
    ("GET", "/api/models/{creator:str}/{name:str}/revision/{rest:path}"),
    ("GET", "/api/models/{creator:str}/{name:str}/tree/{rest:path}"),
    ("HEAD", "/{creator:str}/{name:str}/resolve/{rest:path}"),
    ("GET", "/{creator:str}/{name:str}/resolve/{rest:path}"),
):

    def _repository(world: World, _caller: str, template: str = _template) -> Request:
        rest = f"main/{world.shapes.path.name}" if "resolve" in template else "main"
        path = template.replace("{creator:str}", "admin").replace("{name:str}", "Quayside-Shapes")
        return Request(path.replace("{rest:path}", rest))

    row(_method, _template, everybody(302 if (_method, "resolve" in _template) == ("GET", True) else 200))(_repository)


@row("GET", "/api/v1/model-versions/by-hash/{file_hash:str}", everybody(200))
def _(world: World, _caller: str) -> Request:
    sha256 = world.hub.version(world.shapes.version_id)["files"][0]["sha256"]
    return Request(f"/api/v1/model-versions/by-hash/{sha256}")
