"""Models as Hugging Face's clients fetch them: `HF_ENDPOINT=<this hub>` and `creator/model` as the repository.

Headers and errors as `huggingface_hub` reads them (its `file_download.py` and `utils/_http.py`). A `HEAD` is answered
here and not with a redirect: clients that follow one take the commit from where it ends, and count as downloads
only what they `GET`. Revisions may hold a `/` as `%2F`, so paths are taken apart before they are decoded.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote

import msgspec
from litestar import Controller, HttpMethod, Request, Response, get, route
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from services.gateway.delivery import Delivery
from services.gateway.lfs_pointer import pointer_oid, pointer_size
from services.gateway.peers import Peers
from services.gateway.request import tags_held
from services.gateway.settings import GatewaySettings
from shared.actor import Actor
from shared.api.inside import NO_SUCH_REVISION, Repo, RepoFile
from shared.clock import wire_time
from shared.errors import to_problem
from shared.problems import PROBLEM_TYPES, NotFound, Problem, Unavailable
from shared.telemetry import logger

log = logger(__name__)
AnyRequest = Request[Any, Any, Any]
_NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}")
_NO_HEADER_TEXT = re.compile(r"[^\x20-\x7e]")
_NO_SUCH_REPO = "no-such-repository"
_NO_SUCH_ENTRY = "no-such-entry"
_ERROR_CODES = {
    _NO_SUCH_REPO: "RepoNotFound",
    NO_SUCH_REVISION: "RevisionNotFound",
    _NO_SUCH_ENTRY: "EntryNotFound",
}


def hub_error(request: AnyRequest, error: Exception) -> Response[bytes]:
    """`{"error": …}`, and the code in a header by which the client chooses its exception."""
    problem = to_problem(error)
    if problem.status_code >= 500 and not isinstance(problem, Unavailable):
        log.error("request failed", method=request.method, path=request.url.path, exc_info=error)
    message = _NO_HEADER_TEXT.sub("?", problem.detail)[:500]
    headers = {**(problem.headers or {}), "x-error-message": message, "cache-control": "no-store"}
    if code := _ERROR_CODES.get(str(problem.type_).removeprefix(PROBLEM_TYPES)):
        headers["x-error-code"] = code
    return Response(
        msgspec.json.encode({"error": problem.detail}), status_code=problem.status_code, headers=headers,
        media_type="application/json",
    )  # fmt: skip


_HANDLERS: ExceptionHandlersMap = {HTTPException: hub_error, Exception: hub_error}


async def _repo(peers: Peers, creator: str, name: str, revision: str, actor: Actor, settings: GatewaySettings) -> Repo:
    """The repository at a revision. Raises NotFound with the slug that says what is missing; Forbidden; Gone."""
    try:
        if not (_NAME.fullmatch(creator) and _NAME.fullmatch(name)):
            raise NotFound(f"There is no repository {creator}/{name}.")
        path = f"/repos/{quote(creator)}/{quote(name)}"
        params = {"revision": revision, "only_for_accounts": str(settings.downloads_need_login).lower()}
        return await peers.catalog.fetch("GET", path, Repo, actor=actor, params=params)
    except NotFound as error:
        if str(error.type_).endswith(NO_SUCH_REVISION):
            raise
        raise NotFound(error.detail, slug=_NO_SUCH_REPO) from None


def _segments(request: AnyRequest, skip: int) -> list[str]:
    """The decoded segments of the path after the first `skip`."""
    raw: bytes = request.scope["raw_path"]
    return [unquote(segment) for segment in raw.decode("latin-1").lstrip("/").split("/")[skip:]]


def _no_entry(repo: Repo, path: str) -> Problem:
    missing = NotFound(f"{repo.creator}/{repo.name} has no file {path!r} at this revision.", slug=_NO_SUCH_ENTRY)
    missing.headers = {"x-repo-commit": repo.commit}  # clients keep in mind that it is not there
    return missing


def _find(repo: Repo, path: str) -> RepoFile:
    """A file by its path, else by the name that the hub's pages show. Raises NotFound."""
    by_path = next((file for file in repo.files if file.path == path), None)
    found = by_path or next((file for file in repo.files if file.target.name == path), None)
    if found is None:
        raise _no_entry(repo, path)
    return found


