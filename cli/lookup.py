"""Finds what a person means by an id or a hash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from cli.errors import NotFound, UsageInvalid

if TYPE_CHECKING:
    from cli.client import HubClient, Json

MAX_ID = 2**31 - 1
HASH_LENGTHS = (8, 10, 12, 64)
"""CRC32 and AutoV1; AutoV2; AutoV3; SHA256, BLAKE3 and an AutoV3 in full."""

Target = Annotated[
    str | None, typer.Argument(metavar="ID|HASH", help="A model id, or any hash of a file (SHA256, AutoV2, …).")
]
VersionOption = Annotated[
    int | None, typer.Option("--version", min=1, max=MAX_ID, help="A version id, instead of the model's latest.")
]


class Meaning(NamedTuple):
    """How a text may be read; a text of 8 or 10 digits can be both, and is tried as an id first."""

    model_id: int | None
    file_hash: str | None


def meaning_of(text: str) -> Meaning:
    """Read a target; raises UsageInvalid if it is neither an id nor as long as a known hash."""
    plain = text.strip().lower()
    digits = plain.removeprefix("0x")
    is_hex = bool(digits) and all(character in "0123456789abcdef" for character in digits)
    file_hash = digits if is_hex and len(digits) in HASH_LENGTHS else None
    is_id = plain.isascii() and plain.isdecimal() and 0 < int(plain[:11]) <= MAX_ID and len(plain) <= 10
    model_id = int(plain) if is_id else None
    if model_id is None and file_hash is None:
        lengths = ", ".join(map(str, HASH_LENGTHS))
        raise UsageInvalid(f"{text!r} is neither an id nor a hash", hint=f"Hashes have {lengths} hex digits.")
    return Meaning(model_id, file_hash)


def find_document(client: HubClient, target: str | None, version_id: int | None) -> tuple[str, Json]:
    """The public document meant by the arguments: `("model", …)` or `("version", …)` of the compatible API.

    Raises NotFound, or UsageInvalid if neither a target nor a version is given.
    """
    if version_id is not None:
        version = client.get(f"/api/v1/model-versions/{version_id}", dict)
        if target is not None:
            _require_same_model(target, version_id, version.get("modelId"))
        return "version", version
    if target is None:
        raise UsageInvalid("nothing to look up", hint="Give a model id or a hash, or --version with a version id.")
    meaning = meaning_of(target)
    if meaning.model_id is not None:
        try:
            return "model", client.get(f"/api/v1/models/{meaning.model_id}", dict)
        except NotFound:
            if meaning.file_hash is None:
                raise
    return "version", client.get(f"/api/v1/model-versions/by-hash/{meaning.file_hash}", dict)


def _require_same_model(target: str, version_id: int, model_id: object) -> None:
    wanted = meaning_of(target).model_id
    if wanted != model_id:
        raise UsageInvalid(f"version {version_id} belongs to model {model_id}, not to {target}")
