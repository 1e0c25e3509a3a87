"""Files out of the library, and files into it: nothing changes on the way, nothing comes twice."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ysnakes_core.errors import DataError, UsageError
from ysnakes_core.synthesis.library import Library, open_library
from ysnakes_core.synthesis.library_connection import LibraryError
from ysnakes_core.synthesis.library_export import LIST_NAME
from ysnakes_core.synthesis.library_import import layouts, names_in
from ysnakes_core.synthesis.library_records import NewRecord, Verdict
from ysnakes_core.text.reading import read_documents, read_file
from ysnakes_core.text.records import parse_documents


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path / "data") as opened:
        yield opened


def add(library: Library, count: int, kind: str = "blog", teacher: str = "llama3.1") -> None:
    first = library.count()
    texts = [f"{teacher} {kind} {number}" for number in range(first, first + count)]
    library.add([NewRecord(kind, teacher, f"Write {text}.", f"Here {text}.", text) for text in texts])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.md"))}


def records_in(path: Path) -> list[tuple[str | None, str]]:
    return [(document.request, document.answer) for document in read_file(path)[0]]


# Out.


def test_files_hold_a_fixed_number_of_records_in_the_order_they_came(
    library: Library, tmp_path: Path
) -> None:
    add(library, 5)
    add(library, 2, kind="wiki")
    done = library.export(tmp_path / "out", per_file=2)
    assert [path.name for path in done.written] == [
        "llama3.1-blog-0.md",
        "llama3.1-blog-1.md",
        "llama3.1-blog-2.md",
        "llama3.1-wiki-0.md",
    ]
    assert done.records == 7
    assert records_in(tmp_path / "out" / "llama3.1-blog-1.md") == [
        ("Write llama3.1 blog 2.", "Here llama3.1 blog 2."),
        ("Write llama3.1 blog 3.", "Here llama3.1 blog 3."),
    ]


def test_more_records_leave_finished_files_as_they_are(library: Library, tmp_path: Path) -> None:
    out = tmp_path / "out"
    add(library, 5)
    library.export(out, per_file=2)
    before = contents(out)
    add(library, 2)
    done = library.export(out, per_file=2)
    after = contents(out)
    assert [path.name for path in done.written] == ["llama3.1-blog-2.md", "llama3.1-blog-3.md"]
    assert after["llama3.1-blog-0.md"] == before["llama3.1-blog-0.md"]
    assert after["llama3.1-blog-2.md"].startswith(before["llama3.1-blog-2.md"])


def test_a_rejected_record_moves_no_other(library: Library, tmp_path: Path) -> None:
    out = tmp_path / "out"
    add(library, 6)
    library.export(out, per_file=2)
    before = contents(out)
    library.decide(2, "rejected")
    done = library.export(out, per_file=2)
    assert [path.name for path in done.written] == ["llama3.1-blog-0.md"]
    assert records_in(out / "llama3.1-blog-0.md") == [("Write llama3.1 blog 0.", "Here llama3.1 blog 0.")]
    library.undo()
    library.export(out, per_file=2)
    assert contents(out) == before


def test_a_file_of_which_nothing_is_left_is_removed_and_comes_back(library: Library, tmp_path: Path) -> None:
    out = tmp_path / "out"
    add(library, 4)
    library.export(out, per_file=2)
    before = contents(out)
    library.decide([1, 2], "rejected")
    done = library.export(out, per_file=2)
    assert [path.name for path in done.removed] == ["llama3.1-blog-0.md"]
    assert list(contents(out)) == ["llama3.1-blog-1.md"]
    library.undo()
    library.export(out, per_file=2)
    assert contents(out) == before


def test_only_the_wanted_kinds_and_decisions_are_written(library: Library, tmp_path: Path) -> None:
    add(library, 3)
    add(library, 1, kind="wiki")
    library.decide(2, "accepted")
    library.export(tmp_path / "kind", kinds=["wiki"])
    library.export(tmp_path / "accepted", decisions=["accepted"])
    assert list(contents(tmp_path / "kind")) == ["llama3.1-wiki-0.md"]
    assert list(contents(tmp_path / "accepted")) == ["llama3.1-blog-0.md"]
    assert len(records_in(tmp_path / "accepted" / "llama3.1-blog-0.md")) == 1


def test_exporting_one_kind_leaves_the_files_of_the_others(library: Library, tmp_path: Path) -> None:
    add(library, 1)
    add(library, 1, kind="wiki")
    library.export(tmp_path / "out")
    done = library.export(tmp_path / "out", kinds=["wiki"])
    assert done.removed == ()
    assert len(contents(tmp_path / "out")) == 2


def test_files_of_someone_else_are_never_overwritten_unasked(library: Library, tmp_path: Path) -> None:
    out = tmp_path / "out"
    add(library, 2)
    add(library, 2, kind="wiki")
    out.mkdir()
    (out / "llama3.1-wiki-0.md").write_text("mine<start>own<end>\n")
    with pytest.raises(UsageError, match="was not written by an export"):
        library.export(out)
    assert list(contents(out)) == ["llama3.1-wiki-0.md"]  # nor is anything else written
    library.export(out, overwrite=True)
    assert len(records_in(out / "llama3.1-wiki-0.md")) == 2


def test_a_file_changed_by_hand_is_not_overwritten_unasked(library: Library, tmp_path: Path) -> None:
    out = tmp_path / "out"
    add(library, 2)
    library.export(out)
    path = out / "llama3.1-blog-0.md"
    changed = path.read_text().replace("Here", "There")
    path.write_text(changed)
    add(library, 1)
    with pytest.raises(UsageError):
        library.export(out)
    assert path.read_text() == changed


def test_a_link_is_not_followed(library: Library, tmp_path: Path) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside.md"
    add(library, 1)
    out.mkdir()
    outside.write_text("mine")
    (out / "llama3.1-blog-0.md").symlink_to(outside)
    with pytest.raises(UsageError):
        library.export(out)
    library.export(out, overwrite=True)
    assert outside.read_text() == "mine"
    assert not (out / "llama3.1-blog-0.md").is_symlink()


@pytest.mark.parametrize(
    "listed", ["[]", "not json", '{"../../x.md": "0", "a.txt": "1", "b.md": 5}', "[" * 9999]
)
def test_a_strangers_list_of_files_does_no_harm(library: Library, tmp_path: Path, listed: str) -> None:
    out = tmp_path / "out"
    add(library, 1)
    out.mkdir()
    (tmp_path / "x.md").write_text("mine")
    (out / LIST_NAME).write_text(listed)
    library.export(out)
    assert (tmp_path / "x.md").read_text() == "mine"
    assert list(contents(out)) == ["llama3.1-blog-0.md"]


@pytest.mark.parametrize(
    "teacher",
    ["../../../etc/passwd", "gemma3:270m", "hf.co/some/model:Q4", "C:\\x", "con", ".", "", "a\nb", "é" * 200],
)
def test_no_name_leads_out_of_the_folder(library: Library, tmp_path: Path, teacher: str) -> None:
    add(library, 1, teacher=teacher)
    add(library, 1, kind=f"k{teacher}", teacher="t")
    out = tmp_path / "deep" / "out"
    done = library.export(out)
    assert len(done.written) == 2
    assert all(path.parent == out and path.is_file() for path in done.written)
    assert {entry.name for entry in (tmp_path / "deep").iterdir()} == {"out"}


def test_names_that_look_alike_get_files_of_their_own(library: Library, tmp_path: Path) -> None:
    pairs = [("a:b", "c"), ("a_b", "c"), ("A_B", "c"), ("a", "b-c"), ("a-b", "c")]
    for teacher, kind in pairs:
        add(library, 1, kind=kind, teacher=teacher)
    done = library.export(tmp_path / "out")
    assert len({path.name.casefold() for path in done.written}) == len(pairs)
    first = contents(tmp_path / "out")
    add(library, 1, kind="new", teacher="a:b")
    library.export(tmp_path / "out", kinds=["c"])
    assert {name: first[name] for name in first} == first | {}


def test_a_record_with_a_marker_in_it_is_told_not_written(library: Library, tmp_path: Path) -> None:
    add(library, 1)
    with library._connection.writing():
        library._connection.write("UPDATE texts SET answer = 'a<end>b'")
    with pytest.raises(LibraryError, match="record 1"):
        library.export(tmp_path / "out")


# In.


def test_importing_twice_adds_nothing(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "llama-blog-0.md"
    path.write_text("One?<start>Yes.<end>\nTwo?<start>No.<end>\nOne?<start>Yes.<end>\n")
    first, second = library.import_files([path]), library.import_files([path])
    assert (first.added, first.known) == (2, 1)
    assert (second.added, second.known) == (0, 3)
    [file] = first.files
    assert (file.teacher, file.kind) == ("llama", "blog")
    assert library.record(1).source == "llama-blog-0.md"


def test_what_was_exported_adds_nothing_when_imported_into_the_same_library(
    library: Library, tmp_path: Path
) -> None:
    add(library, 3, teacher="gemma3:270m", kind="slice-of-life")
    library.edit(2, "Edited.")
    library.export(tmp_path / "out")
    assert library.import_files([tmp_path / "out"]).added == 0
    (tmp_path / "out" / "gemma3_270m-slice-of-life-7.md").write_text("New?<start>Yes.<end>\n")
    [added] = [file for file in library.import_files([tmp_path / "out"]).files if file.added]
    assert (added.teacher, added.kind) == ("gemma3:270m", "slice-of-life")


def test_an_edited_record_does_not_come_back_as_it_was(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "llama-blog-0.md"
    path.write_text("One?<start>Yes.<end>\n")
    library.import_files([path])
    library.edit(1, "Certainly.")
    assert library.import_files([path]).added == 0


@pytest.mark.parametrize(
    ("stem", "teacher", "kind"),
    [
        ("llama-blog", "llama", "blog"),
        ("llama3.1-slice-of-life", "llama3.1", "slice-of-life"),
        ("qwen2-5-coder-stories", "qwen2-5-coder", "stories"),
        ("llama-my-own", "llama", "my-own"),
        ("notes", "imported", "notes"),
        ("stories", "imported", "stories"),
        ("slice-of-life", "imported", "slice-of-life"),
        ("--", "imported", "text"),
        ("-stories", "imported", "stories"),
    ],
)
def test_a_files_name_tells_teacher_and_kind(stem: str, teacher: str, kind: str) -> None:
    assert names_in(stem, {"blog", "stories", "slice-of-life", "life"}) == (teacher, kind)


def test_prose_and_broken_records_are_told_and_the_rest_is_taken(library: Library, tmp_path: Path) -> None:
    (tmp_path / "a-blog-0.md").write_text("One?<start>Yes.<end>\nTwo?<start>No.\n")
    (tmp_path / "prose.txt").write_text("Just a text.")
    (tmp_path / "binary.md").write_bytes(b"a\0b")
    done = library.import_files([tmp_path])
    assert done.added == 1
    assert len(done.problems) == 3
    assert any("prose" in problem.what for problem in done.problems)


def test_paths_that_hold_nothing_are_told(library: Library, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        library.import_files([tmp_path / "nothing.md"])


def test_a_judge_is_asked_about_every_record(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "a-blog-0.md"
    path.write_text("One?<start>Yes. [note]<end>\nTwo?<start>bad<end>\n")

    def judge(teacher: str, kind: str, request: str, answer: str) -> Verdict:
        assert kind == "blog"
        if answer == "bad":
            return Verdict(answer, "rejected", [{"rule": "r"}])
        return Verdict(answer.removesuffix(" [note]"), "pending", ())

    library.import_files([path], judge=judge)
    one, two = library.records()
    assert (one.answer, one.original, one.decision) == ("Yes.", "Yes. [note]", "pending")
    assert (two.decision, two.checks) == ("rejected", ({"rule": "r"},))
    assert library.import_files([path], judge=judge).added == 0


# Out and in again.

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)
_LINE_BREAK = st.sampled_from(["", "\n", "\r\n"])


@settings(max_examples=150)
@given(
    records=st.lists(st.tuples(_TEXT, _LINE_BREAK, _LINE_BREAK, _TEXT, _LINE_BREAK), min_size=1, max_size=6),
    gap=st.sampled_from(["\n", "\n\n", "", "\r\n\n"]),
    bom=st.booleans(),
)
def test_records_come_out_byte_for_byte_as_they_went_in(
    records: list[tuple[str, str, str, str, str]], gap: str, bom: bool
) -> None:
    # A number makes them different: what is the same but for its line breaks is the same record.
    whole = [f"{n} {r}{a}<start>{b}{answer}{c}<end>" for n, (r, a, b, answer, c) in enumerate(records)]
    text = ("\ufeff" if bom else "") + gap.join(whole) + gap
    wanted, _ = parse_documents(text, "")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "in").mkdir()
        (folder / "in" / "t-k-0.md").write_bytes(text.encode())
        if not wanted:
            return
        with open_library(folder / "data") as library:
            library.import_files([folder / "in"])
            library.export(folder / "out")
        before, after = (
            {(document.request, document.answer) for document in read_documents([folder / name]).documents}
            for name in ("in", "out")
        )
        assert after == before
        exported = (folder / "out" / "t-k-0.md").read_bytes()
        for layout, document in zip(layouts(text.removeprefix("\ufeff"), wanted), wanted, strict=True):
            one, two, three = layout or ("", "", "")
            record = f"{document.request}{one}<start>{two}{document.answer}{three}<end>".encode()
            assert record in exported
            assert record in text.encode()
