"""What all payloads have in common, and the registry that finds a payload's class by its type name."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

REGISTRY: dict[str, type[Payload]] = {}


class Payload(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of every event payload. Contracts only grow: new fields have defaults, none is renamed or removed.

    A subclass names its `topic` and the field whose value is the partition `key`; events of one key keep their order.
    """

    topic: ClassVar[str] = ""
    key_field: ClassVar[str] = ""
    version: ClassVar[int] = 1

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__name__.startswith("_"):
            return  # a base that names topic and key for its family
        if cls.__name__ not in REGISTRY or REGISTRY[cls.__name__].__module__ == cls.__module__:
            REGISTRY[cls.__name__] = cls
        else:
            raise TypeError(f"two event payloads are called {cls.__name__}")

    @property
    def partition_key(self) -> str:
        """Key of the Kafka record."""
        return str(getattr(self, self.key_field))

    def topic_name(self) -> str:
        """The topic this payload goes to; a payload with several topics (render jobs) overrides it."""
        return self.topic


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of the values that payloads are made of."""
