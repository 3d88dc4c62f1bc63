"""Whatever is changed in a file: no crash, and what is clean is what the real readers of its format take it for."""

from __future__ import annotations

import pickle
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.upload_scan.hostile_pickles import TRICKS
from tests.unit.upload_scan.oracles import require_readable
from tests.unit.upload_scan.samples import safetensors, scan_own, torch_legacy, torch_zip
from tests.unit.upload_scan.test_harmless import FILES, VALUES
from tests.unit.upload_scan.test_hostile_containers import CASES

SEEDS: list[tuple[bytes, str]] = [
    *FILES.values(),
    *CASES.values(),
    *((data, "a.pkl") for data in TRICKS.values()),
    *((pickle.dumps(VALUES[name], protocol), "a.pkl") for name in ("containers", "times", "arrays", "structures")
      for protocol in (0, 2, 5)),
    (safetensors(), "a.safetensors"), (torch_zip(), "a.pt"), (torch_legacy(), "a.pt"),
]  # fmt: skip
SMALL = [(data, name) for data, name in SEEDS if len(data) < 20_000]

CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["replace", "insert", "delete", "repeat", "cut"]),
        st.floats(0, 1, exclude_max=True),
        st.binary(min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=3,
)


def changed(data: bytes, kind: str, place: float, new: bytes) -> bytes:
    at = int(place * len(data))
    if kind == "replace":
        return data[:at] + new + data[at + len(new) :]
    if kind == "insert":
        return data[:at] + new + data[at:]
    if kind == "delete":
        return data[:at] + data[at + len(new) :]
    if kind == "repeat":
        return data[:at] + data[max(at - 64 * len(new), 0) : at] + data[at:]
    return data[:at]


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SMALL), CHANGES)
def test_a_changed_file_is_clean_only_if_its_own_readers_agree(
    tmp_path: Path, seed: tuple[bytes, str], changes: list[tuple[str, float, bytes]]
) -> None:
    data, name = seed
    for change in changes:
        data = changed(data, *change)
    report = scan_own(data, name, tmp_path)
    assert report.verdict in ("clean", "dangerous", "invalid")
    assert (report.verdict == "clean") == (not report.findings)
    if report.verdict == "clean":
        require_readable(report, data)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(TRICKS)), CHANGES)
def test_a_changed_hostile_pickle_is_clean_only_if_nothing_is_asked_for(
    tmp_path: Path, trick: str, changes: list[tuple[str, float, bytes]]
) -> None:
    data = TRICKS[trick][-4_000:]
    for change in changes:
        data = changed(data, *change)
    report = scan_own(data, "a.pkl", tmp_path)
    if report.verdict == "clean":
        require_readable(report, data)
