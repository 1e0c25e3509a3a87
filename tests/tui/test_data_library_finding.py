"""Finding records in the library of the Data pane: searching, and the filters with their lists."""

from __future__ import annotations

from pathlib import Path

from data_app import DataApp, drive
from library_app import finds, ready, shown
from textual.widgets import OptionList
from written_library import a_record, flagged, write

from ysnakes_tui.data.library_filters import FilterScreen


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
