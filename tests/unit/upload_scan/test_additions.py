"""Imports that an operator adds to the list: what can be added, and that one name opens nothing but itself."""

from __future__ import annotations

import argparse
import pickle
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.upload.report_view import advice
from services.upload.scan import RULES_VERSION
from services.upload.scan.additions import parse_additions, rules_version
from services.upload.scan.child import scan_isolated
from services.upload.scan.local import LocalScanner
from services.upload.scan.report import ScanReport
from services.upload.scan.scan import scan_file
from services.upload.settings import UploadSettings
from tests.unit.upload_scan.samples import codes, zipped

NAMESPACE = parse_additions(["argparse.Namespace"])
TRAINED = pickle.dumps({"args": argparse.Namespace(steps=3, name="x", rates=[0.1, 0.2])}, protocol=2)


def checkpoint(data: bytes) -> bytes:
    """A torch archive without tensors."""
    return zipped({"model/data.pkl": data, "model/byteorder": b"little", "model/version": b"3\n"})


def scan(data: bytes, folder: Path, additions: frozenset[tuple[str, str]] = NAMESPACE) -> ScanReport:
    path = folder / "model.pt"
    path.write_bytes(checkpoint(data))
    return scan_file(path, path.name, "Model", spool_dir=folder, additions=additions)


def test_a_file_that_needs_an_addition_is_clean_with_it_and_says_so(tmp_path: Path) -> None:
    assert scan(TRAINED, tmp_path, frozenset()).verdict == "dangerous"
    report = scan(TRAINED, tmp_path)
    assert (report.verdict, codes(report)) == ("clean", {"info.import-allowed"})
    assert [found.assessment for found in report.imports if found.name == "Namespace"] == ["allowed"]
    assert report.rules_version == rules_version(NAMESPACE)
    assert "safetensors" in advice("info.import-allowed")


async def test_the_confined_processes_are_told_of_it(tmp_path: Path) -> None:
    data = checkpoint(TRAINED)

    async def chunks() -> AsyncIterator[bytes]:
        yield data

    isolated = await scan_isolated(
        chunks(), len(data), "model.pt", "Model", spool_dir=tmp_path, timeout_seconds=60, additions=NAMESPACE
    )
    (tmp_path / "model.pt").write_bytes(data)
    local = LocalScanner(spool_dir=tmp_path, additions=NAMESPACE)
    with (tmp_path / "model.pt").open("rb") as file:
        own = local.scan(file.fileno(), "model.pt")
    local.close()
    assert (isolated.verdict, own.verdict) == ("clean", "clean")


def called(module: str, name: str, arguments: bytes = b"(K\x01t", then: bytes = b"") -> bytes:
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + arguments + b"R" + then + b"."


REFUSED = """
os.system posix.system builtins.eval __builtin__.eval builtins.getattr subprocess.Popen
importlib.import_module runpy.run_path functools.partial operator.attrgetter pickle.loads types.CodeType
types.FunctionType io.open shutil.rmtree pathlib.Path.unlink socket.socket copyreg._reconstructor
codecs.decode webbrowser.open uuid.UUID torch.load torch.hub.load torch.serialization.load torch.jit.script
numpy.load joblib.load dill.loads yaml.load cloudpickle.cloudpickle._make_function pandas.eval
pandas.read_pickle numpy.testing._private.utils.runstring numpy.f2py.crackfortran.getlincoef
torch.utils.collect_env.run requests.api.get pip.main copy_reg.constructor
torch._inductor.codecache.compile_file torch.utils.cpp_extension.load_inline aiohttp.ClientSession
argparse.* argparse argparse.Namespace.__init__ .Namespace argparse. argparse..Namespace argparse/Namespace
"""

ATTACKS = {
    "another import beside it": b"\x80\x02(cargparse\nNamespace\n)Rcposix\nsystem\nU\x02id\x85Rl.",
    "another name of the module": called("argparse", "FileType"),
    "a name that begins like it": called("argparse", "Namespaces"),
    "other letters": called("argparse", "namespace"),
    "an attribute of it": called("argparse", "Namespace.__init__"),
    "an attribute, stacked": b"\x80\x04\x8c\x08argparse\x8c\x13Namespace.__class__\x93)R.",
    "a way through it": called("argparse", "Namespace.__init__.__globals__"),
    "below it as a module": called("argparse.Namespace", "system"),
    "a function given to it": called("argparse", "Namespace", b"(cargparse\nNamespace\nt"),
    "a forbidden function given to it": called("argparse", "Namespace", b"(cbuiltins\neval\nt"),
    "what it made is called": called("argparse", "Namespace", b")", b"(U\x02idtR"),
    "keyword arguments": b"\x80\x04cargparse\nNamespace\n)}\x8c\x01aK\x01s\x92.",
    "a special attribute": called("argparse", "Namespace", b")", b"}U\x09__class__K\x01sb"),
    "a state that holds a function": called("argparse", "Namespace", b")", b"}U\x01acargparse\nNamespace\nsb"),
    "a state that is no dictionary": called("argparse", "Namespace", b")", b"(NK\x01tb"),
    "a state for the class itself": b"\x80\x02cargparse\nNamespace\n}U\x01aK\x01sb.",
    "items set in it": called("argparse", "Namespace", b")", b"U\x01aK\x01s"),
    "a name that is no constant": b"\x80\x04\x8c\x08argparse\x8c\x06systemC\x01x\x93)R.",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_addition_opens_nothing_else(name: str, tmp_path: Path) -> None:
    report = scan(ATTACKS[name], tmp_path)
    assert report.verdict == "dangerous", codes(report)
    assert report.hashes


@pytest.mark.parametrize("name", REFUSED.split())
def test_what_runs_code_or_is_no_exact_name_cannot_be_added(name: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be allowed|no exact name"):
        parse_additions([name])


def test_the_setting_is_checked_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EASEL_SCAN_ALLOWED_IMPORTS", " argparse.Namespace, lightning.callbacks.ModelCheckpoint ,")
    assert UploadSettings().additions == {("argparse", "Namespace"), ("lightning.callbacks", "ModelCheckpoint")}
    monkeypatch.setenv("EASEL_SCAN_ALLOWED_IMPORTS", "argparse.Namespace,os.system")
    with pytest.raises(ValueError, match=r"os\.system cannot be allowed"):
        UploadSettings()
    monkeypatch.delenv("EASEL_SCAN_ALLOWED_IMPORTS")
    assert UploadSettings().additions == frozenset()


def test_the_version_of_the_rules_tells_which_names_were_added() -> None:
    other = parse_additions(["pathlib.PosixPath"])
    versions = {rules_version(frozenset()), rules_version(NAMESPACE), rules_version(other)}
    assert len(versions) == 3
    assert rules_version(frozenset()) == RULES_VERSION
    assert rules_version(NAMESPACE | other) == rules_version(
        parse_additions(["pathlib.PosixPath", "argparse.Namespace"])
    )
    assert all(version < "2026-11-26" for version in versions)  # `--rules-older-than` compares as text
