"""Handing out a file: a signed address for a day, and the note that it was asked for."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

import msgspec

from services.gateway.peers import Peers
from services.gateway.relay_token import DownloadGrant, Grants
from shared.actor import NOBODY, Actor
from shared.api.hub import FilePreferences
from shared.api.inside import DownloadTarget, Wish
from shared.engines.s3 import Store
from shared.events.usage import Downloaded
from shared.outbox import Outbox
from shared.problems import NotFound

_NO_PREFERENCES: Final = FilePreferences()


class Delivery:
    """What every route that answers with a file's address does."""

    def __init__(self, peers: Peers, store: Store, grants: Grants, outbox: Outbox, valid: timedelta) -> None:
        self._peers = peers
        self._store = store
        self._grants = grants
        self._outbox = outbox
        self._valid = valid

    async def find(
        self, version_id: int, wish: Wish, actor: Actor = NOBODY, *, only_for_accounts: bool = False
    ) -> DownloadTarget:
        """The clean file that is meant, if the actor may have it; `only_for_accounts` is the operator's rule.

        Files that are open to everybody are read together with others; of the rest the catalog says who may have them.
        Raises NotFound (alike for missing, hidden and contradicted), Gone, or Forbidden with the slug of the refusal.
        """
        if actor.is_known or not only_for_accounts:
            with suppress(NotFound):
                return await self._peers.documents.get_download(version_id, wish)
        asked: dict[str, Any] = {
            "file_id": wish.file_id, "type_": wish.type, "file_format": wish.format, "size": wish.size, "fp": wish.fp,
            "quant_type": wish.quant_type, "only_for_accounts": "true" if only_for_accounts else None,
            "saved": None if wish.saved == _NO_PREFERENCES else msgspec.json.encode(wish.saved).decode(),
        }  # fmt: skip
        params = {name: value for name, value in asked.items() if value is not None}
        path = f"/downloads/{version_id}"
        return await self._peers.catalog.fetch("GET", path, DownloadTarget, actor=actor, params=params)

    def address(self, target: DownloadTarget, origin: str, actor: Actor, method: str = "GET") -> str:
        """The store's own signed address where it has a public one (good for `method`), else a path of the relay."""
        disposition = f'attachment; filename="{target.name}"'
        if self._store.has_public_address:
            return self._store.sign_get(
                self._store.models, target.object_key, self._valid, method=method, disposition=disposition,
                content_type="application/octet-stream", name=target.name,
            )  # fmt: skip
        grant = DownloadGrant(
            target.version_id, target.file_id, target.object_key, target.name, target.size_bytes, actor.account_id
        )
        # The name is in the path and in the query: some clients take it from one, some from the other.
        query = f"response-content-disposition={quote(disposition, safe='')}"
        return f"{origin}/store/files/{self._grants.issue(grant)}/{quote(target.name)}?{query}"

    async def count(self, target: DownloadTarget, account_id: int | None) -> None:
        """Note one download, and whose: who has a file is told if something turns out to be wrong with it."""
        event = Downloaded(
            model_id=target.model_id, version_id=target.version_id, file_id=target.file_id, account_id=account_id
        )
        await self._outbox.add([event])
