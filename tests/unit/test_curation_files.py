"""Mending files: only the records in question change, and the way back is exact."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.errors import DataError, UsageError, YsnakesError
from ysnakes_core.synthesis.curation import shipped_rules
from ysnakes_core.synthesis.curation.file_edits import Change, FileEdit, edited
from ysnakes_core.synthesis.curation.originals import FOLDER, restore, write_edits
from ysnakes_core.synthesis.curation.report import by_file, edits, mending, report
from ysnakes_core.synthesis.curation.text_diff import Region, unified_diff
from ysnakes_core.text.reading import Reading, read_documents
from ysnakes_core.text.records import Document, parse_documents

RECORDS = (
    "Write about a ferry.<start>Here is a story:\n\nThe ferry left.<end>\n\n"
    "Write about a lamp.\n<start>\nThe lamp went out.\n\nI hope this helps!\n<end>\n\n"
    "Write about a crime.<start>I can't write a story that involves this.<end>\n\n"
    "Write about gulls.<start>Gulls are loud.<end>\n"
)


FINE = "A<start>Fine it is.<end>"
REFUSED = "B<start>I can't write a story that involves B.<end>"
LED_IN = "A<start>Here is a story:\n\nIt left at dawn.<end>"
LEFT = "A<start>It left at dawn.<end>"


def reading_of(folder: Path, **files: str | bytes) -> Reading:
    for name, content in files.items():
        path = folder / f"{name}.md"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_documents([folder])


def mended(reading: Reading) -> list[FileEdit]:
    rules = shipped_rules()
    return edits(reading, mending(reading, report(reading, rules), rules))


def test_a_file_is_mended_and_the_rest_of_it_left_alone(tmp_path: Path) -> None:
    (edit,) = mended(reading_of(tmp_path, a=RECORDS))
    assert edit.after.decode() == (
        "Write about a ferry.<start>The ferry left.<end>\n\n"
        "Write about a lamp.\n<start>\nThe lamp went out.\n<end>\n\n"
        "Write about gulls.<start>Gulls are loud.<end>\n"
    )
    assert edit.before == RECORDS.encode()
    assert edit.taken_out == 1
    assert [change.why for change in edit.changes] == [("lead-in",), ("note",), ("refusal",)]


@pytest.mark.parametrize(
    ("content", "after"),
    [
        # The last record takes the blank lines before it along, the first those after it.
        (f"{FINE}\n\n{REFUSED}\n", f"{FINE}\n"),
        (f"{REFUSED}\n\n{FINE}\n", f"{FINE}\n"),
        (f"{REFUSED}\n", "\n"),
        (
            f"\ufeffB<start>Fine it is.\r\n\r\nI hope this helps!\r\n<end>\r\n\r\n{FINE}",
            f"\ufeffB<start>Fine it is.\r\n<end>\r\n\r\n{FINE}",
        ),
        # What is broken stays as it is.
        (
            f"X<start>no end\n{LED_IN} stray <end>\n{FINE} tail",
            f"X<start>no end\n{LEFT} stray <end>\n{FINE} tail",
        ),
        # The same record twice: each in its own place.
        (f"{LED_IN}\n{LED_IN}\n", f"{LEFT}\n{LEFT}\n"),
        # Prose.
        ("The ferry left.\n\nI hope this helps!\n", "The ferry left.\n"),
    ],
)
def test_what_becomes_of_a_file(tmp_path: Path, content: str, after: str) -> None:
    (edit,) = mended(reading_of(tmp_path, a=content))
    assert edit.after.decode() == after


def test_prose_is_never_taken_out(tmp_path: Path) -> None:
    (edit,) = mended(reading_of(tmp_path, a="I can't write a story that involves this."))
    assert edit.after == edit.before
    assert edit.taken_out == 0
    assert [change.why for change in edit.left] == [("refusal",)]


def test_a_file_that_changed_since_it_was_read_is_refused(tmp_path: Path) -> None:
    reading = reading_of(tmp_path, a=RECORDS)
    (edit,) = mended(reading)
    (tmp_path / "a.md").write_text("Write about rain.<start>It rained.<end>\n")
    with pytest.raises(DataError, match="not what it was when it was read"):
        mended(reading)
    with pytest.raises(DataError, match="was changed in the meantime"):
        write_edits([edit])
    assert (tmp_path / "a.md").read_text() == "Write about rain.<start>It rained.<end>\n"
    assert not list((tmp_path / FOLDER).glob("a.md.*"))


TEXTS = st.text(st.sampled_from("ab \n\r<>. "), min_size=1, max_size=12).filter(
    lambda text: bool(text.strip())
)


@given(
    st.lists(st.tuples(TEXTS, TEXTS, st.sampled_from(["keep", "drop", "cut"])), min_size=1, max_size=6),
    st.sampled_from(["", "\n", "\r\n"]),
    st.sampled_from(["\n", "\n\n", "\r\n\r\n", ""]),
)
def test_other_records_keep_every_byte(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[str, str, str]], inner: str, outer: str
) -> None:
    content = "".join(f"{q}<start>{inner}{a}{inner}<end>{outer}" for q, a, _ in records)
    path = tmp_path_factory.mktemp("records") / "a.md"
    path.write_bytes(content.encode())
    documents, _ = parse_documents(content, str(path))
    if len(documents) != len(records):
        return  # pieces of marks came together to something else
    changes = {}
    for number, (document, (_, _, what)) in enumerate(zip(documents, records, strict=True)):
        if what == "drop":
            changes[number] = Change(document, None)
        if what == "cut":
            changes[number] = Change(document, "x")
    edit = edited(path, documents, changes)
    if not changes:
        assert edit is None
        return
    assert edit is not None
    left, _ = parse_documents(edit.after.decode(), str(path))
    expected = [
        (document.request, "x" if what == "cut" else document.answer)
        for document, (_, _, what) in zip(documents, records, strict=True)
        if what != "drop"
    ]
    kept = [(document.request, document.answer) for document in left if document.request is not None]
    # A request that begins with blanks after a line break loses them where its line is the first.
    assert [(request.strip(), answer) for request, answer in kept if request is not None] == [
        (request.strip(), answer) for request, answer in expected if request is not None
    ]


# The way back.


def test_originals_come_back_to_the_byte(tmp_path: Path) -> None:
    contents = {
        "a": RECORDS.encode(),
        "b": RECORDS.replace("\n", "\r\n").encode(),
        "c": b"\xef\xbb\xbf" + RECORDS.encode(),
    }
    reading = reading_of(tmp_path, **contents)
    written = write_edits(mended(reading))
    assert [path.name for path in written] == ["a.md", "b.md", "c.md"]
    for name, content in contents.items():
        assert (tmp_path / f"{name}.md").read_bytes() != content
    restored = restore([tmp_path])
    assert [found.path.name for found in restored] == ["a.md", "b.md", "c.md"]
    assert all(found.edited is None for found in restored)
    for name, content in contents.items():
        assert (tmp_path / f"{name}.md").read_bytes() == content
    with pytest.raises(UsageError, match="no originals are kept"):
        restore([tmp_path])


def test_each_change_can_be_taken_back_one_after_another(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(RECORDS)
    write_edits(mended(read_documents([path])))
    second = path.read_bytes() + b"A<start>Here is a story:\n\nIt left.<end>\n"
    path.write_bytes(second)
    write_edits(mended(read_documents([path])))
    assert [found.edited for found in restore([path])] == [None]
    assert path.read_bytes() == second
    (found,) = restore([path])
    assert path.read_text() == RECORDS
    # What was added in between is no longer in the file, and so it is kept.
    assert found.edited is not None
    assert found.edited.read_bytes() == second


def test_a_file_that_is_gone_comes_back(tmp_path: Path) -> None:
    write_edits(mended(reading_of(tmp_path, a=RECORDS)))
    (tmp_path / "a.md").unlink()
    (found,) = restore([tmp_path / "a.md"])
    assert found.edited is None
    assert (tmp_path / "a.md").read_text() == RECORDS


def test_one_file_of_a_folder_can_be_restored(tmp_path: Path) -> None:
    write_edits(mended(reading_of(tmp_path, a=RECORDS, b=RECORDS)))
    restore([tmp_path / "a.md"])
    assert (tmp_path / "a.md").read_text() == RECORDS
    assert (tmp_path / "b.md").read_text() != RECORDS


def test_folders_inside_are_restored_too_and_never_read_as_text(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "a.md").write_text(RECORDS)
    write_edits(mended(read_documents([tmp_path])))
    assert len(read_documents([tmp_path]).files) == 1
    restore([tmp_path])
    assert (inner / "a.md").read_text() == RECORDS


def test_the_original_is_safe_before_the_file_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ysnakes_core.synthesis.curation import originals

    edit = mended(reading_of(tmp_path, a=RECORDS))[0]
    real = originals.write_atomically

    def full(path: Path, data: bytes | str) -> None:
        if path.parent.name != FOLDER:
            raise YsnakesError("the disk is full")
        real(path, data)

    monkeypatch.setattr(originals, "write_atomically", full)
    with pytest.raises(YsnakesError, match="full"):
        write_edits([edit])
    assert (tmp_path / "a.md").read_text() == RECORDS
    assert (tmp_path / FOLDER / "a.md.1").read_text() == RECORDS
    monkeypatch.undo()
    assert [found.edited for found in restore([tmp_path])] == [None]
    assert (tmp_path / "a.md").read_text() == RECORDS


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_permissions_and_links_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(RECORDS)
    path.chmod(0o640)
    link = tmp_path / "link.md"
    link.symlink_to(path)
    write_edits(mended(read_documents([link])))
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.read_text() != RECORDS
    restore([link])
    assert path.read_text() == RECORDS
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_the_log_says_what_was_and_what_became(tmp_path: Path) -> None:
    write_edits(mended(reading_of(tmp_path, a=RECORDS)))
    (line,) = (tmp_path / FOLDER / "originals.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert (entry["name"], entry["number"]) == ("a.md", 1)
    assert entry["before"] != entry["after"]


def test_a_broken_log_loses_nothing(tmp_path: Path) -> None:
    write_edits(mended(reading_of(tmp_path, a=RECORDS)))
    changed = (tmp_path / "a.md").read_bytes()
    (tmp_path / FOLDER / "originals.jsonl").write_bytes(b"\xff{]\n[1]\n")
    (found,) = restore([tmp_path])
    assert (tmp_path / "a.md").read_text() == RECORDS
    assert found.edited is not None
    assert found.edited.read_bytes() == changed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs signals")
def test_killed_at_any_moment_a_file_is_the_old_or_the_new(tmp_path: Path) -> None:
    reading = reading_of(tmp_path, a=RECORDS)
    after = mended(reading)[0].after
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from ysnakes_core import files\n"
        "from ysnakes_core.synthesis.curation import originals, shipped_rules\n"
        "from ysnakes_core.synthesis.curation.report import edits, mending, report\n"
        "from ysnakes_core.text.reading import read_documents\n"
        "left = int(sys.argv[2])\n"
        "def counted(real):\n"
        "    def call(*args, **named):\n"
        "        global left\n"
        "        left -= 1\n"
        "        if left < 0: os.kill(os.getpid(), 9)\n"
        "        return real(*args, **named)\n"
        "    return call\n"
        "os.write, os.fsync = counted(os.write), counted(os.fsync)\n"
        "os.replace, Path.replace = counted(os.replace), counted(Path.replace)\n"
        "reading = read_documents([Path(sys.argv[1])])\n"
        "rules = shipped_rules()\n"
        "originals.write_edits(edits(reading, mending(reading, report(reading, rules), rules)))\n"
    )
    seen = set()
    for moment in range(40):
        ended = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path), str(moment)], check=False, timeout=60
        )
        now = (tmp_path / "a.md").read_bytes()
        assert now in (RECORDS.encode(), after)
        seen.add(now == after)
        if list((tmp_path / FOLDER).glob("a.md.*")):
            restore([tmp_path])
        assert (tmp_path / "a.md").read_bytes() == RECORDS.encode()
        if ended.returncode == 0:
            break
    assert ended.returncode == 0
    assert seen == {True, False}


# Reports and diffs.


def test_examples_name_the_line_in_the_file(tmp_path: Path) -> None:
    content = (
        "Ask\n<start>\nOne.\n\nTwo.\n\nWord count: 12\n<end>\n\n"
        "Ask\nmore<start>Here is a story:\n\nIt left at dawn.<end>\n"
    )
    found = report(reading_of(tmp_path, a=content), shipped_rules())
    lines = content.split("\n")
    (count,) = found.by_rule["word-count"].examples
    assert lines[count.line - 1] == "Word count: 12" == count.text
    (lead,) = found.by_rule["lead-in"].examples
    assert lines[lead.line - 1].endswith("<start>Here is a story:")
    assert (found.documents, found.flagged) == (2, 2)
    assert found.by_rule["note"].records == 0


def test_counts_are_of_records_and_of_places(tmp_path: Path) -> None:
    content = "A<start>It ran [1]. It stopped [2].<end>\nB<start>It ran [1].<end>\n"
    count = report(reading_of(tmp_path, a=content), shipped_rules(), examples=1).by_rule["citation"]
    assert (count.records, count.flags, len(count.examples)) == (2, 3, 1)


def test_documents_are_with_their_files(tmp_path: Path) -> None:
    reading = reading_of(tmp_path, a=RECORDS, b="Prose it is.", c=RECORDS)
    assert [(path.name, numbers) for path, numbers in by_file(reading)] == [
        ("a.md", [0, 1, 2, 3]),
        ("b.md", [4]),
        ("c.md", [5, 6, 7, 8]),
    ]


LINES = st.lists(st.sampled_from(["a", "b", "", "c d", "\t"]), max_size=25).map("\n".join)


@given(
    LINES,
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 9), st.sampled_from(["", "x", "x\ny", "\n"])), max_size=5
    ),
)
def test_a_diff_is_a_patch(
    tmp_path_factory: pytest.TempPathFactory, text: str, cuts: list[tuple[int, int, str]]
) -> None:
    regions, at = [], 0
    for begin, length, new in sorted(cuts):
        begin = max(begin, at)
        end = min(begin + length, len(text))
        if begin <= end and text[begin:end] != new:
            regions.append(Region(begin, end, new))
            at = end + 1
    after, at = "", 0
    for region in regions:
        after += text[at : region.begin] + region.text
        at = region.end
    after += text[at:]
    assert _patched(text.split("\n"), list(unified_diff("a", text, regions))) == after.split("\n")


def _patched(lines: list[str], diff: list[str]) -> list[str]:
    """What a unified diff makes of some lines; every line that it names has to be there."""
    result, at = [], 0
    for line in diff:
        if line.startswith(("--- a", "+++ a")):
            continue
        if line.startswith("@@ -"):
            start, count = line[4:].split(" ")[0].split(",")
            begin = int(start) - 1 if int(count) else int(start)
            new = line.split("+")[1].split(" ")[0].split(",")
            result += lines[at:begin]
            at = begin
            assert len(result) == (int(new[0]) - 1 if int(new[1]) else int(new[0]))
            continue
        if line[0] in " -":
            assert lines[at] == line[1:]
            at += 1
        if line[0] in " +":
            result.append(line[1:])
    return result + lines[at:]


def test_a_diff_of_nothing_is_nothing() -> None:
    assert list(unified_diff("a", "x", [])) == []


def test_a_document_of_a_strange_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_bytes(b"\xff")
    with pytest.raises(DataError):
        edited(path, [Document("a", "b")], {0: Change(Document("a", "b"), None)})
    with pytest.raises(YsnakesError, match="could not read"):
        edited(tmp_path / "none.md", [], {})
