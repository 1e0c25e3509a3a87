"""Reading files and folders: what is read, what is left out, and what is said of files that are no text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.errors import DataError
from ysnakes_core.text import reading as reading_module
from ysnakes_core.text.corpus import read_documents


def write(path: Path, data: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


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
