"""What can go wrong while previews are drawn."""

from __future__ import annotations


class CannotDraw(Exception):
    """These files cannot be drawn, now or on a second try; `reason` is written for the creator of the version."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DrawerCrashed(Exception):
    """The drawing process ended in the middle of a job; the next draw starts a new one."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
