"""Settings come from the environment, and wrong ones refuse to start."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from shared.processes import ENGINES, HIGHEST_GATEWAY_PORT, SERVICES, port_of, process_named
from shared.settings import Settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("EASEL_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EASEL_HTTP_PORT", "0"),
        ("EASEL_HTTP_PORT", "70000"),
        ("EASEL_HTTP_PORT", "eighty"),
        ("EASEL_LOG_LEVEL", "loud"),
        ("EASEL_MONGO_PREFIX", "Easel"),
        ("EASEL_MONGO_PREFIX", "a/b"),
        ("EASEL_KAFKA_PREFIX", "a b"),
        ("EASEL_KAFKA_SECURITY_PROTOCOL", "TLS"),
        ("EASEL_KAFKA_SESSION_TIMEOUT_MS", "10"),
        ("EASEL_KAFKA_REPLICATION", "0"),
        ("EASEL_S3_PREFIX", "easel_models"),
        ("EASEL_S3_PREFIX", ""),
    ],
)
def test_a_wrong_value_refuses_to_start_and_names_the_setting(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.removeprefix("EASEL_").lower()):
        Settings()


def test_only_names_with_the_prefix_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PORT", "9999")
    monkeypatch.setenv("EASEL_HTTP_PORT", "8123")
    monkeypatch.setenv("EASEL_SOMETHING_OF_ANOTHER_PROCESS", "x")
    assert Settings().http_port == 8123


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "EASEL_MONGO_URL": "mongodb://user:hunter2@db/",
        "EASEL_KAFKA_PASSWORD": "hunter2",
        "EASEL_S3_SECRET_KEY": "hunter2",
        "EASEL_OPENSEARCH_PASSWORD": "hunter2",
        "EASEL_INTERNAL_TOKEN": "hunter2",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    assert "hunter2" not in repr(Settings()) + str(Settings()) + Settings().model_dump_json()
    assert Settings().mongo_url.get_secret_value() == secrets["EASEL_MONGO_URL"]


def test_settings_do_not_change_while_a_process_runs() -> None:
    with pytest.raises(ValidationError):
        Settings().http_port = 1  # type: ignore[misc]


@pytest.mark.parametrize("distance", [1, 2, 10, 11, 100, 500, 1000, 2000])
def test_two_hubs_a_round_number_apart_share_no_port(distance: int) -> None:
    names = [process.name for process in SERVICES + ENGINES]
    assert len(set(names)) == len(names)
    one, other = ({port_of(name, port) for name in names} for port in (8000, 8000 + distance))
    assert len(one) == len(names)
    assert not one & other
    assert max(port_of(name, HIGHEST_GATEWAY_PORT) for name in names) <= 65535


def test_processes_are_found_by_name_and_engines_are_none() -> None:
    assert process_named("scanner").module == "services.upload.scanner"
    for name in ("mongo", "nothing"):
        with pytest.raises(KeyError):
            process_named(name)
    with pytest.raises(KeyError):
        port_of("nothing", 8000)
