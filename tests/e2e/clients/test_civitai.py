"""civitai 1.0.0: an old library, with pages by number and the field names of the wiki."""

from __future__ import annotations

from tests.e2e.clients.conftest import Drive, Shelf
from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver


def test_it_reads_every_endpoint_by_its_own_properties(
    hub: HubDriver, drive: Drive, shelf: Shelf, shapes: Shared
) -> None:
    hub.wait_previews(shapes.version_id)
    pier = shelf.pier
    found = drive(
        "civitai", base=hub.url, word=shelf.mark, model=pier.model_id, version=pier.version_id,
        sha256=pier.sha256(), pictured=shapes.model_id,
    ).found  # fmt: skip
    assert {(each[0], each[1], each[2], each[3]) for each in found["found"]} == {
        (shelf.harbour.model_id, shelf.harbour.name, "Checkpoint", pier.creator),
        (pier.model_id, pier.name, "LORA", pier.creator),
    }
    assert found["page"] == [1, 2, 1]
    assert found["plain"][:2] == [1, 2]
    assert found["plain"][2] >= 1
    model_id, creator, picture, description, nsfw, tags = found["model"]
    assert (model_id, creator, picture, nsfw, tags) == (pier.model_id, pier.creator, None, False, ["harbour"])
    assert isinstance(description, str)
    assert found["old_counts"] == [0, 0, 0, 0]
    assert [(each[0], each[3]) for each in found["versions"]] == [(pier.version_id, 3)]
    assert found["version"][:3] == [pier.model_id, "v2.0", ["pier lights"]]
    assert found["version"][3] == f"{hub.url}/api/download/models/{pier.version_id}"
    assert found["by_hash"] == pier.version_id
    total, page, size, pages, shown = found["creators"]
    assert (page, size, shown) == (1, 5, min(total, 5))
    assert pages == -(-total // 5)
    assert all(link == f"{hub.url}/api/v1/models?tag={name}" for name, link in found["tags"][3])
    assert all(count >= 1 for count in found["tag_counts"])
    assert found["image"][1:4] == [0, "None", False]
