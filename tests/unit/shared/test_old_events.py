"""Events that a release has written stay readable: `tests/contracts/events` keeps one of each type and version.

When a payload gains a field, its sample stays as it is. When its `version` grows, a sample of that version is added.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.events import Payload, decode, encode, payload_types

FOLDER = Path(__file__).parents[2] / "contracts" / "events"
SAMPLES = sorted(FOLDER.glob("*.json"))


def missing_from(old: Any, new: Any, at: str = "data") -> list[str]:
    """Places where something that the old event says is gone or another in the new one."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            place
            for name, value in old.items()
            for place in (missing_from(value, new[name], f"{at}.{name}") if name in new else [f"{at}.{name}"])
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [place for number, (was, is_now) in pairs for place in missing_from(was, is_now, f"{at}[{number}]")]
    return [] if old == new else [at]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_an_old_event_is_read_with_everything_it_says(path: Path) -> None:
    raw = path.read_bytes()
    event = decode(raw)
    name, version = path.stem.rsplit(".v", 1)
    assert type(event.data).__name__ == name
    assert int(version) <= event.data.version
    old, new = json.loads(raw), json.loads(encode(event))
    assert missing_from(old["data"], new["data"]) == []
    same = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "correlationid")
    assert {name: new[name] for name in same} == {name: old[name] for name in same}


@pytest.mark.parametrize("kind", payload_types(), ids=lambda kind: kind.__name__)
def test_every_event_type_has_a_sample_of_each_of_its_versions(kind: type[Payload]) -> None:
    wanted = {f"{kind.__name__}.v{version}" for version in range(1, kind.version + 1)}
    assert wanted <= {path.stem for path in SAMPLES}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_says_all_that_its_version_could_say(path: Path) -> None:
    event = decode(path.read_bytes())
    if path.stem.endswith(f".v{event.data.version}"):
        said = json.loads(path.read_bytes())["data"]
        assert said.keys() == json.loads(encode(event))["data"].keys()
