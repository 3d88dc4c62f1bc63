"""A list of the system calls that the scanning process may still make; every other is answered with EPERM.

The filter is the kernel's own interface (`seccomp(2)`, classic BPF over `struct seccomp_data`), so it needs no library.
Left are: reading and writing what is open, memory, threads of the same process, time and randomness. There is no
`socket`, `execve`, `fork`, `kill`, `ptrace`, `ioctl` or `io_uring` among them. Files can be opened to read, which
Landlock narrows to the interpreter's own, or without a name to write, which vanish with the process.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Sequence

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _JUMP_EQUAL, _AND, _RETURN = 0x20, 0x15, 0x54, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16

_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE_THREAD = 0x00010000

CALLS: dict[str, dict[str, int]] = {
    "x86_64": {
        "read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12,
        "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "pread64": 17, "pwrite64": 18, "readv": 19,
        "writev": 20, "sched_yield": 24, "mremap": 25, "madvise": 28, "dup": 32, "nanosleep": 35, "getpid": 39,
        "exit": 60, "fcntl": 72, "ftruncate": 77, "gettimeofday": 96, "getrusage": 98, "sysinfo": 99, "getppid": 110,
        "sigaltstack": 131, "gettid": 186, "futex": 202, "sched_getaffinity": 204, "getdents64": 217,
        "restart_syscall": 219, "fadvise64": 221, "clock_gettime": 228, "clock_nanosleep": 230, "exit_group": 231,
        "newfstatat": 262, "set_robust_list": 273, "getrandom": 318, "membarrier": 324, "statx": 332, "rseq": 334,
        "openat": 257, "unlink": 87, "unlinkat": 263, "getcwd": 79, "clone": 56, "ioctl": 16,
        "clone3": 435, "prlimit64": 302,
    },
    "aarch64": {
        "read": 63, "write": 64, "close": 57, "fstat": 80, "lseek": 62, "mmap": 222, "mprotect": 226, "munmap": 215,
        "brk": 214, "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "pread64": 67, "pwrite64": 68,
        "readv": 65, "writev": 66, "sched_yield": 124, "mremap": 216, "madvise": 233, "dup": 23, "nanosleep": 101,
        "getpid": 172, "exit": 93, "fcntl": 25, "ftruncate": 46, "gettimeofday": 169, "getrusage": 165,
        "sysinfo": 179, "getppid": 173, "sigaltstack": 132, "gettid": 178, "futex": 98, "sched_getaffinity": 123,
        "getdents64": 61, "restart_syscall": 128, "fadvise64": 223, "clock_gettime": 113, "clock_nanosleep": 115,
        "exit_group": 94, "newfstatat": 79, "set_robust_list": 99, "getrandom": 278, "membarrier": 283, "statx": 291,
        "rseq": 293, "openat": 56, "unlinkat": 35, "getcwd": 17, "clone": 220, "ioctl": 29,
        "clone3": 435, "prlimit64": 261,
    },
}  # fmt: skip
"""Numbers of the calls by machine; a unit test compares them with libseccomp's."""

_WITH_CONDITIONS = frozenset({"openat", "unlink", "unlinkat", "ioctl", "clone", "clone3", "prlimit64"})
_Instruction = tuple[int, int, int, int]


class _Filter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Filter))]


def restrict_calls(*, may_name_files: bool = False) -> None:
    """Restrict this process, its threads to come and its children for good. It must have given up new rights before.

    Args:
        may_name_files: whether files with names may be made and removed too: for a spool folder without nameless ones,
            which Landlock then has to keep the process in.

    Raises:
        OSError: the kernel does not take the filter, or nobody has written one for this kind of processor.
    """
    machine = os.uname().machine
    if machine not in CALLS:
        raise OSError(errno.ENOTSUP, f"no filter of system calls for {machine} processors")
    instructions = program(machine, may_name_files=may_name_files)
    filters = (_Filter * len(instructions))(*(_Filter(*instruction) for instruction in instructions))
    code = _Program(len(instructions), filters)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), ctypes.byref(code)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def program(machine: str, *, may_name_files: bool = False) -> list[_Instruction]:
    """The filter for a machine; it falls through from one call's test to the next and ends by refusing."""
    calls = CALLS[machine]
    code: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_EQUAL, 1, 0, _AUDIT[machine]),
        (_RETURN, 0, 0, _KILL),  # a 32-bit call has other numbers
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    for name, number in calls.items():
        if name not in _WITH_CONDITIONS:
            code += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    # Its flags lie in memory where a filter cannot see them; the C library then takes `clone`.
    code += _when(calls["clone3"], [(_RETURN, 0, 0, _ERRNO | errno.ENOSYS)])
    # Python asks it whether a file is a terminal, and goes on from this answer.
    code += _when(calls["ioctl"], [(_RETURN, 0, 0, _ERRNO | errno.ENOTTY)])
    code += _when(calls["clone"], _if_argument(0, _CLONE_THREAD, _CLONE_THREAD))
    code += _when(calls["prlimit64"], _if_null(2))  # a null pointer for the new limit: only asks
    if may_name_files:
        for name in calls.keys() & {"openat", "unlink", "unlinkat"}:
            code += _when(calls[name], [(_RETURN, 0, 0, _ALLOW)])
    else:
        code += _when(calls["openat"], _if_reading_or_nameless())
    return [*code, (_RETURN, 0, 0, _ERRNO | errno.EPERM)]


def _when(number: int, then: Sequence[_Instruction]) -> list[_Instruction]:
    """Do `then`, which must end in a return, if the call has that number."""
    return [(_JUMP_EQUAL, 0, len(then), number), *then]


def _if_argument(index: int, mask: int, value: int) -> list[_Instruction]:
    """Allow the call if an argument's lower half, masked, has the value; else refuse it."""
    return [
        (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index),  # both machines are little-endian
        (_AND, 0, 0, mask),
        (_JUMP_EQUAL, 0, 1, value),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
    ]


def _if_reading_or_nameless() -> list[_Instruction]:
    """For `openat`: allow to open for reading, or a file without a name for anything."""
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | (os.O_TMPFILE & ~os.O_DIRECTORY)
    return _if_argument(2, writing, 0)[:-1] + _if_argument(2, os.O_TMPFILE, os.O_TMPFILE)


def _if_null(index: int) -> list[_Instruction]:
    refuse = (_RETURN, 0, 0, _ERRNO | errno.EPERM)
    return [
        (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index),
        (_JUMP_EQUAL, 1, 0, 0),
        refuse,
        (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index + 4),
        (_JUMP_EQUAL, 1, 0, 0),
        refuse,
        (_RETURN, 0, 0, _ALLOW),
    ]
