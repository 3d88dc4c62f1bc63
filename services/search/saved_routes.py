"""HTTP of saved searches, for the gateway alone."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, delete, get, post
from litestar.status_codes import HTTP_204_NO_CONTENT

from services.search.domain.wanted import Wanted
from services.search.engine import Down, IndexMissing
from services.search.finder import Finder
from services.search.routes import WANTED
from services.search.saved_repository import SavedSearch, SavedSearches
from shared.actor import Actor
from shared.api.search import NewSavedSearch
from shared.api.search import SavedSearch as Shown
from shared.clock import new_id, now, wire_time
from shared.problems import Unauthorized, Unavailable

_MOST_KNOWN = 1_000
"""Results that a search remembers as known when it is saved."""


class SavedSearchRoutes(Controller):
    """`/saved`: one's own."""

    path = "/saved"

    @post(dependencies=WANTED)
    async def save(
        self, data: NewSavedSearch, wanted: Wanted, actor: Actor, finder: Finder, saved: SavedSearches
    ) -> Shown:
        """Save the search that the parameters are (as those of `/search`); what it finds now is known."""
        _require_known(actor)
        try:
            known, total = await finder.match(wanted, limit=_MOST_KNOWN)
        except (Down, IndexMissing) as error:
            raise Unavailable("Search is unavailable at the moment; save it again in a few seconds.") from error
        search = SavedSearch(
            id=new_id(), account_id=actor.account_id, name=data.name.strip(), filters=data.filters, wanted=wanted,
            saved_at=now(), knows_all=total <= len(known),
        )  # fmt: skip
        await saved.add(search, known)
        return _shown(search)

    @get()
    async def list_own(self, actor: Actor, saved: SavedSearches) -> list[Shown]:
        """One's own, the oldest first."""
        _require_known(actor)
        return [_shown(search) for search in await saved.list_own(actor.account_id)]

    @delete("/{search_id:uuid}", status_code=HTTP_204_NO_CONTENT)
    async def remove(self, search_id: UUID, actor: Actor, saved: SavedSearches) -> None:
        """Forget one of one's own."""
        _require_known(actor)
        await saved.remove(actor.account_id, str(search_id))


def _require_known(actor: Actor) -> None:
    if not actor.is_known:
        raise Unauthorized("Send an API key: Authorization: Bearer <key>.")


def _shown(search: SavedSearch) -> Shown:
    return Shown(
        id=search.id, name=search.name, filters=search.filters,
        url="/models" + (f"?{search.filters}" if search.filters else ""), created_at=wire_time(search.saved_at),
    )  # fmt: skip
