"""Encoding documents into streams, and the cache that keeps them."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.errors import DataError, YsnakesError
from ysnakes_core.text.corpus import Reading, TokenStream, encode_documents, prepare_corpus
from ysnakes_core.text.records import Document, format_record
from ysnakes_core.text.token_stream import KEEP_FILES, make_stream, read_stream, write_stream
from ysnakes_core.text.tokenizers import Tokenizer, train_tokenizer

SYLLABLES = ("ba", "ke", "li", "mo", "nu", "ra", "si", "to", "vu", "ze")


def words(seed: object, count: int) -> list[str]:
    dice = random.Random(repr(seed))
    return ["".join(dice.choices(SYLLABLES, k=3)) for _ in range(count)]


def document(seed: object, count: int = 60) -> Document:
    made = words(seed, count)
    return Document(" ".join(made[:5]) + "?", " ".join(made[5:]) + ".", f"{seed}.md", 1)


@cache
def bpe() -> Tokenizer:
    return train_tokenizer([document(n) for n in range(50)], "bpe", 400)


def write(path: Path, data: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def texts_of(stream: TokenStream) -> list[str]:
    ends = [*stream.starts[1:], stream.n_tokens - 1]
    return [bpe().decode(stream.tokens[a + 1 : b].tolist()) for a, b in zip(stream.starts, ends, strict=True)]


def test_a_stream_is_the_documents_with_their_marks(tmp_path: Path) -> None:
    documents = [document(n) for n in range(40)] + [Document("", "no request"), Document(None, "<end> prose")]
    corpus = prepare_corpus(Reading(documents), bpe(), 0.2, cache_dir=tmp_path)
    found = []
    for stream in (corpus.train, corpus.validation):
        assert stream.tokens.dtype == np.uint16
        assert isinstance(stream.tokens, np.memmap)
        assert stream.tokens[-1] == bpe().end_id
        assert (stream.tokens[stream.starts] == bpe().end_id).all()
        assert (stream.tokens == bpe().end_id).sum() == stream.n_documents + 1
        assert stream.n_bytes == sum(len(text.encode()) for text in texts_of(stream))
        found += texts_of(stream)
    assert sorted(found) == sorted((d.request or "") + d.answer for d in documents)


def test_names_and_order_change_nothing(tmp_path: Path) -> None:
    for n in range(12):
        write(tmp_path / "one" / f"{n}.md", format_record(document(n)) + format_record(document(n + 100)))
        write(
            tmp_path / "two" / f"x{99 - n}.md", format_record(document(n + 100)) + format_record(document(n))
        )
    a = prepare_corpus([tmp_path / "one"], bpe(), 0.2, cache_dir=tmp_path / "cache")
    files = sorted((tmp_path / "cache").iterdir())
    b = prepare_corpus([tmp_path / "two"], bpe(), 0.2, cache_dir=tmp_path / "cache")
    assert a.hash == b.hash
    assert sorted((tmp_path / "cache").iterdir()) == files
    assert (a.train.tokens == b.train.tokens).all()
    write(tmp_path / "two" / "more.md", "more<start>text<end>")
    assert prepare_corpus([tmp_path / "two"], bpe(), 0.2, cache_dir=tmp_path / "cache").hash != a.hash


def test_another_tokenizer_is_encoded_anew(tmp_path: Path) -> None:
    reading = Reading([document(n) for n in range(20)])
    a = prepare_corpus(reading, bpe(), 0.2, cache_dir=tmp_path)
    other = train_tokenizer(reading.documents, "bpe", 320)
    b = prepare_corpus(reading, other, 0.2, cache_dir=tmp_path)
    assert a.hash == b.hash  # of the text
    assert a.train.n_tokens != b.train.n_tokens
    assert len(list(tmp_path.iterdir())) == 4


def test_progress_is_told_and_a_second_time_nothing_is_encoded(tmp_path: Path) -> None:
    reading = Reading([document(n) for n in range(30)])
    told: list[tuple[str, int, int]] = []
    prepare_corpus(reading, bpe(), 0.2, cache_dir=tmp_path, progress=lambda *report: told.append(report))
    stages = dict.fromkeys(stage for stage, _, _ in told)
    assert list(stages) == ["splitting", "encoding training text", "encoding validation text"]
    for stage in list(stages)[1:]:
        last = [(done, total) for name, done, total in told if name == stage][-1]
        assert last[0] == last[1] > 0
    told.clear()
    prepare_corpus(reading, bpe(), 0.2, cache_dir=tmp_path, progress=lambda *report: told.append(report))
    assert {stage for stage, _, _ in told} == {"splitting"}


@pytest.mark.parametrize("harm", ["torn", "longer", "changed", "emptied", "header", "other", "folder"])
def test_a_broken_cache_is_made_again(harm: str, tmp_path: Path) -> None:
    reading = Reading([document(n) for n in range(30)])
    first = prepare_corpus(reading, bpe(), 0.2, cache_dir=tmp_path)
    tokens = np.array(first.train.tokens)
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        path.unlink()
        harmed = {
            "torn": data[:-9],
            "longer": data + b"\0",
            "changed": data[:2000] + bytes([data[2000] ^ 1]) + data[2001:],
            "emptied": b"",
            "header": b"ysnakes token stream 1\n{}".ljust(1024) + data[1024:],
            "other": b"\xff" * len(data),
            "folder": None,
        }[harm]
        if harmed is not None:
            path.write_bytes(harmed)
    again = prepare_corpus(reading, bpe(), 0.2, cache_dir=tmp_path)
    assert (again.train.tokens == tokens).all()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_processes_that_prepare_the_same_text_do_not_disturb_each_other(tmp_path: Path) -> None:
    for n in range(20):
        write(tmp_path / "text" / f"{n}.md", format_record(document(n)))
    bpe().save(tmp_path / "tokenizer.json")
    code = (
        "import sys; from pathlib import Path\n"
        "from ysnakes_core.text.corpus import prepare_corpus\n"
        "from ysnakes_core.text.tokenizers import Tokenizer\n"
        "place = Path(sys.argv[1])\n"
        "tokenizer = Tokenizer.load(place / 'tokenizer.json')\n"
        "for _ in range(30):\n"
        "    corpus = prepare_corpus([place / 'text'], tokenizer, 0.2, cache_dir=place / 'cache')\n"
        "    print(corpus.hash, int(corpus.train.tokens.sum()), int(corpus.validation.tokens.sum()))\n"
        "    for path in (place / 'cache').glob('*.tokens'): path.unlink(missing_ok=True)\n"
    )
    root = Path(__file__).parents[2]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(root)},
            text=True,
        )
        for _ in range(3)
    ]
    outputs = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len({line for output in outputs for line in output.splitlines()}) == 1


def test_threads_writing_the_same_stream_leave_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.tokens"
    pieces = [([n % 300 + 2] * (n % 50), n) for n in range(300)]

    def work() -> None:
        for _ in range(5):
            write_stream(path, pieces, 0, 400)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        stream = read_stream(path)
        assert stream is None or stream.n_documents == 300
    assert read_stream(path) is not None
    assert [file.name for file in tmp_path.iterdir()] == ["x.tokens"]


@given(st.lists(st.tuples(st.lists(st.integers(2, 65_535), max_size=9), st.integers(0, 99)), max_size=9))
def test_a_written_stream_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[list[int], int]]
) -> None:
    path = tmp_path_factory.mktemp("stream") / "x.tokens"
    for vocab_size, kind in ((65_536, np.uint16), (65_537, np.uint32)):
        write_stream(path, pieces, 0, vocab_size)
        read, made = read_stream(path), make_stream(pieces, 0, vocab_size)
        assert read is not None
        for stream in (read, made):
            assert stream.tokens.dtype == kind
            assert stream.tokens.tolist() == [t for ids, _ in pieces for t in [0, *ids]] + [0]
            assert stream.text_bytes.tolist() == [size for _, size in pieces]
            assert (
                stream.starts.tolist() == np.cumsum([0] + [1 + len(ids) for ids, _ in pieces])[:-1].tolist()
            )
            assert stream.n_documents == len(pieces)


def test_without_validation_its_stream_is_empty(tmp_path: Path) -> None:
    corpus = prepare_corpus(Reading([document(1)]), bpe(), 0.0, cache_dir=tmp_path)
    assert (corpus.validation.n_documents, corpus.validation.n_bytes, corpus.validation.n_tokens) == (0, 0, 1)
    assert corpus.train.n_documents == 1


def test_a_cache_that_cannot_be_written_is_an_error_one_can_act_on(tmp_path: Path) -> None:
    write(tmp_path / "cache", "a file where a folder should be")
    with pytest.raises(YsnakesError) as raised:
        prepare_corpus(Reading([document(n) for n in range(9)]), bpe(), 0.2, cache_dir=tmp_path / "cache")
    assert "cache" in raised.value.what
    assert raised.value.hint


def test_the_cache_forgets_what_was_not_used_for_longest(tmp_path: Path) -> None:
    old = write(tmp_path / "old.tokens", "x")
    left = write(tmp_path / ".y.tokens.123-abc", "half")
    busy = write(tmp_path / ".z.tokens.124-abc", "being written")
    other = write(tmp_path / "other.txt", "not ours")
    for n, path in enumerate((old, left, other)):
        os.utime(path, (n, n))
    for n in range(KEEP_FILES):
        os.utime(write(tmp_path / f"{n}.tokens", "x"), (time.time() - 60, time.time() - 60))
    prepare_corpus(Reading([document(n) for n in range(9)]), bpe(), 0.2, cache_dir=tmp_path)
    assert not old.exists()
    assert not left.exists()
    assert busy.exists()
    assert other.exists()
    assert len(list(tmp_path.glob("*.tokens"))) <= KEEP_FILES + 1


def test_dropped_characters_are_told_and_their_bytes_not_counted(tmp_path: Path) -> None:
    plain = [document(n) for n in range(20)]
    tokenizer = train_tokenizer(plain, "word", 400)
    documents = [Document(d.request, d.answer + " 😀😀") for d in plain] + [Document(None, "😀", "s.md", 3)]
    corpus = prepare_corpus(Reading(documents), tokenizer, 0.2, cache_dir=tmp_path)
    assert [problem.where for problem in corpus.problems] == ["line 3", ""]
    assert "41 characters" in corpus.problems[1].what
    assert "'😀' 41 times" in corpus.problems[1].what
    kept = corpus.train.n_bytes + corpus.validation.n_bytes
    assert kept == sum(d.text_bytes + 1 for d in plain)
    with pytest.raises(DataError, match="knows no character"):
        prepare_corpus(Reading([Document(None, "😀")]), tokenizer, 0.2, cache_dir=tmp_path)


def test_documents_can_be_encoded_without_a_cache() -> None:
    documents = [document(n) for n in range(5)]
    stream = encode_documents(documents, bpe())
    assert texts_of(stream) == [(d.request or "") + d.answer for d in documents]
    assert stream.text_bytes.tolist() == [d.text_bytes for d in documents]
