"""Encoded documents as one stream of tokens, kept in a file that is mapped into memory.

The file is written under another name and renamed, so it is there whole or not at all, whatever else
happens and whoever else writes it at the same time; its header has the SHA-256 of what follows.
Layout (little-endian): magic, header (JSON, padded with spaces), tokens (padded to 8 bytes), starts,
text_bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ysnakes_core.files import explain

SUFFIX = ".tokens"
KEEP_FILES = 32  # of the most recently used streams in a cache folder

_MAGIC = b"ysnakes token stream 1\n"
_HEADER_BYTES = 1024
_BLOCK = 2**22
_DAY = 86_400.0

Tokens = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]


@dataclass(frozen=True)
class TokenStream:
    """``<end>`` doc1 ``<end>`` doc2 … docN ``<end>``.

    tokens: uint16, or uint32 for a vocabulary over 65,536; memory-mapped when it comes from the cache.
    starts: int64 (documents,), the offset of each document's ``<end>`` mark.
    text_bytes: int64 (documents,), UTF-8 bytes of the text that each document's tokens stand for.
    """

    tokens: Tokens
    starts: npt.NDArray[np.int64]
    text_bytes: npt.NDArray[np.int64]

    @property
    def n_tokens(self) -> int:
        return len(self.tokens)

    @property
    def n_documents(self) -> int:
        return len(self.starts)

    @property
    def n_bytes(self) -> int:
        return int(self.text_bytes.sum())


def token_type(vocab_size: int) -> np.dtype[np.uint16] | np.dtype[np.uint32]:
    """The smallest type here that holds every id, little-endian."""
    return np.dtype("<u2") if vocab_size <= 2**16 else np.dtype("<u4")


def make_stream(documents: Iterable[tuple[list[int], int]], end_id: int, vocab_size: int) -> TokenStream:
    """A stream in memory from (token ids, text bytes) of each document."""
    pieces = [(np.array([end_id, *ids], dtype=token_type(vocab_size)), size) for ids, size in documents]
    closing = np.array([end_id], dtype=token_type(vocab_size))
    tokens = np.concatenate([piece for piece, _ in pieces] + [closing])
    lengths = np.array([0] + [len(piece) for piece, _ in pieces], dtype=np.int64)
    sizes = np.array([size for _, size in pieces], dtype=np.int64)
    return TokenStream(tokens, np.cumsum(lengths)[: len(pieces)], sizes)


def write_stream(
    path: Path, documents: Iterable[tuple[list[int], int]], end_id: int, vocab_size: int
) -> None:
    """Write (token ids, text bytes) of each document as a stream file; only a little of it is in memory.

    YsnakesError where the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as file:
                _write(file, documents, end_id, vocab_size)
                file.flush()
                os.fsync(file.fileno())
            # Where another process holds the old file mapped, Windows refuses; then that file is as good.
            with contextlib.suppress(PermissionError):
                temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise explain(error, path, "write the encoded text to") from error


def read_stream(path: Path) -> TokenStream | None:
    """The stream in a file, mapped into memory; None where there is none or it is broken."""
    try:
        with path.open("rb") as file:
            header = _checked_header(file)
            if header is None:
                return None
            kind, n_tokens, n_documents = header
            token_bytes = _padded(n_tokens * kind.itemsize)
            after = _HEADER_BYTES + token_bytes
            tokens = np.memmap(file, kind, "r", _HEADER_BYTES, (n_tokens,))
            per_document = np.fromfile(file, "<i8", 2 * n_documents, offset=after - file.tell())
    except (OSError, ValueError):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # recently used
    return TokenStream(
        tokens,
        per_document[:n_documents].astype(np.int64),
        per_document[n_documents:].astype(np.int64),
    )


def forget_old_streams(folder: Path) -> None:
    """Delete what a killed process left half-written, and all but the most recently used streams."""
    files: list[tuple[float, Path]] = []
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            with contextlib.suppress(OSError):
                used = path.stat().st_mtime
                if path.suffix == SUFFIX:
                    files.append((used, path))
                elif path.name.startswith(".") and SUFFIX in path.name and time.time() - used > _DAY:
                    path.unlink()
    for _, path in sorted(files, reverse=True)[KEEP_FILES:]:
        with contextlib.suppress(OSError):
            path.unlink()


def _write(file: BinaryIO, documents: Iterable[tuple[list[int], int]], end_id: int, vocab_size: int) -> None:
    kind = token_type(vocab_size)
    digest = hashlib.sha256()

    def put(data: bytes) -> None:
        digest.update(data)
        file.write(data)

    file.write(b"\0" * _HEADER_BYTES)
    starts: list[int] = []
    sizes: list[int] = []
    length = 0
    for ids, size in documents:
        starts.append(length)
        sizes.append(size)
        length += 1 + len(ids)
        put(np.array([end_id, *ids], dtype=kind).tobytes())
    length += 1
    put(np.array([end_id], dtype=kind).tobytes())
    put(b"\0" * (_padded(length * kind.itemsize) - length * kind.itemsize))
    put(np.array([*starts, *sizes], dtype="<i8").tobytes())
    header = {
        "bytes_per_token": kind.itemsize,
        "tokens": length,
        "documents": len(starts),
        "sha256": digest.hexdigest(),
    }
    file.seek(0)
    file.write((_MAGIC + json.dumps(header).encode()).ljust(_HEADER_BYTES))


def _checked_header(file: BinaryIO) -> tuple[np.dtype[np.uint16] | np.dtype[np.uint32], int, int] | None:
    """Type, number of tokens, number of documents; None unless every byte is as it was written."""
    head = file.read(_HEADER_BYTES)
    if len(head) != _HEADER_BYTES or not head.startswith(_MAGIC):
        return None
    header = json.loads(head[len(_MAGIC) :])
    match header:
        case {
            "bytes_per_token": 2 | 4 as item,
            "tokens": int(n_tokens),
            "documents": int(n_documents),
            "sha256": str(sha256),
        } if n_tokens > 0 and n_documents >= 0:
            pass
        case _:
            return None
    expected = _HEADER_BYTES + _padded(n_tokens * item) + 16 * n_documents
    if os.fstat(file.fileno()).st_size != expected:
        return None
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    if digest.hexdigest() != sha256:
        return None
    return token_type(2**16 if item == 2 else 2**32), n_tokens, n_documents


def _padded(size: int) -> int:
    return -(-size // 8) * 8
