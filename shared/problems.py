"""Errors that a caller can act on, as problem documents (RFC 9457). One mapping, here; no handler catches them.

Problem                what, where, what to do now
├── Invalid      400   the request is malformed; `errors` names the fields
├── Unauthorized 401   no valid key
├── Forbidden    403   the key's owner may not
├── NotFound     404   there is no such thing (or the caller must not know)
├── Conflict     409   it is in a state that does not allow this
├── Gone         410   it was there and is withdrawn
├── TooLarge     413   over a limit that the detail names
├── WrongMediaType 415 the body is in another format than the route reads
├── Refused      422   understood, but against a rule of the hub
├── TooMany      429   slower, please
└── Unavailable  503   an engine or a service is down; try again
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from litestar.plugins.problem_details import ProblemDetailsException

PROBLEM_TYPES = "https://easel.dev/problems/"
"""Prefix of the `type` member. RFC 9457 wants a URI that identifies the kind of problem; it need not resolve."""


class FieldError(msgspec.Struct, frozen=True):
    """One thing that is wrong with one field of a request."""

    field: str
    message: str


class Problem(ProblemDetailsException):
    """Base of all errors that are answered to a caller."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    heading: ClassVar[str] = "Internal error"

    def __init__(
        self,
        detail: str,
        *,
        errors: list[FieldError] | None = None,
        retry_after_seconds: int | None = None,
        slug: str | None = None,
    ) -> None:
        extra: dict[str, Any] = {}
        if errors:
            extra["errors"] = [msgspec.to_builtins(error) for error in errors]
        super().__init__(
            detail=detail,
            status_code=self.status,
            title=self.heading,
            type_=PROBLEM_TYPES + (slug or self.slug),
            headers={"Retry-After": str(retry_after_seconds)} if retry_after_seconds else None,
            extra=extra or None,
        )


class Invalid(Problem):
    """The request is malformed."""

    status, slug, heading = 400, "invalid", "The request is not valid"

    @property
    def fields(self) -> list[str]:
        """The names in `errors`."""
        errors = self.extra.get("errors", []) if isinstance(self.extra, dict) else []
        return [error["field"] for error in errors]


class Unauthorized(Problem):
    """No valid key came with the request."""

    status, slug, heading = 401, "unauthorized", "A valid API key is needed"


class Forbidden(Problem):
    """The caller is known and may not do this."""

    status, slug, heading = 403, "forbidden", "Not allowed"


class NotFound(Problem):
    """There is no such thing, or the caller must not learn of it."""

    status, slug, heading = 404, "not-found", "Not found"


class Conflict(Problem):
    """The thing is in a state that does not allow this."""

    status, slug, heading = 409, "conflict", "Not possible now"


class Gone(Problem):
    """The thing was there and is withdrawn."""

    status, slug, heading = 410, "gone", "No longer here"


class TooLarge(Problem):
    """Over a limit that the detail names."""

    status, slug, heading = 413, "too-large", "Too large"


class WrongMediaType(Problem):
    """The body is in another format than the route reads."""

    status, slug, heading = 415, "wrong-media-type", "Not a format that is read here"


class Refused(Problem):
    """Understood, but against a rule of the hub."""

    status, slug, heading = 422, "refused", "Refused"


class TooMany(Problem):
    """The caller must slow down."""

    status, slug, heading = 429, "too-many-requests", "Too many requests"


class Unavailable(Problem):
    """An engine or a service is down; the same request will work later."""

    status, slug, heading = 503, "unavailable", "Temporarily unavailable"

    def __init__(self, detail: str, *, retry_after_seconds: int = 2) -> None:
        super().__init__(detail, retry_after_seconds=retry_after_seconds)


BY_STATUS: dict[int, type[Problem]] = {
    cls.status: cls
    for cls in (
        Invalid, Unauthorized, Forbidden, NotFound, Conflict, Gone, TooLarge, WrongMediaType, Refused, TooMany,
    )
}  # fmt: skip
