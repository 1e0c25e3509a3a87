"""Pictures of every view in the tested modes, compared with those that were looked at and kept.

``YSNAKES_UPDATE_SNAPSHOTS=1`` keeps them as they are now. They are as the versions in constraints.txt draw
them: others may draw a border or a scrollbar otherwise.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from snapshot_pictures import HOW_TO_RENEW, colours_of, difference, lines_of, tidied
from snapshot_runs import NOW
from snapshot_talk import FixedTalker
from snapshot_views import ASCII, NO_COLOUR, RUNS, VIEWS, FixedPlanner, Mode, View, nothing
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.complete.talk_base import TalkBase
from ysnakes_tui.complete.transcripts_view import TranscriptsView
from ysnakes_tui.data.job_view import JobView
from ysnakes_tui.data.library_view import LibraryView
from ysnakes_tui.keymap import textual_name, usual_keymap
from ysnakes_tui.panes.complete import CompletePane
from ysnakes_tui.panes.train import TrainPane
from ysnakes_tui.train.dashboard import Dashboard
from ysnakes_tui.train.new_run_form import NewRunForm
from ysnakes_tui.train.runs_table import RunsTable

KEPT = Path(__file__).with_name("snapshots")
CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
UPDATE = os.environ.get("YSNAKES_UPDATE_SNAPSHOTS") == "1"
SECONDS = 20.0  # until a picture that does not come is given up
STILL_SECONDS = 1.0  # a screen that has not changed for so long is as it will be


def _drawn_otherwise() -> str:
    """Why pictures cannot be compared here; "" if they can."""
    if os.name == "nt":
        return "paths in the pictures are written otherwise on Windows"
    tested = dict(re.findall(r"^([\w.-]+)==(\S+)$", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE))
    others = [f"{each} {version(each)}" for each in ("textual", "rich") if version(each) != tested[each]]
    return (
        f"the pictures are of the versions in constraints.txt, not of {', '.join(others)}" if others else ""
    )


@pytest.fixture
def same_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same place, time, machine and text for everyone."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "YSNAKES_ASCII", "TMUX", "COLORFGBG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("LC_ALL", "C.UTF-8"), ("TERM", "xterm-256color"), ("TZ", "UTC")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("YSNAKES_HOME", str(RUNS.parent))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")  # where nothing answers
    monkeypatch.setitem(TalkBase.__init__.__kwdefaults__, "make_talker", FixedTalker)
    monkeypatch.setattr("ysnakes_tui.complete.conversation.fresh_seed", lambda: 41)
    for view in (Dashboard, RunsTable, JobView, TranscriptsView):
        monkeypatch.setitem(view.__init__.__kwdefaults__, "clock", lambda: NOW)
    monkeypatch.setitem(NewRunForm.__init__.__kwdefaults__, "planner", FixedPlanner)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "stories.md").write_bytes(b"x" * 1_300_000)
    monkeypatch.setattr("ysnakes_tui.train.first_run.shipped_corpus", lambda: corpus)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class Screen:
    def __init__(self, app: YsnakesApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    def picture(self) -> str:
        return tidied(self.app.export_screenshot())

    async def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError("\n".join(["it never came to be:", *lines_of(self.picture())]))
            await self.pilot.pause(0.02)

    def has(self, words: tuple[str, ...]) -> bool:
        text = "\n".join(lines_of(self.picture()))
        return all(word in text for word in words)

    async def open(self, view: View) -> None:
        await self.pilot.pause()
        await self.until(lambda: _is_ready(self.app, view))
        for key in view.keys:
            await self.pilot.press(textual_name(key))
            await self.pilot.pause()
        self._hold_cursors()
        await self.until(lambda: self.has(view.words))

    def _hold_cursors(self) -> None:
        """They do not blink; what has just got the focus shows its own."""
        for screen in self.app.screen_stack:
            for field in (*screen.query(Input), *screen.query(TextArea)):
                field.cursor_blink = False
                if isinstance(field, TextArea):
                    field._pause_blink(visible=field.has_focus)

    async def change_to(self, mode: Mode) -> None:
        if self.app.size != mode.size:
            await self.pilot.resize_terminal(*mode.size)
        if (self.app.glyphs == "ascii") != mode.ascii:
            self.app.action_toggle_ascii()
        await self.pilot.pause()

    async def still(self, wanted: str | None) -> str:
        """The picture once it is ``wanted``, or does not change any more."""
        picture, since = self.picture(), time.monotonic()
        while picture != wanted and time.monotonic() < since + STILL_SECONDS:
            self._hold_cursors()
            await self.pilot.pause(0.02)
            if (now := self.picture()) != picture:
                picture, since = now, time.monotonic()
        return picture


def _is_ready(app: YsnakesApp, view: View) -> bool:
    """The runs are read, so that keys have something to work on."""
    if view.write is nothing:
        return True
    if view.pane == "data":
        found = app.screen_stack[0].query(LibraryView)
        return bool(found) and found.first().record is not None
    if view.pane == "complete":
        talk = app.screen_stack[0].query_one(CompletePane).talk
        return talk.warmth == "ready" and not (view.layout and talk.transcript.is_empty)
    pane = app.screen_stack[0].query_one(TrainPane)
    if view.last_run:
        return bool(pane.status().step) and pane.query_one(Dashboard).doable[-1:] == (
            True,
        )  # all of it was read
    return bool(pane.query_one(RunsTable).runs)


async def pictures(
    view: View, modes: list[Mode], wanted: Callable[[Mode], str | None], *, ascii: bool = False
) -> dict[Mode, str]:
    """What the view looks like in each of ``modes``, all of one theme, in one app that changes its size.

    ``ascii``: the app starts with plain characters.
    """
    memory = AppMemory(theme=modes[0].theme, pane=view.pane, last_run=view.last_run, layout=dict(view.layout))
    app = YsnakesApp(RUNS, keymap=usual_keymap(), memory=memory, ascii=ascii)
    app.animation_level = "none"
    found = {}
    async with app.run_test(size=modes[0].size) as pilot:
        screen = Screen(app, pilot)
        await screen.open(view)
        for mode in modes:
            await screen.change_to(mode)
            found[mode] = await screen.still(wanted(mode))
    return found


@pytest.mark.skipif(bool(_drawn_otherwise()), reason=_drawn_otherwise())
@pytest.mark.usefixtures("same_everywhere")
@pytest.mark.parametrize("name", VIEWS)
def test_it_looks_as_it_did(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    view = VIEWS[name]

    def file(mode: Mode) -> Path:
        return KEPT / f"{name}-{mode.name}.svg"

    def wanted(mode: Mode) -> str | None:
        return file(mode).read_text(encoding="utf-8") if file(mode).exists() and not UPDATE else None

    view.write()
    found: dict[Mode, str] = {}
    for theme in dict.fromkeys(mode.theme for mode in view.modes):
        modes = [mode for mode in view.modes if mode.theme == theme and not mode.no_colour]
        found |= asyncio.run(pictures(view, modes, wanted))
    if NO_COLOUR in view.modes:  # which is said to the app when it starts
        monkeypatch.setenv("NO_COLOR", "1")
        found |= asyncio.run(pictures(view, [NO_COLOUR], wanted))
    if UPDATE:
        KEPT.mkdir(exist_ok=True)
        for mode, picture in found.items():
            file(mode).write_text(picture, encoding="utf-8", newline="\n")
        return
    differences = [difference(file(mode), picture, tmp_path / "pictures") for mode, picture in found.items()]
    if messages := [each for each in differences if each]:
        pytest.fail("\n\n".join([*messages, HOW_TO_RENEW]), pytrace=False)


@pytest.mark.skipif(bool(_drawn_otherwise()), reason=_drawn_otherwise())
@pytest.mark.usefixtures("same_everywhere")
@pytest.mark.parametrize("name", [name for name, view in VIEWS.items() if ASCII in view.modes])
def test_it_looks_the_same_when_the_app_starts_with_plain_characters(name: str, tmp_path: Path) -> None:
    view, file = VIEWS[name], KEPT / f"{name}-{ASCII.name}.svg"
    view = replace(view, words=tuple(word for word in view.words if word.isascii()))
    view.write()
    kept = file.read_text(encoding="utf-8")
    found = asyncio.run(pictures(view, [ASCII], lambda _: kept, ascii=True))
    if message := difference(file, found[ASCII], tmp_path / "pictures"):
        pytest.fail(message, pytrace=False)


# What must hold of the pictures that are kept, whoever kept them.


def kept() -> dict[str, str]:
    return {file.stem: file.read_text(encoding="utf-8") for file in sorted(KEPT.glob("*.svg"))}


def test_every_picture_that_is_kept_is_of_a_view() -> None:
    assert set(kept()) == {f"{name}-{mode.name}" for name, view in VIEWS.items() for mode in view.modes}


def test_what_matters_in_a_view_is_in_its_pictures() -> None:
    for name, view in VIEWS.items():
        for mode in view.modes:
            text = "\n".join(lines_of(kept()[f"{name}-{mode.name}"]))
            assert [word for word in view.words if word not in text and not mode.ascii] == [], (
                name,
                mode.name,
            )


def test_without_colours_there_are_two_and_how_they_look_when_dim() -> None:
    found = {name: colours_of(svg) for name, svg in kept().items() if name.endswith("-no-colour")}
    assert len(found) >= 2
    assert {
        name: rest for name, each in found.items() if (rest := each - {"#c5c8c6", "#292929", "#868887"})
    } == {}


def test_in_ascii_there_is_nothing_else() -> None:
    found = {name: lines_of(svg) for name, svg in kept().items() if name.endswith("-ascii")}
    assert len(found) >= 3
    for name, lines in found.items():
        assert [line for line in lines if not line.isascii()] == [], name
        assert len([line for line in lines if line]) > 8, name


def test_no_control_character_and_no_place_of_a_machine_is_in_a_picture() -> None:
    for name, svg in kept().items():
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", svg), name
        assert not re.search(r"/tmp/|/home/(?!ada)|/Users/", svg.replace("home/ada", "/home/ada")), name


def test_pictures_are_small() -> None:
    assert sum(len(svg.encode()) for svg in kept().values()) < 3_000_000
