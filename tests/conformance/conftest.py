"""The site under test: `EASEL_CONFORMANCE_URL` (and `EASEL_CONFORMANCE_TOKEN`), or the session's hub, filled here."""

from __future__ import annotations

import asyncio
import os
import secrets
from pathlib import Path

import msgspec
import pytest

from services.catalog.domain.model import Model
from services.catalog.domain.wire import Wire
from services.catalog.repository import Repository
from shared.engines.mongo import Mongo
from shared.events.payload import Payload
from shared.outbox import Outbox
from shared.settings import Settings
from tests.conformance.site import Site
from tests.hub_driver import HubDriver, eventually, small_safetensors

# Read before the session's hub clears the environment.
URL = os.environ.get("EASEL_CONFORMANCE_URL")
TOKEN = os.environ.get("EASEL_CONFORMANCE_TOKEN")


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest) -> Site:
    """What is tested. The hub of this session is started only when no other site is named."""
    if URL:
        return Site(URL, TOKEN)
    hub: HubDriver = request.getfixturevalue("hub")
    models: Path = request.getfixturevalue("demo_models")
    folder: Path = request.getfixturevalue("tmp_path_factory").mktemp("conformance")
    _fill(hub, models, folder)
    return Site(hub.url, hub.new_account()[1].headers["authorization"].removeprefix("Bearer "))


def _fill(hub: HubDriver, models: Path, folder: Path) -> None:
    """A checkpoint with pictures, and models of two kinds, one of them with two files; all found by search."""
    report = hub.publish(models / "tiny-shapes.safetensors", "Conformance Shapes", "Checkpoint", "--tag", "conformance")
    for name, kind in (("First", "LORA"), ("Second", "LORA"), ("Third", "TextualInversion")):
        path = small_safetensors(folder / f"{name}.safetensors", 3 << 20)
        version = hub.new_version(
            hub.admin, f"Conformance {name} {secrets.token_hex(3)}", type=kind, tags=["conformance"]
        )
        hub.upload(hub.admin, version["id"], path)
        if name == "Second":
            hub.upload(hub.admin, version["id"], small_safetensors(folder / "more.safetensors", 3 << 20))
        assert hub.admin.post(f"/api/hub/versions/{version['id']}/publish").status_code == 202
        assert hub.wait_settled(version["id"])["status"] == "Published"
        eventually(lambda found=version["modelId"]: found in hub.search("Conformance"))  # type: ignore[misc]
    assert hub.wait_previews(report["versionId"])["previews"]["status"] == "done"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in hub.running.hub.environment().items():
            if name.startswith("EASEL_"):
                patch.setenv(name, value)
        asyncio.run(_rate_one_picture(Settings(), report["versionId"]))


async def _rate_one_picture(settings: Settings, version_id: int) -> None:
    """Rate a picture R. Nobody can over HTTP yet, so it is done where the catalog does it."""
    mongo = Mongo(settings, "catalog")
    models = Repository(mongo, Outbox(mongo, "catalog"), Wire())

    def rated(model: Model) -> tuple[Model, list[Payload]]:
        version = model.version(version_id)
        assert version is not None
        first, *others = version.images
        images = (msgspec.structs.replace(first, level=4), *others)
        return model.with_version(msgspec.structs.replace(version, images=images)), []

    try:
        await models.change_version(version_id, rated)
    finally:
        await mongo.stop()
