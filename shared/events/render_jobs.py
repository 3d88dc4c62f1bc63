"""`easel.render.jobs.<class>.<lane>`: there is work for a renderer of that class. Key: family of the base model.

The event only says that a job waits; the job itself, its lease and its progress are documents of the render service.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.payload import Payload

GpuClass = Literal["small", "medium", "large"]
Lane = Literal["interactive", "backfill"]

TOPIC_PREFIX = "easel.render.jobs"


def jobs_topic(gpu_class: str, lane: str) -> str:
    """The topic of one class of GPU memory and one lane."""
    return f"{TOPIC_PREFIX}.{gpu_class}.{lane}"


class PreviewRequested(Payload, frozen=True, kw_only=True):
    """Previews of a version wait to be drawn."""

    topic: ClassVar[str] = TOPIC_PREFIX
    key_field: ClassVar[str] = "family"

    job_id: str
    model_id: int
    version_id: int
    family: str
    gpu_class: GpuClass
    lane: Lane

    def topic_name(self) -> str:
        """Each class and lane has a topic of its own: a topic has no priorities, and a group no classes."""
        return jobs_topic(self.gpu_class, self.lane)
