"""Drives the package `civitai`, run by its own Python; the last line printed is what it found."""

from __future__ import annotations

import json
import sys
from typing import Any

from civitai import creators, images, models, tags


def main(given: dict[str, Any]) -> dict[str, Any]:
    """Everything that the package can ask, read through its own properties."""
    for module in (creators, images, models, tags):
        module.CIVITAI_BASE_URL = f"{given['base']}/api/v1"
    page = models.get(limit=2, page=1, query=given["word"])
    plain = models.get(limit=2, page=1, types="LORA", sort="Newest", period="AllTime")
    model = models.get_model(given["model"])
    version = models.get_by_modelVersion(given["version"])
    image = images.get(limit=2, modelId=given["pictured"]).items[0]
    people, names = creators.get(limit=5), tags.get(limit=5)
    return {
        "found": [[item.id, item.name, item.type, item.creator_username, item.downloadCount] for item in page.items],
        "page": [page.currentPage, page.pageSize, page.totalPages],
        "plain": [plain.currentPage, plain.pageSize, plain.totalPages, len(plain.items)],
        "model": [model.id, model.creator_username, model.creator_image, model.description, model.nsfw, model.tags],
        "old_counts": [model.favoriteCount, model.commentCount, model.ratingCount, model.rating],
        "versions": [[each.id, each.publishedAt, each.createdAt, len(each.files)] for each in model.modelVersions],
        "version": [version.modelId, version.name, version.trainedWords, version.downloadUrl, version.updatedAt],
        "by_hash": models.get_by_hash(given["sha256"]).id,
        "creators": [people.totalItems, people.currentPage, people.pageSize, people.totalPages, len(people.items)],
        "tags": [names.totalPages, names.currentPage, names.pageSize, [[tag.name, tag.link] for tag in names.items]],
        "tag_counts": [tag.modelCount for tag in names.items],
        "image": [image.id, image.heartCount, image.nsfwLevel, image.nsfw, image.postId, image.username, image.hash],
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
