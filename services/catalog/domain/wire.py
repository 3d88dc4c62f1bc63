"""The documents everybody reads: the aggregate in the exact shapes of the compatible API.

URLs begin with `shared.api.v1.ORIGIN`, which the gateway replaces by the origin the client used.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET

from services.catalog.domain import base_models
from services.catalog.domain.files import download_name, ordered_files, primary_file
from services.catalog.domain.model import File, Image, Model, Version
from services.catalog.domain.text import to_html
from shared.api import v1
from shared.clock import wire_time
from shared.problems import NotFound

_AIR_TYPES = {
    "Checkpoint": "checkpoint", "LORA": "lora", "LoCon": "lycoris", "DoRA": "dora", "TextualInversion": "embedding",
    "Hypernetwork": "hypernet", "AestheticGradient": "ag", "Controlnet": "controlnet", "Upscaler": "upscaler",
    "MotionModule": "motion", "VAE": "vae", "TextEncoder": "text_encoders", "UNet": "unet",
    "CLIPVision": "clipvision", "VisionLanguage": "visionlanguage", "CLIP": "clip",
}  # fmt: skip
_SCAN_RESULTS: dict[str, v1.ScanResult] = {
    "clean": "Success",
    "dangerous": "Danger",
    "invalid": "Error",
    "failed": "Error",
}
_VIRUS_RESULTS: dict[str, v1.ScanResult] = {"not-scanned": "Pending", "clean": "Success", "infected": "Danger"}
NOT_VIRUS_SCANNED = "Not virus scanned: this hub has no antivirus."
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

    def image_level(self, image: Image) -> int:
        """The maturity bit of a picture."""
        return image.level or self.unrated_level

    def version_level(self, version: Version) -> int:
        """The OR of the pictures' bits; a version without pictures counts as unrated."""
        level = 0
        for image in version.images:
            level |= self.image_level(image)
        return level or self.unrated_level

    def model_level(self, model: Model) -> int:
        """The OR of the published versions' bits."""
        level = 0
        for version in model.published_versions:
            level |= self.version_level(version)
        return level

    def model(self, model: Model, *, detail: bool, levels: int = v1.LEVEL_ALL) -> v1.Model:
        """A visible model; `levels` is the mask of pictures to show. `detail` is the shape of `/models/{id}`."""
        versions = model.published_versions
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
            poi=model.poi,
            nsfw=model.nsfw,
            nsfw_level=self.model_level(model),
            user_id=model.owner_id,
            base_models=list(dict.fromkeys(version.base_model for version in versions)),
            stats=_stats(versions),
            creator=v1.Creator(username=model.owner),
            tags=list(model.tags),
            model_versions=[
                self._version(model, version, index, detail=detail, levels=levels)
                for index, version in enumerate(versions)
            ],
        )

    def _version(self, model: Model, version: Version, index: int, *, detail: bool, levels: int) -> v1.Version:
        assert version.published_at is not None
        shown = [image for image in _pictures(version) if self.image_level(image) & levels][:_LIST_IMAGES]
        return v1.Version(
            id=version.id,
            index=index,
            name=version.name,
            base_model=version.base_model,
            created_at=wire_time(version.created_at) if detail else UNSET,
            status="Published" if detail else UNSET,
            published_at=wire_time(version.published_at),
            nsfw_level=self.version_level(version),
            description=to_html(version.description) or None,
            trained_words=list(version.trained_words),
            stats=v1.VersionStats(
                download_count=version.counters.downloads,
                thumbs_up_count=version.counters.thumbs_up,
                thumbs_down_count=version.counters.thumbs_down,
            ),
            supports_generation=UNSET if detail else False,
            covered=False if detail else UNSET,
            files=self.files(model, version),
            images=[self._image(image, with_id=True, with_meta=False) for image in shown],
            download_url=download_url(version),
        )

    def version_detail(self, model: Model, version: Version) -> v1.VersionDetail:
        """A published version of a visible model, as `/model-versions/{id}` shows it."""
        assert version.published_at is not None
        return v1.VersionDetail(
            id=version.id,
            model_id=model.id,
            name=version.name,
            nsfw_level=self.version_level(version),
            created_at=wire_time(version.created_at),
            updated_at=wire_time(version.updated_at),
            published_at=wire_time(version.published_at),
            trained_words=list(version.trained_words),
            base_model=version.base_model,
            description=to_html(version.description) or None,
            air=air(model, version),
            stats=v1.VersionDetailStats(
                download_count=version.counters.downloads,
                thumbs_up_count=version.counters.thumbs_up,
                thumbs_down_count=version.counters.thumbs_down,
            ),
            model=v1.VersionModel(name=model.name, type=model.type, nsfw=model.nsfw, poi=model.poi),
            files=self.files(model, version),
            images=[self._image(image, with_id=False, with_meta=True) for image in _pictures(version)[:_DETAIL_IMAGES]],
            download_url=download_url(version),
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
            availability="Public" if model.is_visible and version.is_published else "Private",
            published_at=wire_time(version.published_at) if version.published_at else None,
            size=file.size_bytes / 1024,
            file_type=file.type,
            file_name=file.name,
            hashes=file.hashes,
            download_urls=[download_url(version) + suffix],
            format=file.format or UNSET,
            minor=model.minor,
        )

    def page(self, model: Model) -> dict[str, Any]:
        """`/models/{id}` with each picture's id and generation data: what the hub's own model page shows."""
        shown = msgspec.to_builtins(self.model(model, detail=True))
        for version, wire in zip(model.published_versions, shown["modelVersions"], strict=True):
            for image, wire_image in zip(_pictures(version)[:_LIST_IMAGES], wire["images"], strict=True):
                wire_image["meta"] = image.meta
            for file, wire_file in zip(ordered_files(version), wire["files"], strict=True):
                wire_file["facts"] = file.facts
            wire["air"] = air(model, version)
        result: dict[str, Any] = shown
        return result

    def files(self, model: Model, version: Version) -> list[v1.File]:
        """The public files, the primary one first; exactly one is primary."""
        return [_file(model, version, file, primary=index == 0) for index, file in enumerate(ordered_files(version))]

    def _image(self, image: Image, *, with_id: bool, with_meta: bool) -> v1.Image:
        facts = {"hash": image.blurhash, "width": image.width, "height": image.height, "size": image.size_bytes}
        return v1.Image(
            id=image.id if with_id else UNSET,
            url=f"{v1.ORIGIN}/image/{image.key}/original=true/{image.id}.png",
            nsfw_level=self.image_level(image),
            width=image.width,
            height=image.height,
            hash=image.blurhash,
            has_meta=bool(image.meta),
            has_positive_prompt=bool(image.meta.get("prompt")),
            metadata=facts if with_meta else UNSET,
            meta=image.meta if with_meta else UNSET,
            availability="Public" if with_meta else UNSET,
        )


