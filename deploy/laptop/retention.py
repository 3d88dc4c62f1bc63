"""Keeps the embedded broker's log short: batches that every reader has read are removed, all but the newest.

Tansu keeps each batch as an object and lists a partition's objects for each fetch, and rclone's server lists the whole
folder for each thousand of them. With 14,000 batches in a partition a fetch takes longer than its readers wait, and
nothing is read from there ever again. Tansu does not apply `retention.ms`; here it is done by number instead. Sizes and
offsets are read from the store's folder, objects are removed through the store, which remembers what it has listed.

Nothing that a reader of the contract has not committed is touched, nor dead letters. A reader that a later release adds
finds what is left; the catalog tells of all models again when their layout grows (`services/catalog/projections.py`).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

from shared.events.topics import TOPICS, Topic

_CLUSTER = "clusters/tansu_cluster"
_MOST_BATCHES = 1_000
_KEPT_BATCHES = 500
_EVERY_SECONDS = 20.0
Remove = Callable[[Sequence[str]], None]
"""Removes objects of the log by key."""


def _committed(log: Path, prefix: str, topic: Topic, partition: str) -> int:
    """The offset that every reader of the topic has got to; 0 if one has not begun."""
    offsets = []
    for reader in topic.readers:
        group = log / _CLUSTER / f"groups/consumers/{prefix}easel.{reader}"
        file = group / f"offsets/{prefix}{topic.name}/partitions/{partition}.json"
        offsets.append(int(json.loads(file.read_bytes())["offset"]) if file.exists() else 0)
    return min(offsets, default=0)


def removable(batches: Sequence[str], committed: int) -> list[str]:
    """Those of a partition's batches (`<first offset>.batch`, in order) that may go. The newest stay in any case."""
    if len(batches) <= _MOST_BATCHES:
        return []
    starts = [int(name.removesuffix(".batch")) for name in batches]
    read = [name for name, (_, end) in zip(batches, pairwise(starts), strict=False) if end <= committed]
    return read[: len(batches) - _KEPT_BATCHES]


def prune(log: Path, prefix: str, remove: Remove) -> int:
    """Remove what may go from all topics (`prefix` is that of their names); how many batches that were."""
    removed = 0
    for topic in TOPICS:
        for partition in sorted((log / _CLUSTER / "topics" / f"{prefix}{topic.name}" / "partitions").glob("*")):
            records = partition / "records"
            batches = sorted(file.name for file in records.iterdir()) if records.is_dir() else []
            gone = removable(batches, _committed(log, prefix, topic, partition.name))
            if gone:
                folder = records.relative_to(log).as_posix()
                remove([f"{folder}/{name}" for name in gone])
                removed += len(gone)
    return removed


def from_store(bucket: str, keys: Sequence[str]) -> None:
    """Remove objects through the store. Raises OSError if some stayed."""
    from minio import Minio  # only here: most hubs never have so many events in one go
    from minio.deleteobjects import DeleteObject

    client = Minio(
        os.environ["AWS_ENDPOINT"].removeprefix("http://"), os.environ["AWS_ACCESS_KEY_ID"],
        os.environ["AWS_SECRET_ACCESS_KEY"], secure=False, region=os.environ["AWS_DEFAULT_REGION"],
    )  # fmt: skip
    errors = list(client.remove_objects(bucket, [DeleteObject(key) for key in keys]))
    if errors:
        raise OSError(f"{len(errors)} of {len(keys)} batches stayed, the first for: {errors[0].message}")


async def keep_short(log: Path) -> None:
    """Prune until cancelled; the folder's name is the bucket's.

    What fails is tried again the next time: the log is only longer meanwhile.
    """
    prefix = os.environ.get("EASEL_KAFKA_PREFIX", "")
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            removed = await asyncio.to_thread(prune, log, prefix, partial(from_store, log.name))
        except Exception as error:  # said, and no reason to take the broker down
            sys.stderr.write(f"the log could not be shortened: {error!r}\n")
        else:
            if removed:
                sys.stderr.write(f"{removed} batches that everybody has read were removed\n")
