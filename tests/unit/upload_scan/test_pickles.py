"""Pickles in torch files: only what weights need is allowed, in whatever way a call is spelled."""

from __future__ import annotations

import _compat_pickle
import collections
import contextlib
import io
import pickle
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.upload.scan import machine
from services.upload.scan.allowlist import is_allowed
from services.upload.scan.machine import walk_pickle
from services.upload.scan.pickles import analyse_pickle
from services.upload.scan.report import Analysis
from tests.unit.upload_scan.samples import (
    Payload,
    codes,
    hostile_pickle,
    plain_state,
    scan,
    state_dict_pickle,
    torch_legacy,
    torch_zip,
)

PROTOCOLS = range(6)


def verdict_of(data_pickle: bytes, spool_dir: Path) -> str:
    return scan(torch_zip(data_pickle), "model.pt", spool_dir).verdict


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", ["model.pt", "model.safetensors", "model.gguf", "notes.txt"])
def test_a_bare_hostile_pickle_is_dangerous_under_any_name(protocol: int, name: str, tmp_path: Path) -> None:
    report = scan(hostile_pickle(protocol), name, tmp_path)
    assert report.verdict == "dangerous"
    assert any(found.name == "getcwd" for found in report.imports)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_hostile_pickle_in_a_torch_archive_names_import_and_place(protocol: int, tmp_path: Path) -> None:
    report = scan(torch_zip(hostile_pickle(protocol)), "model.ckpt", tmp_path)
    assert report.verdict == "dangerous"
    finding = next(finding for finding in report.findings if finding.code == "pickle.import")
    assert finding.location.startswith("model/data.pkl > ")
    assert "getcwd" in finding.message
    assert "safetensors" in finding.message


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_slot_of_the_old_format_is_looked_into(protocol: int, tmp_path: Path) -> None:
    hostile = hostile_pickle(protocol)
    good = torch_legacy()
    starts = [walk_pickle(good, at) for at in (0,)]
    for _ in range(4):
        starts.append(walk_pickle(good, starts[-1].end, in_torch=True))
    bounds = [0] + [walk.end for walk in starts]
    for slot in range(5):
        data = good[: bounds[slot]] + hostile + good[bounds[slot + 1] :]
        assert scan(data, "model.pt", tmp_path).verdict == "dangerous", slot


STRANGE = {
    "GLOBAL": b"cos\ngetcwd\n)R.",
    "STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x06getcwd\x93)R.",
    "INST": b"(ios\ngetcwd\n.",
    "OBJ": b"(cos\ngetcwd\no.",
    "NEWOBJ": b"\x80\x02cos\ngetcwd\n)\x81.",
    "NEWOBJ_EX": b"\x80\x04cos\ngetcwd\n)}\x92.",
    "extension registry": b"\x80\x02\x82\x01)R.",
    "persistent text": b"Psomething\n.",
    "persistent object": b"\x80\x02K\x01Q.",
    "names from memo": b"\x80\x04\x8c\x02os\x940\x8c\x06getcwd\x940h\x00h\x01\x93)R.",
    # PUT stores the top of the stack, not the text before it: here "os" lies under a popped text.
    "memo after pop": b"\x80\x04\x8c\x02osX\x0b\x00\x00\x00collections0q\x050h\x05\x8c\x06getcwd\x93)R.",
    "memo of a duplicate": b"\x80\x04\x8c\x02os2q\x0000h\x00\x8c\x06getcwd\x93)R.",
    "name that is no literal": b"\x80\x04\x8c\x02os)\x93.",
    "escaped text": b"V\\u006fs\n\x8c\x06getcwd\x93)R.",
    "dotted name": b"\x80\x04\x8c\x05torch\x8c\x12serialization.load\x93)R.",
    "attribute of an allowed module": b"ccollections\nnamedtuple\n)R.",
    "case does not fold": b"cCollections\nOrderedDict\n)R.",
    "getattr": b"c__builtin__\ngetattr\n(X\x01\x00\x00\x00aX\x01\x00\x00\x00btR.",
    "state on a class": b"ccollections\nOrderedDict\n}b.",
    "special attribute": b"ccollections\nOrderedDict\n)R}X\x09\x00\x00\x00__class__K\x01sb.",
    "codec as gadget": b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x05\x00\x00\x00rot13tR.",
    "rebuilder of something else": b"ctorch._tensor\n_rebuild_from_type_v2\n(ccollections\nOrderedDict\n"
    b"ctorch\nTensor\n)}tR.",
    "storage that is called": b"ctorch\nFloatStorage\n)R.",
    "numpy objects": b"cnumpy\ndtype\n(X\x02\x00\x00\x00O8K\x00K\x01tR.",
    "bytearray of a size": b"c__builtin__\nbytearray\n(K\xfftR.",
    "out of band": b"\x80\x05\x97.",
    "call of a result": b"ccollections\nOrderedDict\n)R)R.",
    "items in a foreign object": b"ctorch\nSize\n((K\x01ttRK\x01K\x02s.",
}


