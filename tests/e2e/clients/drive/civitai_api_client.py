"""Drives civitai-api, run by its own Python; the last line printed is what it found."""

from __future__ import annotations

import json
import sys
from typing import Any

import civitai_api.v1 as v1
from civitai_api.v1.models.base.misc import AllowCommercialUse, Model_Types, Period, Sort
from civitai_api.v1.models.tags_endpoint import Tags_API_Opts

ORIGIN = "https://civitai.com"


def lead_to(base: str) -> None:
    """Each of its addresses is a constant of its own."""
    for name in [name for name in vars(v1) if name.startswith("API_URL_")]:
        setattr(v1, name, getattr(v1, name).replace(ORIGIN, base))


def main(given: dict[str, Any]) -> dict[str, Any]:
    """Every call, whose answers its schemas check: strict integers, enumerations, six hashes on every file."""
    lead_to(given["base"])
    client = v1.CiviClient(api_key=given["token"])
    asked = {"types": [Model_Types.LORA, Model_Types.Checkpoint], "sort": Sort.Newest, "period": Period.AllTime}
    plain = client.models(limit=100, nsfw=True, **asked)
    narrow = client.models(
        limit=1, page=1, query=given["word"], allowCommercialUse=[AllowCommercialUse.Image], allowNoCredit=True,
        allowDerivatives=True, allowDifferentLicenses=True, primaryFileOnly=True, rating=5,
    )  # fmt: skip
    model = client.get_model_by_id(given["model"])
    version = client.get_model_by_versionId(given["version"])
    return {
        "plain": [each.id for each in plain.items],
        "narrow": [narrow.metadata.currentPage, narrow.metadata.pageSize],
        "model": [model.id, model.creator.username, [each.index for each in model.modelVersions]],
        "files": {file.name: file.hashes.model_dump() for file in version.files},
        "version": [version.modelId, version.uploadType, version.usageControl, version.model.name],
        "by_hash": client.get_model_by_hash(given["sha256"]).id,
        "images": [image.id for image in client.images(limit=5, modelId=given["pictured"], nsfw=False).items],
        "creators": client.creators(limit=5, page=1, query=given["creator"]).metadata.totalItems,
        "tags": [tag.name for tag in client.tags(Tags_API_Opts(limit=5, page=1, query=given["tag"])).items],
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
