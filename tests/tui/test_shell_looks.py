"""How the shell looks: sizes, themes, terminals without colours or Unicode, and text that means harm."""

from __future__ import annotations

import asyncio
import html
import re
import unicodedata
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from shell_app import until
from textual.color import Color
from textual.pilot import Pilot
from textual.theme import Theme
from textual.widget import Widget
from textual.widgets import OptionList

from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import PANES, AppMemory, Keeper, keep, memory_file, read_memory
from ysnakes_tui.keymap import usual_keymap
from ysnakes_tui.panes.makers import PANE_MAKERS
from ysnakes_tui.themes import OWN_THEMES, draws_braille, draws_unicode, fitting_theme, only_ascii
from ysnakes_tui.widgets.ascii_filter import _STAND_INS, AsciiFilter, to_ascii
from ysnakes_tui.widgets.help_screen import HelpScreen
from ysnakes_tui.widgets.no_colour_filter import NoColourFilter
from ysnakes_tui.widgets.status_strip import SYMBOLS, Status, StatusStrip, plain_line
from ysnakes_tui.widgets.too_small import TooSmallScreen

Test = Callable[[YsnakesApp, Pilot[None]], Coroutine[Any, Any, None]]
HOSTILE = "[red]x[/] \x1b[2J\x00\u202eevil " + "日本語" * 40 + "y" * 10_000
RUNNING = Status(
    run="quiet-cobra",
    state="running",
    step=1200,
    total_steps=5000,
    eta=192.0,
    tokens_per_second=2749.4,
    memory=1_300_000_000,
    age=0.4,
    note="stage 1 of 3",
)
pytestmark = pytest.mark.usefixtures("home")


class RunPane(Widget, can_focus=True):
    """A pane whose run stands as it is told."""

    context = "train"

    def __init__(self, status: Status) -> None:
        super().__init__(id="train")
        self.now = status

    def render(self) -> str:
        return "what ysnakes trains"

    def status(self) -> Status:
        return self.now


def drive(
    test: Test,
    *,
    size: tuple[int, int] = (80, 24),
    memory: AppMemory | None = None,
    status: Status | None = None,
    ascii: bool | None = None,
) -> None:
    async def run() -> None:
        makers = {**PANE_MAKERS, "train": lambda: RunPane(status or Status())}
        app = YsnakesApp(
            Path("runs"), keymap=usual_keymap(), memory=memory or AppMemory(), makers=makers, ascii=ascii
        )
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            await test(app, pilot)

    asyncio.run(run())


def screen_lines(app: YsnakesApp) -> list[str]:
    """The screen's lines, as they would get to the terminal."""
    picture = re.sub(r'<text class="[^"]*-title".*?</text>', "", app.export_screenshot())
    places: dict[float, list[tuple[float, str]]] = {}
    for x, y, text in re.findall(r'<text [^>]*?x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', picture):
        places.setdefault(float(y), []).append((float(x), html.unescape(text).replace("\xa0", " ")))
    return ["".join(text for _, text in sorted(parts)) for _, parts in sorted(places.items())]


# Sizes.


@pytest.mark.parametrize("pane", PANES)
@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40)])
def test_every_pane_has_room(size: tuple[int, int], pane: str) -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        assert not isinstance(app.screen, TooSmallScreen)
        # What a pane says first may have to be read.
        await until(pilot, lambda: any("ysnakes" in line for line in screen_lines(app)[1:-2]))
        lines = screen_lines(app)
        assert "ysnakes" in lines[0]
        assert lines[-1].rstrip().endswith("q Quit")
        assert lines[-2].startswith((" no run is shown", " there is no model to talk to yet"))
        for widget in app.screen.walk_children(Widget):
            assert widget.region.right <= size[0], widget

    drive(test, size=size, memory=AppMemory(pane=pane))


@pytest.mark.parametrize("size", [(59, 24), (80, 14), (20, 3), (1, 1)])
def test_too_small_a_terminal_is_told_so_until_it_grows(size: tuple[int, int]) -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        assert isinstance(app.screen, TooSmallScreen)
        if size[0] >= 40:
            assert f"{size[0]}×{size[1]} is too small." in "\n".join(screen_lines(app))
        await pilot.resize_terminal(59, 14)
        await pilot.pause()
        assert "59×14" in "\n".join(screen_lines(app))
        await pilot.press("2", "n")
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert not isinstance(app.screen, TooSmallScreen)
        assert screen_lines(app)[-1].rstrip().endswith("q Quit")

    drive(test, size=size)


