"""Searches that notify: by API, and by forms of the browse and account pages."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

from litestar import Controller, delete, get, post
from litestar.response import Redirect

from services.gateway import saved_searches
from services.gateway.declared import needs
from services.gateway.page_answers import AnyRequest, field, see_other
from services.gateway.peers import Peers
from shared.actor import Actor
from shared.api.search import NewSavedSearch, SavedSearch, SavedSearchPage
from shared.problems import FieldError, Invalid

_MOST_NAME = 200
_MOST_FILTERS = 2_000


class SavedSearches(Controller):
    """`/api/hub/searches`."""

    path = "/api/hub/searches"
    tags = ["Search"]

    @post(**needs("community"))
    async def save(self, data: NewSavedSearch, actor: Actor, peers: Peers) -> SavedSearch:
        """Save a search; you get a notification when new models match it."""
        return await saved_searches.save(peers, actor, data)

    @get(**needs("read"))
    async def list_own(self, actor: Actor, peers: Peers) -> SavedSearchPage:
        """One's own, the oldest first."""
        return SavedSearchPage(items=await saved_searches.list_own(peers, actor))

    @delete("/{search_id:uuid}", status_code=204, **needs("community"))
    async def remove(self, search_id: UUID, actor: Actor, peers: Peers) -> None:
        """Forget one's search; it notifies no more."""
        await saved_searches.remove(peers, actor, str(search_id))


class SavedSearchForms(Controller):
    """`/account/searches`: for whoever is signed in."""

    path = "/account/searches"
    opt = {"scope": "account"}

    @post()
    async def save(self, request: AnyRequest, actor: Actor, peers: Peers) -> Redirect:
        """Save the search of a browse page, whose address is the form's."""
        filters = urlsplit(await field(request, "address")).query
        name = (await field(request, "name")).strip()
        if not 0 < len(name) <= _MOST_NAME or len(filters) > _MOST_FILTERS:
            message = f"Give the search a name of {_MOST_NAME} characters at most, to know it by later."
            raise Invalid(message, errors=[FieldError("name", message)])
        await saved_searches.save(peers, actor, NewSavedSearch(name=name, filters=filters))
        return see_other("/account?done=search-saved")

    @post("/{search_id:uuid}/delete")
    async def remove(self, search_id: UUID, actor: Actor, peers: Peers) -> Redirect:
        """Forget one."""
        await saved_searches.remove(peers, actor, str(search_id))
        return see_other("/account?done=search-deleted")