def _pictures(version: Version) -> tuple[Image, ...]:
    return version.images or (_NO_PICTURE,)


def _stats(versions: Sequence[Version]) -> v1.Stats:
    up = sum(version.counters.thumbs_up for version in versions)
    down = sum(version.counters.thumbs_down for version in versions)
    return v1.Stats(
        download_count=sum(version.counters.downloads for version in versions),
        thumbs_up_count=up,
        thumbs_down_count=down,
        comment_count=0,
        rating_count=up + down,
        rating=round(5 * up / (up + down), 2) if up + down else 0.0,
    )


def download_url(version: Version) -> str:
    """The address of the version's primary file: no query, since clients append theirs."""
    return f"{v1.ORIGIN}/api/download/models/{version.id}"


def _file(model: Model, version: Version, file: File, *, primary: bool) -> v1.File:
    return v1.File(
        id=file.id,
        size_kb=file.size_bytes / 1024,
        name=download_name(model, version, file),
        type=file.type,
        metadata=v1.FileMetadata(format=file.format or "Other", size=file.size or UNSET, fp=file.fp or UNSET),
        pickle_scan_result=_SCAN_RESULTS.get(file.state, "Pending"),
        pickle_scan_message=_pickle_message(file),
        virus_scan_result=_virus_result(file),
        virus_scan_message=_virus_message(file),
        scanned_at=wire_time(file.scanned_at) if file.scanned_at else None,
        hashes=file.hashes,
        download_url=download_url(version) if primary else f"{download_url(version)}?fileId={file.id}",
        primary=primary,
    )


def _virus_result(file: File) -> v1.ScanResult:
    """Never "Success" without an antivirus that said so. "Pending" blocks nothing in any client; "Error" may."""
    return _VIRUS_RESULTS[file.antivirus.status] if file.antivirus else "Pending"


def _virus_message(file: File) -> str | None:
    if file.antivirus is None:
        return NOT_VIRUS_SCANNED
    if file.antivirus.status == "not-scanned":
        return "Not virus scanned: the antivirus of this hub could not look at the file."
    return f"{file.antivirus.engine} finds {file.antivirus.found}." if file.antivirus.found else None


def _pickle_message(file: File) -> str | None:
    """The message format of the compatible API: none for safetensors, else the list of imports as Markdown."""
    if file.format not in ("PickleTensor",):
        return None
    if not file.imports:
        return "No Pickle imports"
    listed = "\n".join(file.imports)
    return f"**Detected Pickle imports ({len(file.imports)})**\n```\n{listed}\n```"


def air(model: Model, version: Version) -> str:
    """The version's AIR: `urn:air:{ecosystem}:{type}:{source}:{id}@{version}`."""
    primary = primary_file(version)
    kind = _AIR_TYPES.get(model.type, "unknown")
    if primary is not None and primary.type in ("Diffusion Model", "UNet"):
        kind = {"Diffusion Model": "diffusionmodel", "UNet": "unet"}[primary.type]
    return f"urn:air:{base_models.ecosystem(version.base_model)}:{kind}:civitai:{model.id}@{version.id}"
