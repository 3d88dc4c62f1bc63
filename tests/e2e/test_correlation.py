"""One id follows a publication through every process that has a part in it."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver, Json, eventually


@pytest.fixture(scope="module")
def traced(hub: HubDriver, shapes: Shared, demo_models: Path) -> str:
    """The id that a whole publication was sent with; its pictures are drawn."""
    correlation = f"story-{secrets.token_hex(6)}"
    headers = {"X-Correlation-Id": correlation}
    path = demo_models / "tiny-pixel.safetensors"
    version = hub.ask_to_publish(hub.admin, f"Traced {correlation}", path, headers)
    assert hub.wait_settled(version["id"])["status"] == "Published"
    assert hub.wait_previews(version["id"])["previews"]["status"] == "done"
    return correlation


@pytest.mark.parametrize("process", ["gateway", "catalog", "scanner", "search", "planner", "renderer"])
def test_the_id_of_a_publish_request_is_in_the_log_of_every_process(hub: HubDriver, traced: str, process: str) -> None:
    def lines() -> list[Json]:
        return [line for line in hub.log(process) if line.get("correlation_id") == traced]

    found = eventually(lines)
    assert {line["process"] for line in found} == {process}
    assert all(line["event"] and line["level"] and line["timestamp"] for line in found)


def test_an_answer_carries_the_id_it_was_asked_with_or_a_new_one(hub: HubDriver) -> None:
    path = "/api/v1/models/2147483647"
    sent = hub.anonymous.get(path, headers={"X-Correlation-Id": "my-id.1"})
    assert sent.headers["x-correlation-id"] == "my-id.1"
    made = {hub.anonymous.get(path).headers["x-correlation-id"] for _ in range(3)}
    assert len(made) == 3
    hostile = hub.anonymous.get(path, headers={"X-Correlation-Id": 'x" onload="alert(1)' + "y" * 200})
    assert "onload" not in hostile.headers["x-correlation-id"]
    for address in ("/", "/api/hub/keys", "/no/such/page", "/api/hub/models"):
        assert hub.anonymous.put(address).headers["x-correlation-id"]


@pytest.mark.parametrize("process", ["gateway", "catalog", "upload", "scanner", "search", "planner", "renderer"])
def test_no_log_line_holds_a_key_or_a_secret(hub: HubDriver, traced: str, process: str) -> None:
    text = (hub.running.hub.state / "logs" / f"{process}.log").read_text()
    environment = hub.running.hub.environment()
    assert hub.admin_key not in text
    for name in ("EASEL_SECRET", "EASEL_INTERNAL_TOKEN", "EASEL_S3_SECRET_KEY"):
        assert environment[name] not in text
