"""The library in the Data pane: the list of all records, searching, filters, and one record in full."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from data_app import DataApp, drive
from rich.text import Text
from textual.widgets import OptionList, Static, TextArea
from written_library import NOTE, a_record, decisions, flagged, read, write

from ysnakes_core.synthesis.library import FILE_NAME
from ysnakes_tui.actions import actions_of
from ysnakes_tui.data.curation_editor import AnswerEditor
from ysnakes_tui.data.library_filters import FilterScreen
from ysnakes_tui.data.library_view import LibraryView
from ysnakes_tui.themes import OWN_THEMES

STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")
HOSTILE = (
    "[red]x[/] \x1b]52;c;aGFja2Vk\x07\x1b[2J\x9b31m\u202eevil\u2028 "
    + "日本語" * 40
    + " [@click=app.quit]q[/]"
)
SHOWN = "[red]x[/] ␛]52;c;"


def view_of(d: DataApp) -> LibraryView:
    return d.pane.query_one(LibraryView)


def shown(d: DataApp) -> list[int]:
    """The ids in the list."""
    return [int(each) for each in view_of(d).grid.ids]


async def ready(d: DataApp) -> LibraryView:
    view = d.pane.query_one(LibraryView)
    await d.until(lambda: view.record is not None and view.record.id == view.grid.current)
    return view


async def editing(d: DataApp, view: LibraryView) -> AnswerEditor:
    """Open the field of the record that is shown."""
    await d.press("e")
    await d.until(lambda: view.panel.editor is not None)
    assert view.panel.editor is not None
    return view.panel.editor


async def finds(d: DataApp, ids: list[int]) -> None:
    await d.until(lambda: shown(d) == ids)


# The list.


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_newest_comes_first_with_its_text_beside_it(home: Path, size: tuple[int, int]) -> None:
    ids = write(home, [a_record(1), a_record(2, kind="blog", decision="accepted"), flagged(3)])

    async def test(d: DataApp) -> None:
        await ready(d)
        assert shown(d) == ids[::-1]
        await d.sees("✓", "blog", "Tell me of snake 3.", "!1", "1 / 3")
        await d.sees("Snake 3 slept.", NOTE, "Added note (to be taken out)")
        await d.press("down")
        await d.sees("Snake 2 slept", "2 / 3", "✓ accepted")
        assert NOTE not in d.screen
        beside = view_of(d).panel.region.x > 0
        assert beside == (size[0] == 120)

    drive(test, home, size=size)


def test_marks_and_keys_take_the_colours_of_another_theme(home: Path) -> None:
    write(home, [flagged(1)])

    async def test(d: DataApp) -> None:
        view = await ready(d)

        def colours() -> list[set[str]]:
            texts = [
                view.query_one(place, Static).content for place in (".answer", ".search-key", "#findings")
            ]
            assert all(isinstance(text, Text) for text in texts)
            return [{str(text.style), *(str(span.style) for span in text.spans)} for text in texts]  # type: ignore[union-attr]

        before = colours()
        d.app.theme = next(theme.name for theme in OWN_THEMES if not theme.dark)
        await d.until(lambda: all(now != then for now, then in zip(colours(), before, strict=True)))

    drive(test, home)


def test_of_very_many_only_those_near_the_screen_are_read(home: Path) -> None:
    ids = write(home, [a_record(number) for number in range(3000)])

    async def test(d: DataApp) -> None:
        view = await ready(d)
        assert shown(d) == ids[::-1]
        known = [each for each in ids if view.grid.row(each) is not None]
        assert 0 < len(known) < 200
        await d.press("end")
        await d.sees("Tell me of snake 0.", "Snake 0 slept", "3,000 / 3,000")
        await d.press("home")
        await d.sees("Tell me of snake 2999.", "Snake 2999 slept")
        await d.press("pagedown", "pagedown")
        await d.until(lambda: view.record is not None and view.record.id == view.grid.current != ids[-1])
        assert sum(view.grid.row(each) is not None for each in ids) < 400

    drive(test, home)


def test_records_that_others_add_come_in_and_the_cursor_stays(home: Path) -> None:
    write(home, [a_record(number) for number in range(30)])

    async def test(d: DataApp) -> None:
        view = await ready(d)
        await d.press("down", "down", "down")
        current = view.grid.current
        [new] = write(home, [a_record(99)])
        view.library_changed()
        await d.until(lambda: new in shown(d))
        assert view.grid.current == current
        assert view.grid.place == 4
        await d.sees("5 / 31")

    drive(test, home)


def test_enter_goes_to_the_text_and_escape_back(home: Path) -> None:
    write(home, [a_record(1, answer="\n".join(f"line {n}" for n in range(100)))])

    async def test(d: DataApp) -> None:
        view = await ready(d)
        await d.press("enter")
        await d.until(lambda: d.app.focused is view.panel.scroll)
        await d.press("end")
        await d.sees("line 99")
        await d.press("escape")
        assert d.app.focused is view.grid

    drive(test, home)


def test_a_long_answer_is_there_to_its_end(home: Path) -> None:
    answer = "\n\n".join(f"Paragraph {n} {'with some words ' * 40}" for n in range(60)) + "\n\nThe very end."
    write(home, [a_record(1, answer=answer)])

    async def test(d: DataApp) -> None:
        await ready(d)
        await d.press("enter")
        for _ in range(20):
            await d.press("end")
            if "The very end." in d.screen:
                break
        await d.sees("The very end.")

    drive(test, home)


# Searching and filters.


def test_what_is_typed_is_searched_for_letter_by_letter(home: Path) -> None:
    ids = write(home, [a_record(1, answer="A turtle."), a_record(2, answer="A turnip."), a_record(3)])

    async def test(d: DataApp) -> None:
        view = await ready(d)
        await d.press("/")
        assert d.app.focused is view.filters.field
        await d.press(*"tur")
        await finds(d, [ids[1], ids[0]])
        await d.sees("1 / 2 of 3")
        await d.press("down")
        await d.sees("2 / 2 of 3")
        await d.press("up")
        await d.press(*"tle")
        await finds(d, [ids[0]])
        await d.sees("A turtle.")
        await d.press("enter")
        assert view.grid.has_focus
        await d.press("escape")
        await finds(d, ids[::-1])

    drive(test, home)


def test_the_newest_search_is_what_is_shown(home: Path) -> None:
    ids = write(home, [a_record(number, answer=f"word{number % 7}") for number in range(700)])

    async def test(d: DataApp) -> None:
        view = await ready(d)
        for text in ("word1", "word2", "word3", "word4", "word5"):
            view.filters.field.value = text
        await finds(d, ids[5::7][::-1])
        await d.pilot.pause(0.05)
        assert shown(d) == ids[5::7][::-1]

    drive(test, home)


def test_nothing_found_is_said(home: Path) -> None:
    write(home, [a_record(1)])

    async def test(d: DataApp) -> None:
        await ready(d)
        await d.press("/", *"turnip")
        await finds(d, [])
        await d.sees("nothing of 1")
        assert "Snake 1" not in d.screen
        await d.press("enter", "0")
        await d.sees("Snake 1 slept")

    drive(test, home)


async def choose(d: DataApp, key: str, name: str) -> None:
    """Open a list with its key, and choose the line that begins with a name."""
    await d.press(key)
    await d.until(lambda: isinstance(d.app.screen, FilterScreen) and isinstance(d.app.focused, OptionList))
    await d.pilot.pause()  # the line that holds now has the cursor
    options = d.app.screen.query_one(OptionList)
    names = [str(options.get_option_at_index(place).prompt) for place in range(options.option_count)]
    options.highlighted = next(place for place, each in enumerate(names) if each.startswith(name))
    await d.press("enter")
    await d.until(lambda: not isinstance(d.app.screen, FilterScreen))


def test_every_filter_has_its_list_and_they_hold_together(home: Path) -> None:
    ids = write(
        home,
        [
            a_record(1, kind="blog"),
            a_record(2, kind="blog", teacher="mistral"),
            flagged(3, kind="blog", decision="accepted"),
            flagged(4, decision="accepted", checks=[{"rule": "loop"}]),
        ],
    )

    async def test(d: DataApp) -> None:
        view = await ready(d)
        await choose(d, "k", "blog")
        await finds(d, [ids[2], ids[1], ids[0]])
        await choose(d, "d", "pending")
        await finds(d, [ids[1], ids[0]])
        await choose(d, "w", "mistral")
        await finds(d, [ids[1]])
        assert view.asked.kinds == ("blog",)
        assert view.asked.teachers == ("mistral",)
        await d.sees("k blog", "d pending", "w mistral")
        await d.press("0")
        await finds(d, ids[::-1])
        await choose(d, "!", "flagged")
        await finds(d, [ids[3], ids[2]])
        await choose(d, "!", "loop")
        await finds(d, [ids[3]])
        await choose(d, "!", "no flags")
        await finds(d, [ids[1], ids[0]])
        await choose(d, "!", "all")
        await finds(d, ids[::-1])
        await choose(d, "k", "stories")
        await d.press("escape")
        await finds(d, ids[::-1])

    drive(test, home, size=(120, 40))


def test_a_list_says_how_many_there_are_and_can_be_left(home: Path) -> None:
    write(home, [a_record(1), a_record(2), a_record(3, kind="blog")])

    async def test(d: DataApp) -> None:
        await ready(d)
        await d.press("k")
        await d.sees("all", "stories", "2", "blog", "1")
        await d.press("down", "escape")
        await d.until(lambda: not isinstance(d.app.screen, FilterScreen))
        assert len(shown(d)) == 3

    drive(test, home)


# Deciding.


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


# Where there is nothing, or something is wrong.


def test_an_empty_library_says_how_to_get_text(home: Path) -> None:
    async def test(d: DataApp) -> None:
        await d.sees("The library is empty", "built-in teacher write (b)", "Ollama write (o)", "data import")
        assert not (home / "data" / FILE_NAME).exists()  # looking at it does not make it
        for key, teacher in (("b", "builtin"), ("o", "ollama"), ("enter", "builtin")):
            await d.press(key)
            await d.until(lambda: d.pane.context == "job_form")
            await d.until(partial(lambda wanted: d.form.teacher == wanted, teacher))
            await d.press("l")
            await d.until(lambda: d.pane.context == "library")
            await d.until(lambda: d.app.focused is not None and d.app.focused.id == "builtin")

    drive(test, home)


def test_the_list_comes_by_itself_once_there_is_a_record(home: Path) -> None:
    async def test(d: DataApp) -> None:
        await d.sees("The library is empty")
        write(home, [a_record(1)])
        view_of(d).library_changed()
        await d.sees("Snake 1 slept")
        await d.until(lambda: d.app.focused is view_of(d).grid)

    drive(test, home)


def test_a_library_that_cannot_be_read_says_why(home: Path) -> None:
    (home / "data").mkdir(parents=True)
    (home / "data" / FILE_NAME).write_bytes(b"no database at all" * 100)

    async def test(d: DataApp) -> None:
        await d.sees("is damaged or no library", "restore it from a copy")

    drive(test, home)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_whatever_a_record_says_is_literal(home: Path, size: tuple[int, int]) -> None:
    checks = [
        {"rule": HOSTILE, "start": 2, "end": 40, "action": HOSTILE, "why": HOSTILE},
        {"rule": "x", "start": -5, "end": 10**9, "action": 7, "why": None},
        {"rule": "y", "start": "a", "end": [], "action": "flag"},
    ]
    names = {"kind": HOSTILE[:60], "teacher": HOSTILE[:60], "model": HOSTILE[:60], "source": HOSTILE}
    [identity] = write(home, [a_record(1, request=HOSTILE, answer=HOSTILE, checks=checks, **names)])

    def lines(d: DataApp) -> list[str]:
        strips = d.app.screen._compositor.render_strips()
        assert all(strip.cell_length == d.app.size.width for strip in strips)
        return ["".join(segment.text for segment in strip) for strip in strips]

    async def test(d: DataApp) -> None:
        view = await ready(d)
        await d.sees(SHOWN)
        assert [line for line in lines(d) if STEERING.search(line)] == []
        await d.press("e")
        await d.until(lambda: view.panel.editor is not None)
        await d.pilot.pause()
        assert [line for line in lines(d) if STEERING.search(line)] == []
        await d.press("escape", "k")
        await d.until(lambda: isinstance(d.app.screen, FilterScreen))
        await d.pilot.pause()
        assert [line for line in lines(d) if STEERING.search(line)] == []
        await d.press("escape", "R")
        await d.pilot.pause()
        assert [line for line in lines(d) if STEERING.search(line)] == []
        assert read(home, identity).answer == HOSTILE

    drive(test, home, size=size)


def test_ascii_has_only_ascii(home: Path) -> None:
    write(home, [flagged(1), a_record(2, decision="accepted"), a_record(3, decision="rejected")])

    async def test(d: DataApp) -> None:
        await ready(d)
        assert d.screen.isascii()

    drive(test, home, ascii=True)


def test_every_key_of_the_context_has_its_method() -> None:
    for context in ("library", "records"):
        for action in actions_of(context):
            assert hasattr(LibraryView, f"action_{action.id}"), action.id
