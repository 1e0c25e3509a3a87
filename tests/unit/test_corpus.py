"""From files to encoded streams: reading, splitting, encoding, and the cache."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ysnakes_core.errors import DataError, UsageError, YsnakesError
from ysnakes_core.text import reading as reading_module
from ysnakes_core.text.corpus import (
    Reading,
    TokenStream,
    encode_documents,
    prepare_corpus,
    read_documents,
    split_documents,
)
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


# Reading


def test_folders_are_read_in_order_and_hidden_and_other_files_left_out(tmp_path: Path) -> None:
    write(tmp_path / "b.md", "q<start>b<end>")
    write(tmp_path / "a" / "z.txt", "prose z")
    write(tmp_path / "a" / "y.MD", "prose y")
    for name in (".hidden.md", ".git/x.md", "picture.png", "notes.markdown"):
        write(tmp_path / name, "not this")
    reading = read_documents([tmp_path])
    assert [document.answer for document in reading.documents] == ["prose y", "prose z", "b"]
    assert reading.files == [tmp_path / "a" / "y.MD", tmp_path / "a" / "z.txt", tmp_path / "b.md"]
    assert reading.problems == []


@pytest.mark.skipif(os.name == "nt", reason="paths are shorter there")
def test_deep_folders_are_read(tmp_path: Path) -> None:
    folders = [tmp_path]
    for _ in range(1200):  # more than Python's recursion reaches
        folders.append(folders[-1] / "a")
        folders[-1].mkdir()
    file = write(folders[-1] / "x.md", "deep")
    assert [document.answer for document in read_documents([tmp_path]).documents] == ["deep"]
    file.unlink()
    for folder in reversed(folders[1:]):  # what cleans up afterwards does recurse
        folder.rmdir()


def test_a_file_is_read_once_however_often_it_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "a.md", "text")
    reading = read_documents([file, tmp_path, tmp_path / "." / "a.md"])
    assert len(reading.documents) == len(reading.files) == 1


def test_a_named_file_may_have_any_suffix(tmp_path: Path) -> None:
    assert read_documents([write(tmp_path / "README", "text")]).documents[0].answer == "text"


def test_a_byte_order_mark_is_accepted_and_line_breaks_are_kept(tmp_path: Path) -> None:
    file = write(tmp_path / "a.md", b"\xef\xbb\xbfone\r\ntwo\r\n")
    assert read_documents([file]).documents[0].answer == "one\r\ntwo\r\n"


def test_bad_files_are_told_and_lose_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "binary.md", b"text\0text")
    write(tmp_path / "empty.md", "")
    write(tmp_path / "good.md", "good")
    write(tmp_path / "latin.md", "caf\u00e9".encode("latin-1") + b" au lait")
    write(tmp_path / "records.md", "a<start>b\n\nq<start>a<end>")
    reading = read_documents([tmp_path])
    assert [document.answer for document in reading.documents] == ["good", "a"]
    assert [(Path(p.source).name, p.where, p.what) for p in reading.problems] == [
        ("binary.md", "byte 4", "it is a binary file (a NUL byte)"),
        ("empty.md", "", "the file is empty"),
        ("latin.md", "byte 3", "it is not UTF-8 text"),
        ("records.md", "line 1", "<start> without <end>"),
    ]
    assert all(problem.hint for problem in reading.problems)


def test_nothing_usable_says_what_the_matter_is(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no \.md or \.txt file in .*; name files"):
        read_documents([tmp_path])
    write(tmp_path / "a.md", b"\xff")
    write(tmp_path / "b.md", b"")
    with pytest.raises(DataError, match=r"a\.md, byte 0: it is not UTF-8 text \(and 1 more"):
        read_documents([tmp_path])
    with pytest.raises(DataError, match="no text was named"):
        read_documents([])


@pytest.mark.parametrize("name", ["none", "file.md/none", "nul\0", "x" * 5000])
def test_a_missing_path_is_an_error(name: str, tmp_path: Path) -> None:
    write(tmp_path / "file.md", "text")
    with pytest.raises(DataError) as raised:
        read_documents([tmp_path / "file.md", tmp_path / name])
    assert raised.value.hint == "check the path"


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")
def test_symbolic_links_in_folders_are_not_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "outside" / "secret.md", "secret")
    folder = tmp_path / "folder"
    write(folder / "a.md", "a")
    (folder / "link.md").symlink_to(secret)
    (folder / "loop").symlink_to(folder)
    (folder / "away").symlink_to(secret.parent)
    reading = read_documents([folder])
    assert [document.answer for document in reading.documents] == ["a"]
    assert [problem.what for problem in reading.problems] == ["symbolic links are not followed"]
    assert read_documents([folder / "link.md"]).documents[0].answer == "secret"  # it was asked for


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")
@pytest.mark.timeout(10)
def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    write(tmp_path / "a.md", "a")
    assert [problem.what for problem in read_documents([tmp_path]).problems] == ["it is not a regular file"]
    with pytest.raises(DataError, match="not a regular file"):
        read_documents([tmp_path / "pipe.md"])


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may read everything")
def test_files_that_may_not_be_read(tmp_path: Path) -> None:
    write(tmp_path / "a.md", "a")
    write(tmp_path / "b.md", "b").chmod(0)
    assert [problem.what for problem in read_documents([tmp_path]).problems] == [
        "it cannot be read (permission denied)"
    ]


def test_names_cannot_steer_a_terminal(tmp_path: Path) -> None:
    name = "bad\x1b[31m\n.md"
    write(tmp_path / name, b"\xff")
    write(tmp_path / ("good" + name), "text")
    reading = read_documents([tmp_path])
    assert not set("\x1b\n") & set(str(reading.problems[0]) + reading.documents[0].source)


@given(
    st.integers(20, 400), st.lists(st.sampled_from(["q\u20ac", "<start>", "<end>", "a\n", "é"]), min_size=1)
)
@settings(deadline=None)
def test_a_file_read_in_pieces_is_the_same(size: int, pieces: list[str]) -> None:
    data = "".join(pieces * 7).encode()
    whole = reading_module._parse(data, "x")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading_module, "PIECE_BYTES", size)
        assert reading_module._parse(data, "x") == whole


def test_a_bad_byte_in_a_late_piece_is_found_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_module, "PIECE_BYTES", 64)
    data = b"q<start>a<end>\n" * 20
    file = write(tmp_path / "a.md", data + b"\xff" + data)
    write(tmp_path / "b.md", b"\xef\xbb\xbf" + data)
    reading = read_documents([tmp_path])
    assert [problem.where for problem in reading.problems] == [f"byte {len(data)}"]
    assert {Path(document.source).name for document in reading.documents} == {"b.md"}
    assert [document.line for document in reading.documents] == list(range(1, 21))
    assert str(file) in reading.problems[0].source


# Splitting


def side_of(documents: list[Document], fraction: float = 0.2) -> dict[str, bool]:
    train, validation = split_documents(documents, fraction)
    assert Counter(d.content_hash for d in [*train, *validation]) == Counter(
        d.content_hash for d in documents
    )
    assert train
    assert validation
    assert not {d.content_hash for d in train} & {d.content_hash for d in validation}
    return {d.content_hash: False for d in train} | {d.content_hash: True for d in validation}


def test_about_the_fraction_is_kept() -> None:
    documents = [document(n) for n in range(1000)]
    for fraction in (0.02, 0.2, 0.5):
        kept = sum(side_of(documents, fraction).values())
        assert abs(kept - 1000 * fraction) < 4 * (1000 * fraction) ** 0.5


def test_a_document_stays_when_files_are_added_renamed_and_reordered() -> None:
    documents = [document(n) for n in range(200)]
    before = side_of(documents)
    changed = [Document(d.request, d.answer, "renamed.md", 99) for d in documents[::-1]]
    after = side_of(changed + [document(("more", n)) for n in range(300)])
    assert {key: after[key] for key in before} == before


def test_copies_and_near_copies_are_on_the_same_side() -> None:
    dice = random.Random(1)
    documents, families = [], []
    for n in range(150):
        original = words(n, 120)
        family = [Document("q", " ".join(original))] * 2
        for _ in range(2):
            altered = list(original)
            for place in dice.sample(range(120), 6):
                altered[place] = "other"
            family.append(Document("q", " ".join(altered)))
        family.append(Document("q", " ".join(original).upper() + "!"))
        documents += family
        families.append(family)
    dice.shuffle(documents)
    side = side_of(documents)
    assert [len({side[d.content_hash] for d in family}) for family in families] == [1] * 150
    assert 10 < sum(side[family[0].content_hash] for family in families) < 60


def test_a_group_larger_than_the_fraction_is_trained_on() -> None:
    base = " ".join(words("base", 200))
    alike = [Document(None, f"{base} {' '.join(words(n, 5))}") for n in range(50)]
    for seed in range(10):
        others = [document((seed, n)) for n in range(50)]
        side = side_of(alike + others, 0.1)
        assert not any(side[d.content_hash] for d in alike)


@given(st.integers(2, 12), st.sampled_from([0.01, 0.02, 0.5, 0.9]), st.integers(0, 99))
@settings(deadline=None)
def test_few_documents_are_on_both_sides(count: int, fraction: float, seed: int) -> None:
    side_of([document((seed, n), 20) for n in range(count)], fraction)


def test_documents_that_are_mostly_alike_are_still_split() -> None:
    text = " ".join(words("x", 300))
    alike = [Document("q", f"{text} {n}") for n in range(200)]
    assert 10 < sum(side_of(alike).values()) < 80
    mixed = side_of(alike + alike + [document(n) for n in range(30)])
    assert 20 < sum(mixed[d.content_hash] for d in alike + alike) < 160


@pytest.mark.parametrize("separator", ["\n\n", "\n", "\r\n\r\n", ". ", " ", ""])
@pytest.mark.parametrize("copies", [1, 3])
def test_one_document_of_prose_is_split_without_loss(separator: str, copies: int) -> None:
    text = separator.join("".join(words(n, 30)) for n in range(100))
    prose = Document(None, text, "book.txt", 1)
    train, validation = split_documents([prose] * copies, 0.05)
    assert sum(len(d.answer) for d in validation) < 0.2 * len(text)
    assert all(d.answer in text and d.source == "book.txt" for d in train + validation)
    joined = sorted(train + validation, key=lambda d: text.index(d.answer))
    assert "".join(d.answer for d in joined) == text


def test_a_text_that_repeats_itself_is_split_too() -> None:
    train, validation = split_documents([Document(None, "Again and again.\n\n" * 100)], 0.1)
    assert train
    assert validation
    assert sum(d.text_bytes for d in train + validation) == 1800


def test_blocks_begin_on_the_line_they_say() -> None:
    text = "".join(f"line {n} {' '.join(words(n, 8))}\n" for n in range(1, 200))
    for side in split_documents([Document(None, text, "x.md", 1)], 0.3):
        assert [d.answer.split()[1] for d in side] == [str(d.line) for d in side]


def test_long_prose_is_decided_block_by_block() -> None:
    books = [
        Document(None, "\n\n".join(" ".join(words((b, n), 80)) for n in range(1500)), f"{b}")
        for b in range(3)
    ]
    train, validation = split_documents(books, 0.05)
    total = sum(d.text_bytes for d in books)
    assert sum(d.text_bytes for d in train + validation) == total
    assert 0 < sum(d.text_bytes for d in validation) < 0.15 * total


@pytest.mark.parametrize(
    "documents", [[Document(None, "short")], [Document("q", "a" * 5000)], [Document("q", "answer")] * 3]
)
def test_too_small_to_split(documents: list[Document]) -> None:
    with pytest.raises(DataError, match=r"too small to keep a part.*; add text"):
        split_documents(documents, 0.1)
    assert split_documents(documents, 0.0) == (documents, [])


def test_fractions_that_cannot_be() -> None:
    for fraction in (-0.1, 1.0, float("nan")):
        with pytest.raises(UsageError, match="validation fraction"):
            split_documents([document(1)], fraction)


# Encoding and the cache


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
@settings(deadline=None)
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
