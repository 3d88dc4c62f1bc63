"""One's notifications: by API, and on pages with the bell that counts them."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, Response, get, post
from litestar.params import Parameter
from litestar.response import Redirect

from services.gateway.account_pages import render_notifications
from services.gateway.declared import needs
from services.gateway.page_answers import AnyRequest, field, frame_of, html, see_other
from services.gateway.peers import Peers
from shared.actor import Actor
from shared.api import notifications

Cursor = Annotated[str | None, Parameter(max_length=80)]


class Notifications(Controller):
    """`/api/hub/notifications`."""

    path = "/api/hub/notifications"
    tags = ["Community"]

    @get(**needs("read"))
    async def list_notifications(
        self, actor: Actor, peers: Peers, cursor: Cursor = None, limit: Annotated[int, Parameter(ge=0, le=100)] = 20
    ) -> notifications.NotificationPage:
        """One's own, newest first; with `limit` 0, only how many are not read."""
        return await notifications_of(actor, peers, cursor, limit)

    @post("/read", status_code=204, **needs("community"))
    async def mark_read(self, data: notifications.ReadNotifications, actor: Actor, peers: Peers) -> None:
        """Some, or all up to now, are read."""
        await peers.reviews.call("POST", "/notifications/read", actor=actor, json=data)


class NotificationPages(Controller):
    """`/account/notifications`: for whoever is signed in."""

    path = "/account/notifications"
    opt = {"scope": "account"}

    @get()
    async def show(self, request: AnyRequest, actor: Actor, peers: Peers, cursor: Cursor = None) -> Response[str]:
        """What one was told, newest first."""
        page = await notifications_of(actor, peers, cursor, 20)
        return html(render_notifications(frame_of(request), page), is_private=True)

    @get("/unread")
    async def unread(self, actor: Actor, peers: Peers) -> Response[dict[str, int]]:
        """How many are not read: what the bell shows."""
        page = await notifications_of(actor, peers, None, 0)
        return Response({"unread": page.unread}, headers={"cache-control": "no-store"})

    @post("/read")
    async def mark_read(self, request: AnyRequest, actor: Actor, peers: Peers) -> Redirect:
        """One, or all of them, are read."""
        one = await field(request, "id")
        ask = notifications.ReadNotifications(ids=[one] if one else None)
        await peers.reviews.call("POST", "/notifications/read", actor=actor, json=ask)
        return see_other("/account/notifications")


async def notifications_of(
    actor: Actor, peers: Peers, cursor: str | None, limit: int
) -> notifications.NotificationPage:
    """A page of an account's notifications."""
    params = {"limit": limit, **({"cursor": cursor} if cursor else {})}
    return await peers.reviews.fetch(
        "GET", "/notifications", notifications.NotificationPage, actor=actor, params=params
    )