def test_it_covers_a_dialog_and_gives_it_back() -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await pilot.press("f1")
        await pilot.resize_terminal(40, 10)
        await pilot.pause()
        assert isinstance(app.screen, TooSmallScreen)
        await pilot.resize_terminal(120, 40)
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)

    drive(test)


def test_one_can_leave_from_too_small_a_terminal() -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        await pilot.press("q")
        await pilot.pause()
        assert not app.is_running

    drive(test, size=(30, 8))


# The status strip.


def test_the_strip_says_all_where_there_is_room() -> None:
    line = plain_line(RUNNING, 140)
    for text in ("● running", "quiet-cobra", "step 1,200 of 5,000 · 24 %", "3:12 left", "2,749 tokens/s"):
        assert text in line
    for text in ("1.3 GB", "data 0 s old", "stage 1 of 3"):
        assert text in line


def test_what_matters_least_goes_first() -> None:
    shown = [plain_line(RUNNING, width) for width in range(140, 9, -1)]
    assert all(cell_len(line) <= width for line, width in zip(shown, range(140, 9, -1), strict=True))
    order = ["stage", "old", "GB", "tok", "left", "1,200", "cobra", "running"]
    lost = [next((i for i, line in enumerate(shown) if text not in line), len(shown)) for text in order]
    assert lost == sorted(lost)
    assert lost[-1] == len(shown)


def test_eighty_columns_have_the_run_its_state_progress_pace_memory_and_age() -> None:
    line = plain_line(RUNNING, 80)
    for text in ("● running", "quiet-cobra", "1,200/5,000", "3:12 left", "2,749 tok/s", "1.3 GB", "0 s old"):
        assert text in line


@pytest.mark.parametrize("state", SYMBOLS)
def test_every_state_has_a_word_and_a_symbol(state: str) -> None:
    unicode, plain = SYMBOLS[state]
    assert plain.isascii()
    assert cell_len(unicode) == cell_len(plain) == 1
    assert plain_line(replace(RUNNING, state=state), 80).startswith(f" {unicode} {state}")
    assert plain_line(replace(RUNNING, state=state), 80, ascii=True).startswith(f" {plain} {state}")


def test_old_news_are_pointed_out_while_there_should_be_new_ones() -> None:
    assert "no news for 40 s" in plain_line(replace(RUNNING, age=40.0), 80)
    assert "no news for 5 min" in plain_line(replace(RUNNING, age=310.0), 60)
    assert "left" not in plain_line(replace(RUNNING, age=40.0), 120)
    assert "no news" not in plain_line(replace(RUNNING, state="finished", age=4000.0), 120)
    asked = replace(RUNNING, command="checkpoint requested", age=12.0)
    assert "12 s old" in plain_line(asked, 80)  # nobody answers: that matters more than the pace
    assert "old" not in plain_line(replace(asked, age=1.0), 80)
    assert "data 1 d old" not in plain_line(replace(RUNNING, state="finished", age=90_000.0), 120)
    assert "data 25 h old" in plain_line(replace(RUNNING, state="finished", age=90_000.0), 120)


def test_what_is_not_known_is_left_out() -> None:
    assert plain_line(Status(run="one", state="starting"), 80) == " ◌ starting  one"
    assert plain_line(replace(RUNNING, total_steps=None, step=7), 140).count("step 7 ") == 1
    assert plain_line(Status(), 80) == " no run is shown"


def test_the_strip_shows_the_run_of_the_train_pane_in_every_pane() -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        strip = app.query_one(StatusStrip)
        assert "quiet-cobra" in strip.render().plain
        await pilot.press("3")
        await pilot.pause()
        assert "quiet-cobra" in strip.render().plain
        pane = app.query_one(RunPane)
        pane.now = replace(RUNNING, state="paused")
        await pilot.press("1")
        await pilot.pause()
        assert "‖ paused" in strip.render().plain

    drive(test, status=RUNNING)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_hostile_name_is_shown_literally_and_breaks_nothing(width: int) -> None:
    status = replace(RUNNING, run=HOSTILE, note=HOSTILE, state="run\x1bning")

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        line = app.query_one(StatusStrip).render().plain
        assert "[red]x[/]" in line
        assert line.isprintable()
        assert cell_len(line) <= width
        assert all(cell_len(each.rstrip()) <= width for each in screen_lines(app))
        app.notify(HOSTILE, title=HOSTILE)
        await pilot.pause()
        (toast,) = app.screen.query("Toast")
        told = str(toast.render())
        assert "[red]x[/] ␛[2J␀‹U+202E›evil" in told.split("\n", 1)[1]
        assert len(told) < 1200

    drive(test, status=status, size=(width, 24))


