"""HTTP of notifications, for the gateway alone."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get, post
from litestar.params import Parameter
from litestar.status_codes import HTTP_204_NO_CONTENT
from msgspec import UNSET

from services.reviews import domain, notices
from services.reviews.notifications import Notifications
from shared.actor import Actor
from shared.api.notifications import NotificationPage, ReadNotifications
from shared.clock import now


class NotificationRoutes(Controller):
    """`/notifications`: one's own."""

    path = "/notifications"

    @get()
    async def list_newest(
        self,
        actor: Actor,
        notifications: Notifications,
        cursor: Annotated[str | None, Parameter(max_length=80)] = None,
        limit: Annotated[int, Parameter(ge=0, le=100)] = 20,
    ) -> NotificationPage:
        """The newest first. With `limit` 0, only how many are not read."""
        domain.require_known(actor)
        unread = await notifications.count_unread(actor.account_id)
        if not limit:
            return NotificationPage(items=[], unread=unread)
        found = await notifications.list_newest(actor.account_id, limit + 1, cursor)
        return NotificationPage(
            items=[notices.view(each) for each in found[:limit]],
            unread=unread,
            next_cursor=found[limit - 1].id if len(found) > limit else UNSET,
        )

    @post("/read", status_code=HTTP_204_NO_CONTENT)
    async def mark_read(self, data: ReadNotifications, actor: Actor, notifications: Notifications) -> None:
        """These, or all up to now, are read."""
        domain.require_known(actor)
        await notifications.mark_read(actor.account_id, data.ids, now())
