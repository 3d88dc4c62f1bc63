"""The documents everybody reads: the aggregate in the exact shapes of the compatible API.

URLs begin with `shared.api.v1.ORIGIN`, which the gateway replaces by the origin the client used.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any

import msgspec
from msgspec import UNSET

from services.catalog.domain.file_wire import download_url, file_document
from services.catalog.domain.files import component_name, ordered_files
from services.catalog.domain.maturity import image_level, is_marked_mature, version_level
from services.catalog.domain.model import Image, Model, Version
from services.catalog.domain.text import to_html
from services.catalog.domain.version_facts import air, availability_of, vae_of, was_made_on_site
from shared.api import v1
from shared.api.hub import FilePreferences
from shared.api.inside import Wish
from shared.clock import wire_time
from shared.problems import NotFound

_NO_PICTURE = Image(
    id=0, key=v1.NO_PICTURE, width=512, height=512, blurhash="L6ONa,_2_3xt~WjsRjoe_3fQ9Fay", size_bytes=4750, meta={},
    level=v1.LEVEL_PG, created_at=datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip
"""What tools are shown of a version without pictures: some read the first one without asking whether there is any."""
_LIST_IMAGES = 20
_DETAIL_IMAGES = 10


class Wire:
    """The assembler. `unrated_level` is what a picture counts as until somebody has rated it (1 = PG)."""

    def __init__(self, unrated_level: int = v1.LEVEL_PG) -> None:
        self.unrated_level = unrated_level

    def image_level(self, model: Model, image: Image) -> int:
        """The maturity bit of a picture."""
        return image_level(model, image, self.unrated_level)

    def version_level(self, model: Model, version: Version) -> int:
        """The OR of the pictures' bits; a version without pictures counts as an unrated picture does."""
        return version_level(model, version, self.unrated_level)

    def model_level(self, model: Model) -> int:
        """The OR of the published versions' bits."""
        return reduce(or_, (self.version_level(model, version) for version in model.published_versions), 0)

    def model(
        self,
        model: Model,
        *,
        detail: bool,
        levels: int = v1.LEVEL_ALL,
        versions: Sequence[Version] | None = None,
        saved: FilePreferences = FilePreferences(),  # noqa: B008 (frozen)
    ) -> v1.Model:
        """A visible model; `levels` is the mask of pictures to show, `versions` which ones (all that are public).

        `detail` is the shape of `/models/{id}`; `saved` are the preferences that decide which file is primary.
        """
        order = {version.id: index for index, version in enumerate(model.published_versions)}
        versions = model.published_versions if versions is None else versions
        number = {version.id: order.get(version.id, index) for index, version in enumerate(versions)}
        return v1.Model(
            id=model.id,
            name=model.name,
            description=to_html(model.description),
            allow_no_credit=model.allow_no_credit,
            allow_commercial_use=list(model.allow_commercial_use) or ["None"],
            allow_derivatives=model.allow_derivatives,
            allow_different_license=model.allow_different_license,
            type=model.type,
            minor=model.minor,
            sfw_only=model.sfw_only,
            poi=model.poi,
            nsfw=is_marked_mature(model),
            availability=model.availability,
            mode="Archived" if model.archived else UNSET,
            supports_generation=any(version.can_generate for version in versions),
            nsfw_level=self.model_level(model),
            user_id=model.owner_id,
            base_models=list(dict.fromkeys(version.base_model for version in versions)),
            stats=_stats(model, versions),
            creator=v1.Creator(username=model.owner),
            tags=list(model.tags),
            model_versions=[
                self._version(model, version, number[version.id], detail=detail, levels=levels, saved=saved)
                for version in versions
            ],
        )

    def _version(
        self, model: Model, version: Version, index: int, *, detail: bool, levels: int, saved: FilePreferences
    ) -> v1.Version:
        shown = [image for image in _pictures(version) if self.image_level(model, image) & levels][:_LIST_IMAGES]
        gate = wire_time(version.early_access_until) if version.early_access_until else None
        return v1.Version(
            id=version.id,
            index=index,
            name=version.name,
            base_model=version.base_model,
            base_model_type=version.base_model_type,
            created_at=wire_time(version.created_at) if detail else UNSET,
            status="Published" if detail else UNSET,
            published_at=wire_time(version.published_at or version.created_at),
            nsfw_level=self.version_level(model, version),
            description=to_html(version.description) or None,
            trained_words=list(version.trained_words),
            stats=v1.VersionStats(
                download_count=version.counters.downloads,
                thumbs_up_count=version.counters.thumbs_up,
                thumbs_down_count=version.counters.thumbs_down,
            ),
            availability=availability_of(model, version),
            vae_id=vae_of(version),
            early_access_deadline=gate or UNSET,
            paid_access=v1.PaidAccess(permanent=False, ends_at=gate) if gate else None,
            supports_generation=UNSET if detail else version.can_generate,
            covered=version.can_generate if detail else UNSET,
            files=[] if model.archived else self.files(model, version, saved),
            images=[self._image(model, image, with_id=True, with_meta=False) for image in shown],
            download_url=UNSET if model.archived else download_url(version),
        )

    def version_detail(
        self,
        model: Model,
        version: Version,
        saved: FilePreferences = FilePreferences(),  # noqa: B008 (frozen)
    ) -> v1.VersionDetail:
        """A version as `/model-versions/{id}` shows it."""
        gate = wire_time(version.early_access_until) if version.early_access_until else None
        shown = [image for image in _pictures(version) if self.image_level(model, image) & v1.LEVEL_ALL]
        return v1.VersionDetail(
            id=version.id,
            model_id=model.id,
            name=version.name,
            nsfw_level=self.version_level(model, version),
            created_at=wire_time(version.created_at),
            updated_at=wire_time(version.updated_at),
            status="Published" if version.is_published else "Draft",
            published_at=wire_time(version.published_at or version.created_at),
            trained_words=list(version.trained_words),
            base_model=version.base_model,
            base_model_type=version.base_model_type,
            description=to_html(version.description) or None,
            usage_control=version.usage_control,
            paid_access=v1.PaidAccess(permanent=False, ends_at=gate) if gate else None,
            availability=availability_of(model, version),
            early_access_ends_at=gate,
            air=air(model, version),
            stats=v1.VersionDetailStats(
                download_count=version.counters.downloads,
                thumbs_up_count=version.counters.thumbs_up,
                thumbs_down_count=version.counters.thumbs_down,
            ),
            model=v1.VersionModel(
                name=model.name,
                type=model.type,
                nsfw=is_marked_mature(model),
                poi=model.poi,
                mode="Archived" if model.archived else UNSET,
            ),
            files=self.files(model, version, saved),
            images=[self._image(model, image, with_id=False, with_meta=True) for image in shown[:_DETAIL_IMAGES]],
            download_url=UNSET if model.archived else download_url(version),
        )

    def mini(self, model: Model, version: Version, file_id: int | None) -> v1.MiniVersion:
        """The short form of a version and one of its clean files. Raises NotFound if it has none, or not that one."""
        files = ordered_files(version)
        if not files:
            raise NotFound("Missing model file")
        file = files[0] if file_id is None else next((each for each in files if each.id == file_id), None)
        if file is None:
            raise NotFound(f"Model file {file_id} not found in version {version.id}")
        suffix = "" if file_id is None else f"?fileId={file_id}"
        return v1.MiniVersion(
            air=air(model, version) + ("" if file_id is None else f"+{file_id}"),
            version_name=version.name,
            model_name=model.name,
            base_model=version.base_model,
            user_id=model.owner_id,
            availability=availability_of(model, version),
            published_at=wire_time(version.published_at) if version.published_at else None,
            size=file.size_bytes / 1024,
            file_type=file.type,
            file_name=file.name,
            hashes=file.hashes,
            download_urls=[download_url(version) + suffix],
            format=file.format or UNSET,
            can_generate=version.can_generate,
            require_auth=version.require_login,
            check_permission=version.early_access_until is not None,
            early_access_ends_at=wire_time(version.early_access_until) if version.early_access_until else UNSET,
            minor=model.minor,
            sfw_only=model.sfw_only,
        )

    def page(self, model: Model) -> dict[str, Any]:
        """`/models/{id}` with each picture's id and generation data: what the hub's own model page shows."""
        shown = msgspec.to_builtins(self.model(model, detail=True))
        metas = {image.id: image.meta for version in model.published_versions for image in version.images}
        for version, wire in zip(model.published_versions, shown["modelVersions"], strict=True):
            for wire_image in wire["images"]:
                wire_image["meta"] = metas.get(wire_image["id"], {})
            for file, wire_file in zip(ordered_files(version), wire["files"], strict=False):  # then come components
                wire_file["facts"] = file.facts
            wire["air"] = air(model, version)
        result: dict[str, Any] = shown
        return result

    def files(
        self,
        model: Model,
        version: Version,
        saved: FilePreferences = FilePreferences(),  # noqa: B008 (frozen)
    ) -> list[v1.File]:
        """The public files, the primary one first, then the linked VAE; exactly one is primary."""
        files = ordered_files(version, Wish(saved=saved))
        own = [file_document(model, version, file, primary=index == 0) for index, file in enumerate(files)]
        return (
            own
            + [
                msgspec.structs.replace(
                    file_document(model, version, msgspec.structs.replace(component.file, type="VAE"), primary=False),
                    name=component_name(component.file),
                    download_url=f"{download_url(version)}?type=VAE",
                )
                for component in version.components
                if component.type == "VAE" and own and all(file.type != "VAE" for file in own)
            ][:1]
        )

    def _image(self, model: Model, image: Image, *, with_id: bool, with_meta: bool) -> v1.Image:
        facts = {"hash": image.blurhash, "width": image.width, "height": image.height, "size": image.size_bytes}
        return v1.Image(
            id=image.id if with_id else UNSET,
            url=f"{v1.ORIGIN}/image/{image.key}/original=true/{image.id}.png",
            nsfw_level=self.image_level(model, image),
            width=image.width,
            height=image.height,
            hash=image.blurhash,
            minor=model.minor,
            poi=model.poi,
            has_meta=bool(image.meta),
            has_positive_prompt=bool(image.meta.get("prompt")),
            on_site=was_made_on_site(image.meta),
            metadata=facts if with_meta else UNSET,
            meta=image.meta if with_meta else UNSET,
            availability="Public" if with_meta else UNSET,
        )


def _pictures(version: Version) -> tuple[Image, ...]:
    return version.images or (_NO_PICTURE,)


def _stats(model: Model, versions: Sequence[Version]) -> v1.Stats:
    up = sum(version.counters.thumbs_up for version in versions)
    down = sum(version.counters.thumbs_down for version in versions)
    return v1.Stats(
        download_count=sum(version.counters.downloads for version in versions),
        thumbs_up_count=up,
        thumbs_down_count=down,
        comment_count=model.comments,
        favorite_count=model.collected,
        rating_count=up + down,
        rating=round(5 * up / (up + down), 2) if up + down else 0.0,
    )
