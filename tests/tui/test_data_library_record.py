"""One record in the library of the Data pane: decided about, edited in place, copied, its marks gone to."""

from __future__ import annotations

from pathlib import Path

from data_app import DataApp, drive
from library_app import ready
from textual.widgets import TextArea
from written_library import NOTE, a_record, decisions, flagged, read, write

from ysnakes_tui.data.curation_editor import AnswerEditor
from ysnakes_tui.data.library_view import LibraryView


async def editing(d: DataApp, view: LibraryView) -> AnswerEditor:
    """Open the field of the record that is shown."""
    await d.press("e")
    await d.until(lambda: view.panel.editor is not None)
    assert view.panel.editor is not None
    return view.panel.editor


def test_records_are_decided_about_in_the_list_and_it_is_taken_back(home: Path) -> None:
    ids = write(home, [a_record(number) for number in range(4)])

    async def test(d: DataApp) -> None:
        view = await ready(d)
        await d.press("a")
        await d.press("x")
        assert view.grid.place == 2
        await d.until(lambda: decisions(home, ids) == "ppxa")
        await d.sees("✓", "✗")
        await d.press("u")
        await d.until(lambda: decisions(home, ids) == "pppa")
        await d.until(lambda: view.grid.current == ids[2])
        await d.press("u")
        await d.until(lambda: decisions(home, ids) == "pppp")
        await d.notified("took back: record 4, accepted")
        await d.press("u")
        await d.notified("nothing to take back")

    drive(test, home)


def test_an_answer_is_edited_in_place(home: Path) -> None:
    [identity] = write(home, [flagged(1)])

    async def test(d: DataApp) -> None:
        view = await ready(d)
        await d.press("e")
        await d.until(lambda: isinstance(d.app.focused, AnswerEditor))
        await d.sees("ctrl+s keeps it")
        editor = d.app.focused
        assert isinstance(editor, TextArea)
        editor.text = "Only the snake."
        await d.press("a")  # a letter, no decision
        await d.press("ctrl+s")
        await d.until(lambda: read(home, identity).decision == "edited")
        record = read(home, identity)
        assert record.answer in ("aOnly the snake.", "Only the snake.a")
        assert record.original.endswith(NOTE)
        assert NOTE not in str(record.checks)
        await d.sees("text changed")
        await d.press("e")
        await d.until(lambda: view.panel.editor is not None)
        await d.press("z", "escape")
        assert view.panel.editor is None
        assert read(home, identity) == record

    drive(test, home)


def test_what_the_rules_find_in_an_edit_is_noted(home: Path) -> None:
    [identity] = write(home, [a_record(1)])

    async def test(d: DataApp) -> None:
        view = await ready(d)
        (await editing(d, view)).text = "I'm sorry, but I can't help with that request."
        await d.press("f5")
        await d.until(lambda: read(home, identity).checks)
        assert read(home, identity).decision == "edited"

    drive(test, home)


def test_an_empty_edit_is_refused_and_the_field_stays(home: Path) -> None:
    [identity] = write(home, [a_record(1)])

    async def test(d: DataApp) -> None:
        view = await ready(d)
        (await editing(d, view)).text = "  \n"
        await d.press("ctrl+s")
        await d.notified("the answer is empty")
        assert view.panel.editor is not None
        assert read(home, identity).decision == "pending"

    drive(test, home)


def test_an_edit_that_changes_nothing_leaves_the_record_alone(home: Path) -> None:
    answer = "one\rtwo\u2028three\x0bfour"  # line ends that a field does not know
    [identity] = write(home, [a_record(1, answer=answer)])

    async def test(d: DataApp) -> None:
        view = await ready(d)
        await d.press("e")
        await d.until(lambda: view.panel.editor is not None)
        await d.press("ctrl+s")
        await d.until(lambda: view.panel.editor is None)
        assert read(home, identity).answer == answer
        assert read(home, identity).decision == "pending"

    drive(test, home)


def test_the_answer_is_copied_as_it_is(home: Path) -> None:
    write(home, [a_record(1, answer="A [b]snake[/b]\nslept.")])

    async def test(d: DataApp) -> None:
        await ready(d)
        await d.press("y")
        assert d.app.clipboard == "A [b]snake[/b]\nslept."

    drive(test, home)


def test_the_places_that_were_marked_are_gone_to_one_by_one(home: Path) -> None:
    answer = f"First bad. {'Good words. ' * 400}Last bad."
    checks = [
        {"rule": "one", "start": 0, "end": 9, "action": "flag", "why": ""},
        {"rule": "two", "start": len(answer) - 9, "end": len(answer), "action": "reject", "why": ""},
    ]
    write(home, [a_record(1, answer=answer, checks=checks)])

    async def test(d: DataApp) -> None:
        view = await ready(d)
        await d.press(".")
        await d.sees("▸! one")
        assert view.panel.scroll.scroll_y == 0
        await d.press(".")
        await d.sees("▸!! two", "Last bad.")
        await d.press(".")
        await d.sees("▸! one", "First bad.")

    drive(test, home)
