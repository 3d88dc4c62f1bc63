"""The one table of topics: key, partitions, retention, who writes, who reads.

AsyncAPI and topic creation are made from it.
"""

from __future__ import annotations

import msgspec

from shared.events.render_jobs import jobs_topic

DAY_MS = 24 * 60 * 60 * 1000
DEAD_SUFFIX = ".dead"
DEAD_RETENTION_DAYS = 30


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """One topic of the contract. `readers` and `writers` are process names of `shared.processes`."""

    name: str
    key: str
    partitions: int
    retention_days: int
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    compacted: bool = False
    listeners: tuple[str, ...] = ()
    """Processes of which each hears every event, from when it starts (`shared.broadcast`)."""

    @property
    def dead(self) -> str:
        """Where a record goes that no attempt could process."""
        return self.name + DEAD_SUFFIX


def _jobs(gpu_class: str, lane: str) -> Topic:
    return Topic(
        name=jobs_topic(gpu_class, lane),
        key="family of the base model",
        partitions=24,
        retention_days=7,
        writers=("planner", "renderer"),  # they share an outbox, so either may publish
        readers=("renderer",),
    )


TOPICS: tuple[Topic, ...] = (
    Topic(
        name="easel.uploads", key="file id", partitions=12, retention_days=14,
        writers=("upload", "scanner"), readers=("scanner", "catalog", "moderation"),
    ),
    Topic(
        name="easel.models", key="model id", partitions=12, retention_days=30,
        writers=("catalog",), readers=("planner", "reviews", "moderation"),
    ),
    Topic(
        name="easel.models.state", key="model id", partitions=12, retention_days=30, compacted=True,
        writers=("catalog",), readers=("search", "reviews"),
        listeners=("gateway",),
    ),
    Topic(
        name="easel.previews", key="version id", partitions=12, retention_days=30,
        writers=("planner", "renderer"), readers=("catalog",),
    ),
    Topic(
        name="easel.reviews", key="model id", partitions=12, retention_days=30,
        writers=("reviews",), readers=("catalog",),
    ),
    Topic(
        name="easel.moderation", key="subject id", partitions=6, retention_days=90,
        writers=("moderation",), readers=("catalog", "scanner", "reviews"),
    ),
    Topic(
        name="easel.usage", key="version id", partitions=12, retention_days=3,
        writers=("gateway",), readers=("catalog", "reviews"),
    ),
    Topic(
        name="easel.searches", key="account id", partitions=6, retention_days=14,
        writers=("search",), readers=("reviews",),
    ),
    *(_jobs(gpu_class, lane) for gpu_class in ("small", "medium", "large") for lane in ("interactive", "backfill")),
)  # fmt: skip


def topic_named(name: str) -> Topic:
    """The topic of that name; raises KeyError for one that is not in the contract."""
    for topic in TOPICS:
        if topic.name == name:
            return topic
    raise KeyError(name)
