"""How mature pictures, versions and models are.

Levels are bits (1 PG, 2 PG-13, 4 R, 8 X, 16 XXX, 32 blocked). A picture has one: a moderator's rating, else its
publisher's, else what unrated pictures count as on this hub (`EASEL_UNRATED_LEVEL`), but at least what is said of the
whole model. A version has those of its pictures together, and a model those of its versions.
"""

from __future__ import annotations

from services.catalog.domain.model import Image, Model, Version
from shared.api.v1 import LEVEL_ALL

_R = 4


def is_marked_mature(model: Model) -> bool:
    """Whether its owner, or a moderator, says of the whole that it is not for everybody."""
    return model.nsfw or model.level >= _R


def unrated_level_of(model: Model, unrated_level: int) -> int:
    """What a picture of the model counts as while nobody has rated it; 0 (nobody sees it) stays 0."""
    if not unrated_level and not model.level:
        return 0
    return max(unrated_level, model.level, _R if model.nsfw else 0)


def image_level(model: Model, image: Image, unrated_level: int) -> int:
    """The bit of a picture; 0 while it is unrated on a hub where such are hidden."""
    return image.level or max(image.proposed, model.level if image.proposed else unrated_level_of(model, unrated_level))


def version_level(model: Model, version: Version, unrated_level: int) -> int:
    """The bits of a version's pictures; without any that may be shown, what an unrated one would have."""
    level = 0
    for image in version.images:
        level |= image_level(model, image, unrated_level)
    return level & LEVEL_ALL or unrated_level_of(model, unrated_level)
