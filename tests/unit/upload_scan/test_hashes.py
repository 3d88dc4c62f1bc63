"""All six hashes in one pass, against the published check vector and against plain hashing."""

from __future__ import annotations

import hashlib
import zlib

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from services.upload.scan.hashes import BLOCK_BYTES, HashPipeline
from tests.unit.upload_scan.hashing import hash_stream

MIB = 1 << 20


def expected(data: bytes, offset: int | None) -> dict[str, str]:
    sha256 = hashlib.sha256(data).hexdigest().upper()
    hashes = {
        "SHA256": sha256,
        "AutoV2": sha256[:10],
        "CRC32": zlib.crc32(data).to_bytes(4, "little").hex().upper(),
        "BLAKE3": blake3(data).hexdigest().upper(),
    }
    if len(data) >= 2 * MIB:
        hashes["AutoV1"] = hashlib.sha256(data[MIB : MIB + 65536]).hexdigest()[:8].upper()
    if offset is not None and len(data) > offset:
        hashes["AutoV3"] = hashlib.sha256(data[offset:]).hexdigest()[:12].upper()
    return hashes


def test_published_check_vector() -> None:
    assert hash_stream([b"hello ", b"world"]) == {
        "SHA256": "B94D27B9934D3E08A52E52D7DA7DABFAC484EFE37A5380EE9088F7ACE2EFCDE9",
        "AutoV2": "B94D27B993",
        "CRC32": "85114A0D",
        "BLAKE3": "D74981EFA70A0C880B8D8C1985D075DBCBF679B99A5F9914E5AAF96B831A9E24",
    }


@pytest.mark.parametrize("size", [2 * MIB - 1, 2 * MIB, 2 * MIB + 1])
def test_autov1_exists_from_two_mebibytes_on(size: int) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    hashes = hash_stream([data])
    assert ("AutoV1" in hashes) is (size >= 2 * MIB)
    assert hashes == expected(data, None)


@pytest.mark.parametrize("offset", [8, 1000, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES + 77])
def test_autov3_begins_wherever_the_header_ends_inside_a_block(offset: int) -> None:
    data = hashlib.shake_128(b"seed").digest(3 * BLOCK_BYTES + 500)
    assert hash_stream([data], tensors_offset=offset) == expected(data, offset)


def test_no_autov3_of_nothing() -> None:
    assert "AutoV3" not in hash_stream([b"header only"], tensors_offset=11)


def test_more_blocks_than_buffers_keep_their_order() -> None:
    data = hashlib.shake_128(b"long").digest(20 * BLOCK_BYTES + 3)
    assert hash_stream([data[at : at + 70_001] for at in range(0, len(data), 70_001)], tensors_offset=9) == expected(
        data, 9
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=5000), max_size=20), st.integers(0, 4000))
def test_chunking_does_not_matter(chunks: list[bytes], offset: int) -> None:
    assert hash_stream(chunks, tensors_offset=offset) == expected(b"".join(chunks), offset)


def test_an_error_of_the_source_ends_the_threads_and_passes_through() -> None:
    def broken() -> object:
        yield bytes(2 * BLOCK_BYTES)
        raise OSError("the store went away")

    with pytest.raises(OSError, match="went away"):
        hash_stream(broken())  # type: ignore[arg-type]


def test_a_workers_error_is_raised_by_finish() -> None:
    with HashPipeline() as pipeline:
        pipeline.free_block()
        pipeline.submit(memoryview("é".encode()).cast("B", [2, 1]))  # not one-dimensional: no hash takes part of it
        with pytest.raises((TypeError, NotImplementedError, ValueError, BufferError)):
            pipeline.count_tensors_from(3)
            pipeline.finish()
