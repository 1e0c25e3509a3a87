"""The library in the Data pane: the list of all records with one beside it, and what is said without any."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from data_app import DataApp, drive
from library_app import ready, shown, view_of
from rich.text import Text
from textual.widgets import Static
from written_library import NOTE, a_record, flagged, read, write

from ysnakes_core.synthesis.library import FILE_NAME
from ysnakes_tui.actions import actions_of
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
