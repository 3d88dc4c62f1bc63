"""All six hashes of a file in one pass and constant memory.

The reader fills reusable blocks, shows each to a worker thread and takes the other half of the hashes itself. Work is
parted so that two processors are busy alike: SHA-256 costs four times as much as BLAKE3 and reading, CRC32 next to
nothing. hashlib, blake3 and isal let go of the interpreter lock on such blocks.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from types import TracebackType
from typing import Final, Self

from blake3 import blake3
from isal.isal_zlib import crc32

Reader = Callable[[memoryview], int]
"""Fills the view from its start and says how many bytes it put there; 0 at the end of the data."""

BLOCK_BYTES: Final = 2 << 20
BLOCK_COUNT: Final = 4

_AUTOV1_OFFSET: Final = 0x100000
_AUTOV1_LENGTH: Final = 0x10000
_AUTOV1_MIN_SIZE: Final = 0x200000


class _Worker(threading.Thread):
    """Feeds blocks to `update` in order, and gives each back by its semaphore."""

    def __init__(self, name: str, update: Callable[[memoryview], None], free: int) -> None:
        super().__init__(name=name, daemon=True)
        self.free = threading.Semaphore(free)
        self.blocks: SimpleQueue[memoryview | None] = SimpleQueue()
        self.error: BaseException | None = None
        self._update = update

    def run(self) -> None:
        while (block := self.blocks.get()) is not None:
            try:
                if self.error is None:
                    self._update(block)
            except BaseException as error:  # raised again in the reader's thread by `finish`
                self.error = error
            finally:
                self.free.release()


class HashPipeline:
    """Computes the hashes of the blocks it is given; a context manager that ends its threads.

    Args:
        tensors_offset: where AutoV3 begins to count (after a safetensors header); None for other files, without AutoV3.
    """

    def __init__(self, *, tensors_offset: int | None = None) -> None:
        self.size_bytes = 0
        self._tensors_offset = tensors_offset
        self._sha256 = hashlib.sha256()
        self._crc32 = 0
        self._autov1 = hashlib.sha256()
        self._autov3 = hashlib.sha256()
        self._autov3_seen = 0
        self._observer: Callable[[memoryview], None] | None = None
        self._blake3 = blake3()  # one thread, unless it is asked for more
        self._blocks = [memoryview(bytearray(BLOCK_BYTES)) for _ in range(BLOCK_COUNT)]
        self._next = 0
        self._given = 0
        self._worker: _Worker | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_worker()

    def _end_worker(self) -> None:
        if self._worker is not None:
            self._worker.blocks.put(None)
            self._worker.join()

    def count_tensors_from(self, offset: int) -> None:
        """Set where AutoV3 begins; only before the first block is submitted."""
        if self.size_bytes:
            raise ValueError("AutoV3's offset must be known before the first block")
        self._tensors_offset = offset

    def observe(self, observer: Callable[[memoryview], None]) -> None:
        """Show every block to `observer` too, in order; only before the first block, and without AutoV3."""
        if self.size_bytes:
            raise ValueError("an observer must see the first block too")
        self._observer = observer

    def _parts(self) -> tuple[Callable[[memoryview], None], Callable[[memoryview], None]]:
        """What the worker does with a block, and what is done beside it."""
        if self._tensors_offset is None:
            return self._sha256.update, self._all_but_sha256
        return self._tensors, self._whole

    def _whole(self, block: memoryview) -> None:
        self._sha256.update(block)
        self._crc32 = crc32(block, self._crc32)

    def _tensors(self, block: memoryview) -> None:
        self._blake3.update(block)
        start = (self._tensors_offset or 0) - self._autov3_seen
        self._autov3_seen += len(block)
        if start < len(block):
            self._autov3.update(block[max(start, 0) :])

    def _all_but_sha256(self, block: memoryview) -> None:
        self._blake3.update(block)
        self._crc32 = crc32(block, self._crc32)
        if self._observer is not None:
            self._observer(block)

    def free_block(self) -> memoryview:
        """The next block to fill; waits until the worker is done with what it held."""
        if self._worker is not None:
            self._worker.free.acquire()
        self._given += 1
        block = self._blocks[self._next]
        self._next = (self._next + 1) % BLOCK_COUNT
        return block

    def submit(self, block: memoryview) -> None:
        """Hash a filled (possibly cut) block that `free_block` gave out. It may be read, but not written, by others."""
        work, beside = self._parts()
        if self._worker is None:
            self._worker = _Worker("hash", work, BLOCK_COUNT - self._given)
            self._worker.start()
        self._worker.blocks.put(block)
        start = _AUTOV1_OFFSET - self.size_bytes
        part = block[max(start, 0) : max(start + _AUTOV1_LENGTH, 0)]
        if len(part):
            self._autov1.update(part)
        self.size_bytes += len(block)
        beside(block)

    @property
    def tensors_sha256(self) -> str | None:
        """After `finish`: the whole SHA-256 that AutoV3 is the beginning of, in lower-case hexadecimal."""
        return self._autov3.hexdigest() if self._tensors_offset is not None else None

    def finish(self) -> dict[str, str]:
        """The hashes by their names in the API, upper-case hexadecimal, once all blocks are submitted."""
        self._end_worker()
        if self._worker is not None and self._worker.error is not None:
            raise self._worker.error
        sha256 = self._sha256.hexdigest().upper()
        hashes = {
            "SHA256": sha256,
            "AutoV2": sha256[:10],
            # The least significant byte comes first in the API's CRC32.
            "CRC32": self._crc32.to_bytes(4, "little").hex().upper(),
            "BLAKE3": self._blake3.hexdigest().upper(),
        }
        if self.size_bytes >= _AUTOV1_MIN_SIZE:
            hashes["AutoV1"] = self._autov1.hexdigest()[:8].upper()
        if self._tensors_offset is not None and self.size_bytes > self._tensors_offset:
            # Without any tensor byte it would be the hash of nothing, which names no file.
            hashes["AutoV3"] = self._autov3.hexdigest()[:12].upper()
        return hashes


def reader_of(chunks: Iterable[bytes]) -> Reader:
    """A Reader over byte chunks of any sizes."""
    source: Iterator[bytes] = iter(chunks)
    rest = memoryview(b"")

    def read(into: memoryview) -> int:
        nonlocal rest
        while not rest:
            chunk = next(source, None)
            if chunk is None:
                return 0
            rest = memoryview(chunk)
        count = min(len(rest), len(into))
        into[:count] = rest[:count]
        rest = rest[count:]
        return count

    return read


def fill(read: Reader, block: memoryview) -> memoryview:
    """Read until the block is full or the data end; the filled part."""
    filled = 0
    while filled < len(block) and (count := read(block[filled:])):
        filled += count
    return block[:filled]
