"""Drives the hash pipeline over a stream, as a scan does."""

from __future__ import annotations

from collections.abc import Iterable

from services.upload.scan.hashes import HashPipeline, fill, reader_of


def hash_stream(chunks: Iterable[bytes], *, tensors_offset: int | None = None) -> dict[str, str]:
    """All hashes of a stream. `tensors_offset` (8 + header length) turns AutoV3 on, for real safetensors only."""
    read = reader_of(chunks)
    with HashPipeline(tensors_offset=tensors_offset) as pipeline:
        while block := fill(read, pipeline.free_block()):
            pipeline.submit(block)
        return pipeline.finish()
