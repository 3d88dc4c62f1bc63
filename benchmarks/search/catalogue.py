"""Catalogue and query files: one JSON object a line, perhaps packed with gzip."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from services.search.domain.wanted import Wanted
from shared.events.models import SearchDocument

_CREATED = datetime(2023, 1, 1, tzinfo=UTC)


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A query; `rel` has the grade of each relevant model, None where nobody judged it."""

    qid: str
    kind: str = ""
    q: str
    filters: dict[str, Any] = {}
    rel: dict[int, int] | None = None


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a file that are not empty."""
    packed = path.read_bytes()[:2] == b"\x1f\x8b" if path.stat().st_size < 2**20 else path.suffix == ".gz"
    with gzip.open(path) if packed else path.open("rb") as file:
        for line in file:
            if line.strip():
                yield line


def read_models(path: Path) -> Iterator[tuple[int, SearchDocument]]:
    """Ids and search documents of a catalogue."""
    for line in lines(path):
        model = json.loads(line)
        yield int(model["id"]), _document(model)


def read_queries(path: Path) -> list[Query]:
    """The queries of a file."""
    return [msgspec.json.decode(line, type=Query, strict=False) for line in lines(path)]


def wanted_of(query: Query) -> Wanted:
    """The question that a query and its filters ask."""
    chosen: dict[str, Any] = {}
    for name, value in query.filters.items():
        field = _FILTERS.get(name)
        if field is None:
            raise SystemExit(f"query {query.qid}: there is no filter {name!r}; known are {', '.join(_FILTERS)}")
        many = isinstance(Wanted.__struct_defaults__[Wanted.__struct_fields__.index(field)], tuple)
        if many:
            chosen[field] = tuple(value) if isinstance(value, list) else (value,)
        else:
            chosen[field] = value
    return Wanted(query=query.q, **chosen)


_FILTERS = {
    "type": "types",
    "types": "types",
    "baseModel": "base_models",
    "baseModels": "base_models",
    "base_model": "base_models",
    "base": "base_models",
    "tag": "tags",
    "tags": "tags",
    "creator": "creators",
    "username": "creators",
    "checkpointType": "checkpoint_type",
    "format": "file_formats",
    "fileFormats": "file_formats",
    "period": "period",
    "sort": "sort",
    "nsfw": "nsfw",
    "-type": "without_types",
    "-tag": "without_tags",
    "-base": "without_base_models",
    "-baseModel": "without_base_models",
    "-creator": "without_creators",
}


def _document(model: dict[str, Any]) -> SearchDocument:
    versions: list[dict[str, Any]] = model["versions"]
    files = [file for version in versions for file in version["files"]]
    stats = model.get("stats", {})
    created = [_moment(version.get("createdAt")) for version in versions] or [_CREATED]
    return SearchDocument(
        name=model["name"],
        type=model["type"],
        creator=model.get("creator", ""),
        base_models=_once(version["baseModel"] for version in versions if version.get("baseModel")),
        tags=model.get("tags", []),
        trigger_words=_once(word for version in versions for word in version.get("trainedWords", [])),
        file_names=_once(file["name"] for file in files),
        hashes=_once(file["sha256"].lower() for file in files if file.get("sha256")),
        version_ids=[version["id"] for version in versions],
        version_names=_once(version["name"] for version in versions if version.get("name")),
        summary=model.get("description", "") or "",
        file_formats=_once(file["format"] for file in files if file.get("format")),
        nsfw_level=1,
        nsfw=False,
        downloads=int(stats.get("downloadCount", 0)),
        thumbs_up=int(stats.get("favoriteCount", stats.get("thumbsUpCount", 0))),
        thumbs_down=int(stats.get("thumbsDownCount", 0)),
        comments=int(stats.get("commentCount", 0)),
        images=sum(len(version.get("previews", [])) for version in versions),
        size_bytes=sum(int(file.get("sizeKB", 0) * 1024) for file in files),
        published_at=min(created),
        last_version_at=max(created),
    )


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else _CREATED


def _once(values: Any) -> list[Any]:
    return list(dict.fromkeys(values))
