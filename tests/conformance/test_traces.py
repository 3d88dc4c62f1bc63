"""Five widely used programs, replayed: each request as it sends it, and all that it depends on in the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import yaml

from tests.conformance.shape import faults
from tests.conformance.site import Json, Site

TRACES = sorted((Path(__file__).parent / "traces").glob("*.yaml"))
KNOWN = {
    "get", "post", "head", "headers", "body", "replace", "status", "json", "skip", "lacks", "equal", "answer", "text",
    "without_text", "keep",
}  # fmt: skip
MISSING = 2_147_483_646
"""An id that no site has given yet."""


@pytest.fixture(scope="module")
def facts(site: Site) -> dict[str, str]:
    """What stands in braces: of a model with a picture, the smallest there is."""
    pictured = {image["postId"]: image for image in site.read("/images", limit=100, nsfw="X")["items"]}
    candidates = [
        (model, version)
        for model in site.models()
        for version in model["modelVersions"]
        if version["id"] in pictured and len(version["files"][0]["hashes"]) >= 5
    ]
    model, version = min(candidates, key=lambda each: float(each[1]["files"][0]["sizeKB"]))
    file, image = version["files"][0], pictured[version["id"]]
    hashes = file["hashes"]
    many = [model["id"], *range(MISSING - 499, MISSING)]
    found = {
        "origin": site.url, "key": site.token or "None", "model": model["id"], "version": version["id"],
        "file_id": file["id"], "file": file["name"], "size": round(file["sizeKB"] * 1024), "missing": MISSING,
        "SHA256": hashes["SHA256"], "sha256": hashes["SHA256"].lower(), "unknown": "0" * 64,
        "autov2": hashes["AutoV2"].lower(), "autov3": hashes["AutoV3"].lower(), "image": image["id"],
        "image_url": image["url"], "creator": model["creator"]["username"], "base_model": quote(version["baseModel"]),
        "word": quote(model["name"].split()[0].lower()), "tag": quote(model["tags"][0] if model["tags"] else ""),
        "ids": "".join(f"&ids={each}" for each in many),
    }  # fmt: skip
    return {name: str(value) for name, value in found.items()}


@pytest.mark.parametrize("path", TRACES, ids=[path.stem for path in TRACES])
def test_a_program_gets_all_that_it_depends_on(site: Site, facts: dict[str, str], path: Path) -> None:
    trace = yaml.safe_load(path.read_text())
    problems = list(replay(site, facts, trace))
    assert not problems, "\n".join(problems)


def replay(site: Site, facts: Mapping[str, str], trace: Json) -> Iterator[str]:
    """What was wrong with the answers, request by request."""
    filled = dict(facts)
    for request in trace["requests"]:
        assert request.keys() <= KNOWN, request.keys() - KNOWN
        answer = send(site, filled, trace["headers"], request)
        what = f"{answer.request.method} {answer.request.url.raw_path.decode()[:120]}"
        try:
            for problem in wrong(answer, fill(request, filled)):
                yield f"{what}: {problem}"
        except ValueError as error:
            yield f"{what}: {answer.status_code}, no JSON: {error}"
        for name, source in request.get("keep", {}).items():
            filled[name] = kept(answer, source)


def fill(value: Any, facts: Mapping[str, str]) -> Any:
    """A value with everything in braces replaced, at any depth."""
    if isinstance(value, str):
        for name, fact in facts.items():
            value = value.replace(f"{{{name}}}", fact)
        return value
    if isinstance(value, dict):
        return {key: fill(each, facts) for key, each in value.items()}
    return [fill(each, facts) for each in value] if isinstance(value, list) else value


def send(site: Site, facts: Mapping[str, str], shared: Json, request: Json) -> httpx.Response:
    """The request as the program sends it; a header that is null for this one is left out."""
    method = next(method for method in ("get", "post", "head") if method in request)
    url = fill(request[method], facts)
    for old, new in request.get("replace", {}).items():
        assert old in url, url
        url = url.replace(old, new)
    headers = fill({**shared, **request.get("headers", {})}, facts)
    sent = {name: value for name, value in headers.items() if value is not None}
    body = json.dumps(fill(request["body"], facts)) if "body" in request else None
    return site.client.request(
        method.upper(), url if url.startswith("http") else site.url + url, headers=sent, content=body
    )


def wrong(answer: httpx.Response, expected: Json) -> Iterator[str]:
    """In what an answer is not as expected."""
    status = expected.get("status", 200)
    if answer.status_code != status:
        yield f"status {answer.status_code} instead of {status}: {answer.text[:300]}"
        return
    for name, value in expected.get("answer", {}).items():
        if not answer.headers.get(name, "").startswith(value):
            yield f"{name}: {answer.headers.get(name)!r} does not begin with {value!r}"
    for text in expected.get("text", []):
        if text not in answer.text.lower():
            yield f"the text lacks {text!r}: {answer.text[:200]}"
    for text in expected.get("without_text", []):
        if text in answer.text:
            yield f"the text has {text!r}"
    shape = {path: kind for path, kind in expected.get("json", {}).items() if path not in expected.get("skip", [])}
    if shape:
        yield from faults(answer.json(), shape)
    for path in expected.get("lacks", []):
        parent, _, name = path.rpartition(".")
        if name in reach(answer.json(), parent):
            yield f"{path} should be absent"
    for path, value in expected.get("equal", {}).items():
        if reach(answer.json(), path) != value:
            yield f"{path} is {reach(answer.json(), path)!r} instead of {value!r}"


def reach(document: Any, path: str) -> Any:
    """The value at a path of plain names."""
    for name in filter(None, path.split(".")):
        document = document[name]
    return document


def kept(answer: httpx.Response, source: str) -> str:
    """What is remembered of an answer: `header NAME`, or the value at a path."""
    kind, _, name = source.partition(" ")
    return answer.headers[name] if kind == "header" else str(reach(answer.json(), source))
