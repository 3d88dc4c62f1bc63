"""The compatible read API beside models and versions: open to everybody, except for who one is."""

from __future__ import annotations

from tests.e2e.authorization.table import Request, World, everybody, plain, row

for _path in ("images", "creators", "tags", "users", "articles", "collections", "permissions/check"):
    plain("GET", f"/api/v1/{_path}", everybody(200))
for _what in ("article", "collection"):
    plain("GET", f"/api/v1/{_what}s/{{{_what}_id:str}}", everybody(404), f"/api/v1/{_what}s/1")
for _path in ("", "/ids"):
    plain("POST", f"/api/v1/model-versions/by-hash{_path}", everybody(200), json=["0" * 64])
for _path in ("get", "all", "check-vault"):
    plain("GET", f"/api/v1/vault/{_path}", (401, 200, 200, 200, 200, 200, 200))
plain("POST", "/api/v1/vault/toggle-version", (401, 403, 403, 403, 403, 403, 403))
plain("GET", "/api/v1/me", (401, 200, 200, 200, 200, 200, 200))


@row("GET", "/api/v1/model-versions/mini/{version_id:str}", everybody(200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/v1/model-versions/mini/{world.shapes.version_id}")


@row("GET", "/api/v1/model-files/{file_id:str}/tensor-metadata", everybody(200))
def _(world: World, _caller: str) -> Request:
    file_id = world.hub.version(world.shapes.version_id)["files"][0]["id"]
    return Request(f"/api/v1/model-files/{file_id}/tensor-metadata")