@pytest.mark.parametrize("way", STRANGE)
def test_no_spelling_of_a_call_passes(way: str, tmp_path: Path) -> None:
    assert verdict_of(STRANGE[way], tmp_path) == "dangerous"


@pytest.mark.parametrize("way", STRANGE)
def test_what_ran_before_a_broken_tail_is_still_reported(way: str, tmp_path: Path) -> None:
    assert verdict_of(STRANGE[way][:-1] + b"\xff\xff", tmp_path) == "dangerous"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x02",
        b"\x80\x09K\x01.",
        b"0.",
        b"\x80\x02K\x01K\x02.",
        b"h\x05.",
        b"\x80\x04\x95\xff\xff\xff\xff\x00\x00\x00\x00K\x01.",
        b"\x80\x02(K\x01}u.",
        b"\x80\x02X\xff\xff\xff\x7fabc",
        b"\x80\x02K\x01r\xff\xff\xff\x7f.",
        b"\x80\x02K\x01.trailing",
    ],
)
def test_malformed_streams_are_invalid(data: bytes, tmp_path: Path) -> None:
    assert verdict_of(data, tmp_path) == "invalid"


def test_a_constant_of_many_megabytes_does_not_hide_what_follows(tmp_path: Path) -> None:
    data = b"\x80\x02" + b"X" + (20 << 20).to_bytes(4, "little") + b"a" * (20 << 20) + b"0cos\ngetcwd\n)R."
    assert verdict_of(data, tmp_path) == "dangerous"


def test_too_many_opcodes_are_over_a_limit_and_not_half_scanned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "MAX_OPCODES", 100_000)
    data = b"\x80\x02" + b"N0" * 110_000 + b"cos\ngetcwd\n)R."
    report = scan(torch_zip(data), "model.pt", tmp_path)
    assert report.verdict == "invalid"
    assert "pickle.malformed" in codes(report)


def test_python_2_names_are_judged_by_what_they_become() -> None:
    assert is_allowed(("__builtin__", "set"))
    assert not is_allowed(("__builtin__", "eval"))
    assert not is_allowed(("collections.OrderedDict", "fromkeys"))
    for name in [*_compat_pickle.NAME_MAPPING, *((module, "x") for module in _compat_pickle.IMPORT_MAPPING)]:
        if name != ("__builtin__", "long"):  # it becomes `int`, which may be named as what a defaultdict makes
            assert not is_allowed(name), name


