"""Easel's own API: publishing, community, moderation, accounts and keys."""

from __future__ import annotations

import secrets

from tests.e2e.authorization.table import Request, Statuses, World, everybody, plain, row
from tests.hub_driver import created


# Publishing: creators, each their own. An administrator has the owner's rights; moderators see drafts, others do not.
# An upload is its owner's alone.
def owners(status: int) -> Statuses:
    """The owner's and administrators'; who may not know of it learns nothing."""
    return (401, 403, 404, status, 403, status, 403)


def uploaders(status: int) -> Statuses:
    """Its owner's alone."""
    return (401, 403, 404, status, 404, 404, 403)


@row("POST", "/api/hub/models", (401, 403, 201, 201, 201, 201, 403))
def _(_world: World, _caller: str) -> Request:
    return Request("/api/hub/models", {"name": f"Matrix {secrets.token_hex(4)}", "type": "LORA"})


@row("GET", "/api/hub/models/{model_id:int}", (404, 404, 404, 200, 200, 200, 200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/models/{world.draft()['modelId']}")


@row("PATCH", "/api/hub/models/{model_id:int}", owners(200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/models/{world.draft()['modelId']}", {"description": "Changed."})


@row("DELETE", "/api/hub/models/{model_id:int}", owners(204))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/models/{world.draft()['modelId']}")


@row("POST", "/api/hub/models/{model_id:int}/versions", owners(201))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/models/{world.draft()['modelId']}/versions", {"name": "v2", "baseModel": "Other"})


@row("GET", "/api/hub/versions/{version_id:int}", (404, 404, 404, 200, 200, 200, 200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/versions/{world.draft()['id']}")


@row("PATCH", "/api/hub/versions/{version_id:int}", owners(200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/versions/{world.draft()['id']}", {"description": "Changed."})


@row("POST", "/api/hub/versions/{version_id:int}/publish", owners(409))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/versions/{world.draft()['id']}/publish")  # without a file: refused for that alone


@row("DELETE", "/api/hub/versions/{version_id:int}/files/{file_id:int}", owners(204))
def _(world: World, _caller: str) -> Request:
    upload = world.upload()
    return Request(f"/api/hub/versions/{upload['versionId']}/files/{upload['fileId']}")


@row("POST", "/api/hub/versions/{version_id:int}/uploads", owners(201))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/versions/{world.draft()['id']}/uploads", {"name": "x.safetensors", "sizeBytes": 4096})


def picture(world: World) -> int:
    """A picture of the administrators' demo model."""
    world.hub.wait_previews(world.shapes.version_id)
    query = {"modelVersionId": world.shapes.version_id}
    found: int = world.hub.anonymous.get("/api/v1/images", params=query).json()["items"][0]["id"]
    return found


@row("GET", "/api/hub/images/{image_id:int}", everybody(200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/images/{picture(world)}")


@row("PUT", "/api/hub/images/{image_id:int}/rating", (401, 403, 403, 403, 403, 200, 403))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/images/{picture(world)}/rating", {"level": 1})


plain("GET", "/api/hub/uploads", (401, 403, 200, 200, 200, 200, 403))


@row("GET", "/api/hub/uploads/{upload_id:uuid}", uploaders(200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/uploads/{world.upload()['id']}")


@row("DELETE", "/api/hub/uploads/{upload_id:uuid}", uploaders(204))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/uploads/{world.upload()['id']}")


@row("POST", "/api/hub/uploads/{upload_id:uuid}/urls", uploaders(200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/uploads/{world.upload()['id']}/urls", {"parts": [1]})


@row("POST", "/api/hub/uploads/{upload_id:uuid}/complete", uploaders(200))
def _(world: World, _caller: str) -> Request:
    upload = world.upload()
    part = world.hub.send_part(world.keys["owner"], upload, world.file, 1)
    return Request(f"/api/hub/uploads/{upload['id']}/complete", {"parts": [part]})


# Community: everybody with an account, about what is published; moderators remove what others said.
@row("GET", "/api/hub/models/{model_id:int}/reviews", everybody(200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/models/{world.shapes.model_id}/reviews")


@row("POST", "/api/hub/versions/{version_id:int}/reviews", (401, 201, 201, 201, 201, 201, 403))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/versions/{world.shapes.version_id}/reviews", {"recommended": True})


@row("DELETE", "/api/hub/reviews/{review_id:int}", (401, 403, 403, 204, 204, 204, 403))
def _(world: World, _caller: str) -> Request:
    path = f"/api/hub/versions/{world.shapes.version_id}/reviews"
    answer = world.keys["owner"].post(path, json={"recommended": True, "text": "The owner's."})
    assert answer.status_code in (200, 201), answer.text
    return Request(f"/api/hub/reviews/{answer.json()['id']}")


@row("POST", "/api/hub/reports", (401, 201, 201, 201, 201, 201, 403))
def _(world: World, _caller: str) -> Request:
    return Request("/api/hub/reports", {"subjectType": "model", "subjectId": world.shapes.model_id, "reason": "other"})


# Collections: one's own alone, public ones for everybody to see.
plain("GET", "/api/hub/collections", (401, 200, 200, 200, 200, 200, 200))
plain("POST", "/api/hub/collections", (401, 201, 201, 201, 201, 201, 403), json={"name": "Kept"})


def collection(world: World, *, is_public: bool = False) -> str:
    """The path of a collection of the owner's."""
    body = {"name": f"Kept {secrets.token_hex(4)}", "isPublic": is_public}
    return f"/api/hub/collections/{created(world.keys['owner'].post('/api/hub/collections', json=body))['id']}"


for _method, _more, _status in (
    ("PATCH", "", 200),
    ("DELETE", "", 204),
    ("PUT", "/models/{model_id:int}", 204),
    ("DELETE", "/models/{model_id:int}", 204),
):

    @row(_method, "/api/hub/collections/{collection_id:int}" + _more, (401, 404, 404, _status, 404, 404, 403))
    def _(world: World, _caller: str, method: str = _method, more: str = _more) -> Request:
        path = collection(world) + (f"/models/{world.shapes.model_id}" if more else "")
        return Request(path, {"name": "Renamed"} if method == "PATCH" else None)


for _more in ("", "/models"):

    @row("GET", "/api/hub/collections/{collection_id:int}" + _more, (404, 404, 404, 200, 404, 404, 200))
    def _(world: World, _caller: str, more: str = _more) -> Request:
        return Request(collection(world) + more)


for _method in ("PUT", "DELETE"):

    @row(_method, "/api/hub/collections/{collection_id:int}/follow", (401, 204, 204, 204, 204, 204, 403))
    def _(world: World, _caller: str) -> Request:
        return Request(collection(world, is_public=True) + "/follow")

    @row(_method, "/api/hub/me/{own_list:str}/models/{model_id:int}", (401, 204, 204, 204, 204, 204, 403))
    def _(world: World, _caller: str) -> Request:
        return Request(f"/api/hub/me/favorites/models/{world.shapes.model_id}")


plain("GET", "/api/hub/me/{own_list:str}/models", (401, 200, 200, 200, 200, 200, 200), "/api/hub/me/hidden/models")


# Moderation.
plain("GET", "/api/hub/moderation/reports", (401, 403, 403, 403, 200, 200, 403))
plain(
    "POST", "/api/hub/moderation/takedowns", (401, 403, 403, 403, 404, 404, 403),
    json={"modelId": 2_000_000_000, "reason": "There is no such model."},
)  # fmt: skip
plain(
    "POST", "/api/hub/moderation/ratings", (401, 403, 403, 403, 404, 404, 403),
    json={"subjectType": "model", "subjectId": 2_000_000_000, "level": 4},
)  # fmt: skip
plain(
    "DELETE", "/api/hub/moderation/takedowns/{model_id:int}", (401, 403, 403, 403, 404, 404, 403),
    "/api/hub/moderation/takedowns/2000000000",
)  # fmt: skip


# Scanning: a report is everybody's once the file was published; an appeal is its uploader's.
@row("GET", "/api/hub/files/{file_id:int}/scan", (404, 404, 404, 200, 200, 200, 200))
def _(world: World, _caller: str) -> Request:
    upload = world.upload()
    part = world.hub.send_part(world.keys["owner"], upload, world.file, 1)
    done = world.keys["owner"].post(f"/api/hub/uploads/{upload['id']}/complete", json={"parts": [part]})
    assert done.status_code == 200, done.text
    return Request(f"/api/hub/files/{upload['fileId']}/scan")


plain(
    "POST", "/api/hub/files/{file_id:int}/appeals", (401, 403, 404, 404, 404, 404, 403),
    "/api/hub/files/2000000000/appeals", json={"text": "It is harmless."},
)  # fmt: skip
plain("GET", "/api/hub/moderation/appeals", (401, 403, 403, 403, 200, 200, 403))
for answer in ("accept", "reject"):
    plain(
        "POST", f"/api/hub/moderation/appeals/{{appeal_id:int}}/{answer}", (401, 403, 403, 403, 404, 404, 403),
        f"/api/hub/moderation/appeals/2000000000/{answer}", json={"reason": "Looked at."},
    )  # fmt: skip
plain(
    "POST", "/api/hub/moderation/overrides", (401, 403, 403, 403, 404, 404, 403),
    json={"fileId": 2_000_000_000, "reason": "There is no such file."},
)  # fmt: skip
plain("GET", "/api/hub/moderation/rescans", (401, 403, 403, 403, 403, 200, 403))
plain("POST", "/api/hub/moderation/rescans", (401, 403, 403, 403, 403, 202, 403), json={"versionId": 2_000_000_000})
plain(
    "GET", "/api/hub/moderation/rescans/{rescan_id:int}", (401, 403, 403, 403, 403, 404, 403),
    "/api/hub/moderation/rescans/2000000000",
)  # fmt: skip
plain("GET", "/api/hub/notifications", (401, 200, 200, 200, 200, 200, 200))
plain("POST", "/api/hub/notifications/read", (401, 204, 204, 204, 204, 204, 403), json={})

plain("GET", "/api/hub/searches", (401, 200, 200, 200, 200, 200, 200))
plain("POST", "/api/hub/searches", (401, 201, 201, 201, 201, 201, 403), json={"name": "Ink", "filters": "query=ink"})


@row("DELETE", "/api/hub/searches/{search_id:uuid}", (401, 404, 404, 204, 404, 404, 403))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/searches/{saved_search(world)}")


def saved_search(world: World) -> str:
    """The id of a search that the owner has saved."""
    body = {"name": "Ink", "filters": "query=ink"}
    return str(created(world.keys["owner"].post("/api/hub/searches", json=body))["id"])


# Accounts and keys.
plain("GET", "/api/hub/accounts", (401, 403, 403, 403, 403, 200, 403))


@row("POST", "/api/hub/accounts", (401, 403, 403, 403, 403, 201, 403))
def _(_world: World, _caller: str) -> Request:
    return Request("/api/hub/accounts", {"username": f"user_{secrets.token_hex(4)}", "role": "member"})


@row("PATCH", "/api/hub/accounts/{account_id:int}", (401, 403, 403, 403, 403, 200, 403))
def _(world: World, _caller: str) -> Request:
    body = {"username": f"user_{secrets.token_hex(4)}", "role": "member"}
    account = created(world.hub.admin.post("/api/hub/accounts", json=body))
    return Request(f"/api/hub/accounts/{account['id']}", {"restricted": True})


plain("GET", "/api/hub/me", (401, 200, 200, 200, 200, 200, 200))
plain("POST", "/api/hub/me/password", (401, 400, 400, 400, 400, 400, 403), json={"password": "short"})
plain("GET", "/api/hub/me/file-preferences", (401, 200, 200, 200, 200, 200, 200))
plain("PUT", "/api/hub/me/file-preferences", (401, 200, 200, 200, 200, 200, 403), json={})
plain("GET", "/api/hub/keys", (401, 200, 200, 200, 200, 200, 200))
plain("POST", "/api/hub/keys", (401, 201, 201, 201, 201, 201, 403), json={"name": "another"})


@row("DELETE", "/api/hub/keys/{key_id:uuid}", (401, 404, 404, 204, 404, 404, 403))
def _(world: World, _caller: str) -> Request:
    made = created(world.keys["owner"].post("/api/hub/keys", json={"name": "to be revoked"}))
    return Request(f"/api/hub/keys/{made['id']}")
