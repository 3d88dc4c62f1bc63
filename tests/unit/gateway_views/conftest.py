"""Valid API answers to start from; a test changes only what it is about."""

from typing import Any, Protocol

import pytest


class Make(Protocol):
    def __call__(self, **changes: Any) -> dict[str, Any]: ...


def _file(**changes: Any) -> dict[str, Any]:
    return {
        "id": 31,
        "name": "neon.safetensors",
        "sizeKB": 815.376953125,
        "type": "Model",
        "metadata": {"format": "SafeTensor", "size": "full", "fp": "fp16"},
        "pickleScanResult": "Success",
        "pickleScanMessage": None,
        "virusScanResult": "Success",
        "virusScanMessage": None,
        "scannedAt": "2026-02-11T08:12:44.120Z",
        "hashes": {"SHA256": "AB" * 32, "AutoV2": "ABABABABAB"},
        "downloadUrl": "http://hub.example:8000/api/download/models/12",
        "primary": True,
    } | changes


def _picture(**changes: Any) -> dict[str, Any]:
    return {
        "id": 70,
        "url": "http://hub.example:8000/images/original=true/70.png",
        "nsfwLevel": 1,
        "width": 128,
        "height": 128,
        "hash": None,
        "type": "image",
        "meta": {"prompt": "neon lights, an orange cat", "seed": 2, "steps": 16, "cfgScale": 7},
    } | changes


def _version(**changes: Any) -> dict[str, Any]:
    return {
        "id": 12,
        "index": 0,
        "name": "v2.0",
        "baseModel": "SDXL 1.0",
        "publishedAt": "2026-02-11T08:30:00.000Z",
        "description": None,
        "trainedWords": ["neon lights"],
        "files": [_file()],
        "images": [_picture()],
        "stats": {"downloadCount": 640, "thumbsUpCount": 40, "thumbsDownCount": 0},
        "downloadUrl": "http://hub.example:8000/api/download/models/12",
    } | changes


def _model(**changes: Any) -> dict[str, Any]:
    return {
        "id": 4,
        "name": "Tiny Neon",
        "description": "<p>Glowing tubes.</p>",
        "allowNoCredit": True,
        "allowCommercialUse": ["Image", "Rent"],
        "allowDerivatives": True,
        "allowDifferentLicense": False,
        "type": "LORA",
        "stats": {"downloadCount": 1290, "thumbsUpCount": 88, "thumbsDownCount": 3},
        "creator": {"username": "mira_k", "image": None},
        "tags": ["style"],
        "modelVersions": [_version(), _version(id=9, name="v1.0", images=[], files=[])],
    } | changes


def _hub(**changes: Any) -> dict[str, Any]:
    previews = {"status": "done", "done": 1, "total": 1, "reason": None}
    version = {"id": 12, "name": "v2.0", "status": "Published", "files": [], "previews": previews} | changes
    return {"id": 4, "versions": [version]}


def _review(**changes: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "modelId": 4,
        "versionId": 12,
        "username": "tidal",
        "recommended": True,
        "text": "Works.",
        "createdAt": "2026-03-02T10:00:00.000Z",
    } | changes


@pytest.fixture
def make_file() -> Make:
    return _file


@pytest.fixture
def make_picture() -> Make:
    return _picture


@pytest.fixture
def make_version() -> Make:
    return _version


@pytest.fixture
def make_model() -> Make:
    return _model


@pytest.fixture
def make_hub() -> Make:
    """A HubModel of one version; the changes are the version's."""
    return _hub


@pytest.fixture
def make_review() -> Make:
    return _review