@pytest.mark.parametrize(
    "value", [1, "text", [1, 2], {"a": 1.5}, (1, None), {1, 2}, b"bytes", True, 1 + 2j, collections.Counter("aab")]
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_data_beside_the_tensors_is_clean(value: object, protocol: int, tmp_path: Path) -> None:
    data = pickle.dumps({"epoch": 1, "value": value}, protocol)
    members = {"data/0": b""}
    report = scan(torch_zip(data, members), "model.pt", tmp_path)
    assert codes(report) <= {"torch.storage"}, report.findings  # only that the storage is unused


PAYLOADS = [
    Payload(print, "x"), Payload(eval, "1"), Payload(getattr, "a", "upper"), Payload(collections.namedtuple, "A", "b"),
    Payload(__import__, "os"), Payload(open, "/dev/null"),
]  # fmt: skip


AROUND = st.recursive(
    st.just("payload"),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=3), inner, min_size=1, max_size=2)
    ),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(PAYLOADS),
    st.sampled_from(list(PROTOCOLS)),
    AROUND,
)
def test_a_payload_at_any_depth_is_dangerous(tmp_path: Path, payload: Payload, protocol: int, around: object) -> None:
    def place(value: object) -> object:
        if isinstance(value, list):
            return [place(item) for item in value]
        if isinstance(value, tuple):
            return tuple(place(item) for item in value)
        return {key: place(item) for key, item in value.items()} if isinstance(value, dict) else payload

    assert verdict_of(pickle.dumps(place(around), protocol), tmp_path) == "dangerous"


def asked_of_the_real_machine(data: bytes) -> list[tuple[str, str]]:
    """What an unpickler of the standard library asks for, when every answer is harmless: the oracle of two tests."""
    asked: list[tuple[str, str]] = []

    class Harmless(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> object:
            asked.append((module, name))
            return collections.OrderedDict

        def persistent_load(self, key: object) -> object:
            asked.append(("persistent", "id"))
            return None

    with contextlib.suppress(Exception):  # only what it asked for before it broke off matters
        Harmless(io.BytesIO(data)).load()
    return asked


HOSTILE = plain_state(Payload(eval, "1"))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(HOSTILE) - 1), st.binary(min_size=0, max_size=3))
def test_a_mutated_hostile_pickle_is_dangerous_as_long_as_its_import_is_read(
    tmp_path: Path, at: int, new: bytes
) -> None:
    changed = HOSTILE[:at] + new + HOSTILE[at + 1 :]
    if not all(map(is_allowed, asked_of_the_real_machine(changed))):
        assert verdict_of(changed, tmp_path) == "dangerous"


OPERATIONS = [
    b"(", b")", b"}", b"]", b"\x8f", b"0", b"1", b"2", b"N", b"K\x01", b"\x93", b"R", b"\x81", b"\x92", b"o", b"b",
    b"t",
    b"\x85", b"\x86", b"l", b"d", b"s", b"u", b"a", b"e", b"\x90", b"\x91", b"q\x00", b"q\x01", b"h\x00", b"h\x01",
    b"\x94", b"p2\n", b"g2\n", b"cos\ngetcwd\n", b"ccollections\nOrderedDict\n", b"(ios\ngetcwd\n", b"Q", b"Vos\n",
    b"\x8c\x02os", b"\x8c\x06getcwd", b"\x8c\x0bcollections", b"\x8c\x0bOrderedDict",
]  # fmt: skip


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.sampled_from(OPERATIONS), min_size=2, max_size=20))
def test_whatever_the_real_machine_would_import_ours_sees(operations: list[bytes]) -> None:
    data = b"\x80\x04" + b"".join(operations) + b"."
    if not all(map(is_allowed, asked_of_the_real_machine(data))):
        analysis = Analysis()
        analyse_pickle(analysis, data, "data.pkl")
        assert analysis.verdict == "dangerous"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_never_crash_the_machine(data: bytes) -> None:
    walk = walk_pickle(data)
    assert walk.is_complete or walk.faults


def test_the_sample_state_dict_is_what_torch_needs(tmp_path: Path) -> None:
    report = scan(torch_zip(state_dict_pickle()), "model.pt", tmp_path)
    assert report.verdict == "clean", report.findings
    assert {found.qualified_name for found in report.imports} == {
        "collections.OrderedDict", "torch._utils._rebuild_tensor_v2", "torch.FloatStorage",
    }  # fmt: skip
