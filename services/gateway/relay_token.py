"""Signed, short-lived paths of the store relay."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

import msgspec
from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from shared.problems import Forbidden

T = TypeVar("T", bound=msgspec.Struct)


class DownloadGrant(msgspec.Struct, frozen=True, array_like=True):
    """May read one clean file; `account_id` is whose right that is, 0 everybody's."""

    version_id: int
    file_id: int
    object_key: str
    name: str
    size_bytes: int
    account_id: int = 0


class PartGrant(msgspec.Struct, frozen=True, array_like=True):
    """May write one part of an upload: exactly `size_bytes` to a store address that only the relay sees."""

    url: str
    size_bytes: int


class Grants:
    """Issues and checks tokens. A token of one kind is never good for the other."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def _signer(self, kind: type[msgspec.Struct]) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._secret, salt=f"easel-relay-{kind.__name__}")

    def issue(self, grant: msgspec.Struct) -> str:
        """The token."""
        return str(self._signer(type(grant)).dumps(msgspec.to_builtins(grant)))

    def read(self, token: str, kind: type[T], valid: timedelta) -> T:
        """The grant in a token; Forbidden if it is forged, of another kind, or too old."""
        try:
            found = self._signer(kind).loads(token, max_age=int(valid.total_seconds()))
        except SignatureExpired:
            raise Forbidden("This address has expired. Ask for a new one.") from None
        except BadData:
            raise Forbidden("This address is not one that the hub has signed.") from None
        return msgspec.convert(found, kind)
