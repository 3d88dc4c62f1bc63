"""Imports that the operator of a hub adds to the allow-list, each by its exact name. No I/O.

An addition is weaker than an entry of the list itself: it may be called with plain data and be given a plain
dictionary as its state, and nothing else. Names that are known to run code, or may well, cannot be added.
"""

from __future__ import annotations

import hashlib
import io
import re
import sys
from collections.abc import Iterable

from services.upload.scan import RULES_VERSION
from services.upload.scan.allowlist import is_allowed, mapped
from services.upload.scan.array_rules import Name

NONE: frozenset[Name] = frozenset()

_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", re.ASCII)
_MOST = 50
_HARMLESS: frozenset[Name] = frozenset(
    {
        ("argparse", "Namespace"), ("types", "SimpleNamespace"), ("collections", "UserDict"), ("decimal", "Decimal"),
        ("fractions", "Fraction"), *(("pathlib", name) for name in (
            "Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath",
        )),
    }
)  # fmt: skip
"""Of the standard library, whose every other name is refused: too much of it runs or reads what it is given."""
_RUNS = re.compile(
    r"eval|exec|compil|import|load|popen|spawn|system|shell|getattr|setattr|subprocess|script|unpickl|"
    r"^(?:apply|call|open|partial|reduce|run|read|write|fetch|download)(?:_|$)|^__",
    re.IGNORECASE,
)
"""What functions are called that run, load or fetch what their argument says."""


def parse_additions(names: Iterable[str]) -> frozenset[Name]:
    """The names (`module.name` each) as pairs.

    Raises:
        ValueError: one is no exact name, or one that is refused; says which, why, and what to do.
    """
    given = [name.strip() for name in names if name.strip()]
    if len(given) > _MOST:
        raise ValueError(f"{len(given)} imports are to be allowed, and {_MOST} can be: each is a risk of its own")
    return frozenset(_parsed(name) for name in given)


def _parsed(text: str) -> Name:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no exact name; write module.name, such as argparse.Namespace, without patterns")
    module, _, name = text.rpartition(".")
    if (why := _why_refused((module, name))) is not None:
        raise ValueError(f"{text} cannot be allowed: {why}. Have the file saved again as safetensors instead")
    return module, name


def _why_refused(name: Name) -> str | None:
    top = name[0].partition(".")[0]
    if mapped(name) != name:
        return f"loaders take it for {'.'.join(mapped(name))}"
    if name in _HARMLESS or is_allowed(name):
        return None
    if top in sys.stdlib_module_names or top in ("__builtin__", "builtins"):
        return "of Python's own library only few names are harmless, and it is none of them"
    if _RUNS.search(name[1]):
        return "by its name it runs or loads what it is given"
    if any(part.startswith("__") for part in name[0].split(".")):
        return "it belongs to the inside of its package"
    return "it is known to be a way to run code" if _is_known_bad(name) else None


def _is_known_bad(name: Name) -> bool:
    """Whether picklescan's list, which is one of what has been misused, has it."""
    from picklescan.scanner import SafetyLevel, scan_pickle_bytes

    result = scan_pickle_bytes(io.BytesIO(f"c{name[0]}\n{name[1]}\n.".encode()), "", multiple_pickles=False)
    return any(found.safety is SafetyLevel.Dangerous for found in result.globals)


def rules_version(additions: frozenset[Name]) -> str:
    """The version of the rules together with the additions: another set means that every file is judged again."""
    if not additions:
        return RULES_VERSION
    text = "\n".join(sorted(".".join(name) for name in additions))
    return f"{RULES_VERSION}+{hashlib.sha256(text.encode()).hexdigest()[:8]}"
