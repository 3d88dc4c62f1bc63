"""Handing out a file: a signed address for a day, and the note that it was asked for."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from services.gateway.relay_token import DownloadGrant, Grants
from shared.api.inside import DownloadTarget
from shared.engines.s3 import Store
from shared.events.usage import Downloaded
from shared.outbox import Outbox


class Delivery:
    """What every route that answers with a file's address does."""

    def __init__(self, store: Store, grants: Grants, outbox: Outbox, valid: timedelta) -> None:
        self._store = store
        self._grants = grants
        self._outbox = outbox
        self._valid = valid

    def address(self, target: DownloadTarget, origin: str, method: str = "GET") -> str:
        """The store's own signed address where it has a public one (good for `method`), else a path of the relay."""
        disposition = f'attachment; filename="{target.name}"'
        if self._store.has_public_address:
            return self._store.sign_get(
                self._store.models, target.object_key, self._valid, method=method, disposition=disposition,
                content_type="application/octet-stream", name=target.name,
            )  # fmt: skip
        grant = DownloadGrant(target.version_id, target.file_id, target.object_key, target.name, target.size_bytes)
        # The name is in the path and in the query: some clients take it from one, some from the other.
        query = f"response-content-disposition={quote(disposition, safe='')}"
        return f"{origin}/store/files/{self._grants.issue(grant)}/{quote(target.name)}?{query}"

    async def count(self, target: DownloadTarget, account_id: int | None) -> None:
        """Note one download, and whose: who has a file is told if something turns out to be wrong with it."""
        event = Downloaded(
            model_id=target.model_id, version_id=target.version_id, file_id=target.file_id, account_id=account_id
        )
        await self._outbox.add([event])