class HubFiles(Controller):
    """`/{creator}/{model}/resolve/{revision}/{file}`. Static addresses go before: routing never looks back."""

    tags = ["Hugging Face clients"]
    exception_handlers = _HANDLERS

    @route("/{creator:str}/{name:str}/resolve/{rest:path}", http_method=[HttpMethod.GET, HttpMethod.HEAD])
    async def resolve(
        self, request: AnyRequest, creator: str, name: str, rest: str, actor: Actor, origin: str, peers: Peers,
        delivery: Delivery, settings: GatewaySettings,
    ) -> Response[Any]:  # fmt: skip
        """One file: `HEAD` tells its size, hash and commit, `GET` redirects to its bytes and counts as a download."""
        revision, *path = _segments(request, skip=3)
        repo = await _repo(peers, creator, name, revision, actor, settings)
        target = _find(repo, "/".join(path)).target
        etag = f'"{target.sha256}"'
        headers = {
            "etag": etag,
            "x-linked-etag": etag,
            "x-linked-size": str(target.size_bytes),
            "x-repo-commit": repo.commit,
            "accept-ranges": "bytes",
            "content-disposition": f'attachment; filename="{target.name}"',
            "cache-control": "no-store",
        }
        if etag in tags_held(request.headers.get("if-none-match", "")):
            return Response(None, status_code=304, headers=headers)
        if request.method == "HEAD":
            headers |= {"content-length": str(target.size_bytes), "content-type": "application/octet-stream"}
            return Response(None, status_code=200, headers=headers)
        await delivery.count(target, actor.account_id or None)
        headers["location"] = delivery.address(target, origin, actor)
        return Response(headers["location"], status_code=302, headers=headers, media_type="text/plain")


def _info(repo: Repo, *, blobs: bool) -> dict[str, Any]:
    """A repository in the shape of `ModelInfo`."""
    repo_id = f"{repo.creator}/{repo.name}"
    return {
        "_id": str(repo.model_id),
        "id": repo_id,
        "modelId": repo_id,
        "author": repo.creator,
        "sha": repo.commit,
        "lastModified": wire_time(repo.updated_at),
        "createdAt": wire_time(repo.created_at),
        "private": False,
        "gated": False,
        "disabled": False,
        "downloads": repo.downloads,
        "likes": repo.likes,
        "tags": [repo.type.lower(), *repo.tags],
        "siblings": [{"rfilename": file.path, **(_blob(file) if blobs else {})} for file in repo.files],
    }


def _blob(file: RepoFile) -> dict[str, Any]:
    target = file.target
    pointer = pointer_size(target.sha256, target.size_bytes)
    return {
        "size": target.size_bytes,
        "blobId": pointer_oid(target.sha256, target.size_bytes),
        "lfs": {"sha256": target.sha256, "size": target.size_bytes, "pointerSize": pointer},
    }


def _tree_entry(file: RepoFile) -> dict[str, Any]:
    target = file.target
    pointer = pointer_size(target.sha256, target.size_bytes)
    return {
        "type": "file",
        "path": file.path,
        "size": target.size_bytes,
        "oid": pointer_oid(target.sha256, target.size_bytes),
        "lfs": {"oid": target.sha256, "size": target.size_bytes, "pointerSize": pointer},
    }


class HubModels(Controller):
    """`/api/models/{creator}/{model}`: what is in a repository."""

    path = "/api/models/{creator:str}/{name:str}"
    tags = ["Hugging Face clients"]
    exception_handlers = _HANDLERS

    @get()
    async def newest(
        self, creator: str, name: str, peers: Peers, actor: Actor, settings: GatewaySettings, blobs: bool = False
    ) -> dict[str, Any]:
        """The newest version: its commit and its files."""
        return _info(await _repo(peers, creator, name, "main", actor, settings), blobs=blobs)

    @get("/revision/{rest:path}")
    async def revision(
        self, request: AnyRequest, creator: str, name: str, rest: str, peers: Peers, actor: Actor,
        settings: GatewaySettings, blobs: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """One version, by `main`, commit, version name or version id."""
        revision, *_ = _segments(request, skip=5)
        return _info(await _repo(peers, creator, name, revision, actor, settings), blobs=blobs)

    @get("/tree/{rest:path}")
    async def tree(
        self, request: AnyRequest, creator: str, name: str, rest: str, peers: Peers, actor: Actor,
        settings: GatewaySettings,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """The files of one version with sizes and hashes. There are no folders."""
        revision, *path = _segments(request, skip=5)
        repo = await _repo(peers, creator, name, revision, actor, settings)
        if any(path):
            raise _no_entry(repo, "/".join(path))
        return [_tree_entry(file) for file in repo.files]
