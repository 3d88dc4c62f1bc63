"""Which models no list shows to everybody are asked for, as a condition of the database."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

STATUSES: Final[dict[str, dict[str, Any]]] = {
    "Draft": {"deleted": False, "versions.state": {"$ne": "published"}},
    "Published": {"deleted": False, "taken_down": None, "versions.state": "published"},
    "UnpublishedViolation": {"deleted": False, "taken_down": {"$ne": None}},
    "Deleted": {"deleted": True},
}
"""What the statuses that this hub has mean; no model has any of the others."""
_LONGEST: Final = 1000


class UnlistedWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Models of these statuses, whoever may see them. Names are compared in any letter case."""

    statuses: tuple[str, ...]
    availability: str | None = None
    owner: str | None = None
    tag: str | None = None
    types: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()
    base_models: tuple[str, ...] = ()
    version_ids: tuple[int, ...] = ()
    after: int | None = None
    """The last one already shown."""

    def condition(self) -> dict[str, Any]:
        """The same for the database; one that nothing fulfils where no model has the status."""
        of_status = [STATUSES[status] for status in self.statuses if status in STATUSES]
        parts: list[dict[str, Any]] = [{"$or": of_status} if of_status else {"_id": {"$in": []}}]
        for field, value in (("owner", self.owner), ("tags", self.tag)):
            parts += [{field: _named(value)}] if value is not None else []
        for field, values in (
            ("type", self.types), ("_id", self.ids), ("versions.id", self.version_ids),
            ("versions.base_model", [_named(name) for name in self.base_models]),
        ):  # fmt: skip
            parts += [{field: {"$in": list(values)}}] if values else []
        parts += [{"availability": self.availability}] if self.availability is not None else []
        parts += [{"_id": {"$lt": self.after}}] if self.after is not None else []
        return {"$and": parts}


def _named(name: str) -> re.Pattern[str]:
    # The database takes no expression with a NUL and none of any length; nothing has a name as long as this.
    escaped = re.escape(name[:_LONGEST]).replace("\0", r"\x00")
    return re.compile(f"^{escaped}$", re.IGNORECASE)