# Colours.


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio, 1 to 21."""

    def luminance(text: str) -> float:
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in Color.parse(text).normalized
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", OWN_THEMES, ids=lambda theme: theme.name)
def test_our_own_themes_can_be_read(theme: Theme) -> None:
    grounds = [theme.background, theme.surface, theme.panel]
    for ground in grounds:
        assert ground is not None
        assert theme.foreground is not None
        assert contrast(theme.foreground, ground) >= 10
        for colour in (
            theme.primary,
            theme.secondary,
            theme.accent,
            theme.warning,
            theme.error,
            theme.success,
        ):
            assert colour is not None
            assert contrast(colour, ground) >= 4.5, (colour, ground)
        assert contrast(theme.variables["text-muted"], ground) >= 4.5
        assert contrast(theme.variables["footer-key-foreground"], ground) >= 4.5
    for part in ("block-cursor", "block-cursor-blurred"):
        assert contrast(theme.variables[f"{part}-foreground"], theme.variables[f"{part}-background"]) >= 5


@pytest.mark.parametrize(
    ("stated", "theme"),
    [("", "snake-dark"), ("15;0", "snake-dark"), ("0;15", "snake-light"), ("0;default;15", "snake-light")],
)
def test_a_light_terminal_gets_a_light_theme(stated: str, theme: str) -> None:
    assert fitting_theme({"COLORFGBG": stated}) == theme


@pytest.mark.parametrize("theme", ["snake-dark", "snake-light", "ansi-dark", "ansi-light", "nord"])
def test_every_kind_of_theme_can_be_drawn(theme: str) -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        for keys in (("f1", "escape"), (":", "escape"), ("t", "escape"), ("g", "escape"), ("1",)):
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
                assert screen_lines(app)
        assert app.theme == theme

    drive(test, memory=AppMemory(theme=theme), status=RUNNING)


def test_without_colours_the_cursor_is_reversed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        filters = app.get_line_filters()
        options = OptionList("one", None, "two")
        await app.query_one(RunPane).mount(options)
        options.highlighted = 0
        options.focus()
        await pilot.pause()
        ground = Color.parse("black")

        def drawn(y: int) -> list[Segment]:
            segments = list(options.render_line(y))
            for each in filters:
                segments = each.apply(segments, ground)
            return segments

        chosen, other = drawn(0), drawn(2)
        assert {
            bool(segment.style and segment.style.reverse) for segment in chosen if segment.text.strip()
        } == {True}
        assert {bool(segment.style and segment.style.reverse) for segment in other} == {False}
        for segment in [*chosen, *other]:
            style = segment.style or Style()
            assert style.color is None or style.color.is_default
            assert style.bgcolor is None or style.bgcolor.is_default

    drive(test)


def test_an_empty_no_color_means_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")

    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        assert not app.no_color
        assert not any(isinstance(each, NoColourFilter) for each in app.get_line_filters())

    drive(test)


# ASCII.


@pytest.mark.parametrize(
    ("environment", "encoding", "unicode"),
    [
        ({}, "utf-8", True),
        ({}, "ascii", False),
        ({"LANG": "en_GB.UTF-8"}, "utf-8", True),
        ({"LANG": "en_GB.ISO-8859-1"}, "utf-8", False),
        ({"LC_ALL": "C", "LANG": "en_GB.UTF-8"}, "utf-8", False),
        ({"LC_CTYPE": "C.utf8", "LANG": "C"}, "utf-8", True),
        ({"YSNAKES_ASCII": "1", "LANG": "en_GB.UTF-8"}, "utf-8", False),
        ({"YSNAKES_ASCII": "no", "LC_ALL": "C"}, "ascii", True),
    ],
)
@pytest.mark.skipif("sys.platform == 'win32'", reason="Windows has no such locales")
def test_what_a_terminal_can_draw(environment: dict[str, str], encoding: str, unicode: bool) -> None:
    assert draws_unicode(environment, encoding) is unicode


def test_what_is_asked_for_overrules_what_was_kept_and_what_is_found() -> None:
    assert only_ascii(True, "no", {"LANG": "C.UTF-8"}, None)
    assert not only_ascii(False, "yes", {"LC_ALL": "C"}, None)
    assert only_ascii(None, "yes", {"LANG": "C.UTF-8"}, None)
    assert not only_ascii(None, "no", {"LC_ALL": "C"}, None)
    assert only_ascii(None, "auto", {"YSNAKES_ASCII": "1"}, None)
    assert draws_braille({"TERM": "xterm-256color"})
    assert not draws_braille({"TERM": "linux"})


def test_stand_ins_are_as_wide_as_what_they_stand_for() -> None:
    for character, stand_in in _STAND_INS.items():
        assert stand_in.isascii()
        assert len(stand_in) == cell_len(character) == 1, character
    assert to_ascii("a─b│日本\u0301🐍…") == "a-b|????" + "??" + "."
    assert AsciiFilter().apply([Segment("ab"), Segment("→")], Color.parse("black")) == [
        Segment("ab"),
        Segment(">"),
    ]


def test_letters_lose_their_accents_and_signs_do_not_become_others() -> None:
    assert to_ascii("Éléphant ångstrøm ≠ ≮") == "Elephant angstr?m ? ?"
    for point in range(0x80, 0x3000):
        if unicodedata.category(character := chr(point))[0] in "LSPN":
            assert len(to_ascii(character)) == cell_len(character), hex(point)


@pytest.mark.parametrize("pane", PANES)
def test_everything_can_be_drawn_in_ascii(pane: str) -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        assert app.glyphs == "ascii"
        for keys in ((), ("f1",), ("escape", ":"), ("escape", "t"), ("escape", "g"), ("escape", "y")):
            await pilot.press(*keys)
            await pilot.pause()
            lines = screen_lines(app)
            assert "".join(lines).isascii(), [line for line in lines if not line.isascii()]
            assert all(len(line.rstrip()) <= 80 for line in lines)

    drive(test, memory=AppMemory(pane=pane), status=RUNNING, ascii=True)


def test_ascii_can_be_turned_on_and_off() -> None:
    async def test(app: YsnakesApp, pilot: Pilot[None]) -> None:
        glyphs = [app.glyphs]
        assert "● running" in screen_lines(app)[-2]
        app.perform_later("toggle_ascii")
        await pilot.pause()
        await pilot.pause()
        glyphs.append(app.glyphs)
        assert "> running" in screen_lines(app)[-2]
        assert "".join(screen_lines(app)).isascii()
        app.perform_later("toggle_ascii")
        await pilot.pause()
        await pilot.pause()
        assert "§ ysnakes" in screen_lines(app)[0]
        assert [*glyphs, app.glyphs] == ["braille", "ascii", "braille"]
        await app.workers.wait_for_complete()
        assert read_memory().ascii == "no"

    drive(test, status=RUNNING)


# What is kept.


def test_what_is_kept_comes_back() -> None:
    assert read_memory() == AppMemory()
    keep(theme='a "quoted" one', layout={"train.chart": "log", "ключ": "\n"})
    keep(last_run=HOSTILE[:200].replace("\x00", ""))
    memory = read_memory()
    assert memory.theme == 'a "quoted" one'
    assert memory.layout == {"train.chart": "log", "ключ": "\n"}
    assert memory.last_run == HOSTILE[:200].replace("\x00", "")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[[[",
        b"theme = 3\npane = 'nowhere'\nascii = 'maybe'\nlayout = 3\nlast_run = []",
        b"x" * 100_000,
    ],
)
def test_nonsense_in_what_was_kept_is_forgotten(content: bytes) -> None:
    memory_file().parent.mkdir(parents=True)
    memory_file().write_bytes(content)
    assert read_memory() == AppMemory()
    keep(pane="data")
    assert read_memory() == AppMemory(pane="data")


def test_changes_are_written_together_and_the_last_one_holds() -> None:
    keeper = Keeper(AppMemory())
    keeper.write()
    assert not memory_file().exists()
    keeper.change(theme="nord", pane="data")
    keeper.change(theme="gruvbox")
    keeper.write()
    assert keeper.memory == read_memory() == AppMemory(theme="gruvbox", pane="data")
