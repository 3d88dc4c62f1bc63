"""Who may download the files of a version: the refusals, in the order of the compatible API."""

from __future__ import annotations

from datetime import datetime

from services.catalog.domain.model import Model, Version
from shared.actor import Actor
from shared.api.inside import DOWNLOADS_DISABLED, EARLY_ACCESS, LOGIN_NEEDED
from shared.clock import wire_time
from shared.problems import Forbidden, Gone, NotFound

_NOT_FOUND = "File not found"
_ARCHIVED = "Model archived, not available for download"
_DISABLED = "The creator of this asset has disabled downloads on this file"
_LOGIN = "The creator of this asset requires you to be logged in to download it"
_NO_GRANT = "You do not have access to download this file"


def is_open(model: Model, version: Version) -> bool:
    """Whether everybody may download the version, and all that it can give are files of its own."""
    return (
        model.is_visible and version.is_public and not (model.poi or model.archived or version.require_login)
        and version.usage_control == "Download" and version.early_access_until is None and not version.components
    )  # fmt: skip


def require_downloadable(
    model: Model, version: Version, actor: Actor, now: datetime, *, only_for_accounts: bool = False
) -> None:
    """Return if the actor may download the version's clean files; `only_for_accounts` is the operator's rule.

    Raises NotFound (hidden, or of a real person), Gone (archived), or Forbidden with one of the slugs of
    `shared.api.inside`: they become other answers for other clients.
    """
    is_owner = actor.is_known and actor.account_id == model.owner_id
    is_insider = is_owner or actor.may_moderate
    if model.poi and not is_insider:
        raise NotFound(_NOT_FOUND)
    if model.archived:
        raise Gone(_ARCHIVED)
    if model.deleted and not actor.may_moderate:
        raise NotFound(_NOT_FOUND)
    if not (version.is_published and model.is_released) and not is_insider:
        raise NotFound(_NOT_FOUND)
    if version.usage_control != "Download":
        raise Forbidden(_DISABLED, slug=DOWNLOADS_DISABLED)
    if (version.require_login or only_for_accounts) and not actor.is_known:
        raise Forbidden(_LOGIN, slug=LOGIN_NEEDED)
    if is_insider:
        return
    if version.is_gated(now) and actor.username.lower() not in version.early_access_for:
        assert version.early_access_until is not None
        raise Forbidden(wire_time(version.early_access_until), slug=EARLY_ACCESS)
    if "Private" in (model.availability, version.availability):
        raise Forbidden(_NO_GRANT)
