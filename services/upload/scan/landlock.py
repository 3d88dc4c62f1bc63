"""Landlock: which files the scanning process can still reach. The kernel's interface: `landlock(7)`."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1

_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_FILE, _MAKE_REG, _TRUNCATE = (1 << bit for bit in (1, 2, 3, 5, 8, 14))
READ = _READ_FILE | _READ_DIR
SPOOL = _READ_FILE | _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | _TRUNCATE

_FILE_RIGHTS = ((1, 13), (2, 14), (3, 15), (5, 16))
"""From which version on how many rights on files there are."""
_NO_TCP, _NO_SIGNALS_OR_SOCKETS = 0b11, 0b11
_TCP_VERSION, _SCOPE_VERSION = 4, 6


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("tcp", ctypes.c_uint64), ("scope", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("rights", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def restrict_files(allowed: Mapping[Path, int]) -> None:
    """Refuse this process every file, folder and TCP port except what lies below the folders named, for good.

    Args:
        allowed: rights (`READ`, `SPOOL`) by folder; a folder that is not there is left out.

    Raises:
        OSError: the kernel has no Landlock or does not offer it here.
    """
    version = _call(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    rights = (1 << max(count for since, count in _FILE_RIGHTS if version >= since)) - 1
    attributes = _Ruleset(
        rights, _NO_TCP if version >= _TCP_VERSION else 0, _NO_SIGNALS_OR_SOCKETS if version >= _SCOPE_VERSION else 0
    )
    size = 24 if version >= _SCOPE_VERSION else 16 if version >= _TCP_VERSION else 8
    ruleset = _call(_CREATE_RULESET, ctypes.byref(attributes), size, 0)
    try:
        _allow(ruleset, ((folder, right & rights) for folder, right in allowed.items()))
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, allowed: Iterable[tuple[Path, int]]) -> None:
    for folder, rights in allowed:
        try:
            descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        try:
            _call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(_PathBeneath(rights, descriptor)), 0)
        finally:
            os.close(descriptor)


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    words = (ctypes.c_long(value) if isinstance(value, int) else value for value in arguments)
    result: int = libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        number = ctypes.get_errno()
        known = {errno.ENOSYS: "this kernel has no Landlock (5.13 is the first)", errno.EOPNOTSUPP: "Landlock is off"}
        raise OSError(number, known.get(number, os.strerror(number)))
    return result
