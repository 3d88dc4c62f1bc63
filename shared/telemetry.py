"""Logs and metrics: JSON lines that carry a correlation id, and the Prometheus metrics every process exports."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

from shared.clock import new_id

CORRELATION_HEADER = "x-correlation-id"
_NOISY = (
    "aiokafka", "httpx", "httpx2", "httpcore", "httpcore2", "opensearch", "pymongo", "urllib3", "uvicorn.access",
    "faststream",
)  # fmt: skip
_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")

EVENTS_PRODUCED = Counter("easel_events_produced_total", "Events published by the outbox relay.", ["topic", "type"])
EVENTS_CONSUMED = Counter("easel_events_consumed_total", "Events whose effect is recorded.", ["topic", "type"])
EVENTS_SKIPPED = Counter("easel_events_skipped_total", "Events seen before, or of no interest.", ["topic", "reason"])
EVENTS_FAILED = Counter("easel_events_failed_total", "Attempts to process an event that failed.", ["topic", "type"])
EVENTS_DEAD = Counter("easel_events_dead_lettered_total", "Records moved to a dead-letter topic.", ["topic"])
EVENT_SECONDS = Histogram("easel_event_seconds", "Time from an event's creation to its recorded effect.", ["topic"])
CONSUMER_LAG = Gauge("easel_consumer_lag", "Records of a topic not yet processed by this group.", ["topic", "group"])
OUTBOX_DEPTH = Gauge("easel_outbox_depth", "Events written but not yet published.")
LOOP_CRASHES = Counter("easel_loop_crashes_total", "Background loops that raised and were started again.", ["loop"])


def configure_logging(process: str, level: str) -> None:
    """JSON lines on standard output, ours and the libraries'. Call once, before anything logs."""
    shared_steps: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared_steps,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_steps,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _name_process(process),
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("aiokafka.consumer.group_coordinator").setLevel(logging.ERROR)


def _name_process(process: str) -> Any:
    def add(_logger: Any, _method: str, entry: dict[str, Any]) -> dict[str, Any]:
        return {"process": process, **entry}

    return add


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound


def correlation_id() -> str:
    """The id of the request or event being handled; a new one outside of both."""
    found = structlog.contextvars.get_contextvars().get("correlation_id")
    return found if isinstance(found, str) else begin_correlation(None)


def begin_correlation(given: str | None) -> str:
    """Bind the id that a caller sent, if it is one (64 harmless characters at most), else a new one."""
    chosen = given if given and _ACCEPTED_ID.fullmatch(given) else new_id()
    structlog.contextvars.bind_contextvars(correlation_id=chosen)
    return chosen
