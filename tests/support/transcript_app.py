"""The app with nothing in it but a transcript and the panel of alternatives."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.style import Style
from seen import screen_text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.pilot import Pilot
from textual.widget import Widget

from ysnakes_core.completion.transcript_records import Token
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.complete.alternatives_panel import AlternativesPanel
from ysnakes_tui.complete.transcript_view import Block, TranscriptView
from ysnakes_tui.keymap import usual_keymap
from ysnakes_tui.widgets.status_strip import Status

STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")
SECONDS = 20.0


def tokens(*texts: str, probability: float = 0.5) -> tuple[Token, ...]:
    return tuple(Token(text, number, probability) for number, text in enumerate(texts))


HOSTILE = "[red]x[/] \x1b]52;c;aGFja2Vk\x07\x9b2J\x00\r\u202eevil\u2028\ud800 [@click=app.quit]q[/] <end> <b>"
PILED = "a" + "\u0301" * 300
WIDE = "日本語" * 60
NASTY = (
    HOSTILE,
    PILED,
    WIDE,
    "👩",
    "\u200d",
    "💻",
    "e",
    "\u0301",
    "",
    "",
    "é\tb\t\tc",
    "y" * 10_000,
    "\n",
    "\n\n\n",
    "שלום עולם",
    "\ud83d",
    "\ude00",
    " ",
    "   ",
    "\t",
    "",
)


def answer(*texts: str, key: str = "a", title: str = "quiet-cobra", waiting: bool = False) -> Block:
    return Block(key, "answer", title, tokens=tokens(*texts), waiting=waiting)


PROMPT = Block("p", "prompt", "You", "Tell me\nof snakes")


class Host(Widget):
    """Notes what the view tells, and shows the alternatives of its token."""

    context = "app"
    DEFAULT_CSS = "Host { height: 1fr; } Host AlternativesPanel { width: 30; }"

    def __init__(self) -> None:
        super().__init__(id="train")
        self.blocks: list[str | None] = []
        self.told: list[TranscriptView.TokenSelected] = []

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield TranscriptView(id="transcript")
            yield AlternativesPanel()

    def status(self) -> Status:
        return Status()

    def on_transcript_view_block_selected(self, event: TranscriptView.BlockSelected) -> None:
        self.blocks.append(event.key)

    def on_transcript_view_token_selected(self, event: TranscriptView.TokenSelected) -> None:
        self.told.append(event)
        self.query_one(AlternativesPanel).show(event.token)


class Driven:
    """The app while it runs."""

    def __init__(self, app: YsnakesApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot
        self.host = app.query_one(Host)
        self.view = app.query_one(TranscriptView)

    async def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < deadline, self.text
            await self.pilot.pause(0.005)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def sees(self, *words: str) -> None:
        await self.until(lambda: all(word in self.text for word in words))

    @property
    def text(self) -> str:
        return screen_text(self.app)

    @property
    def lines(self) -> list[str]:
        """The lines of the view, as they are on the screen; nothing steers a terminal, all fits exactly."""
        region = self.view.scrollable_content_region
        strips = self.app.screen._compositor.render_strips()
        assert all(strip.cell_length == self.app.size.width for strip in strips)
        cropped = [strip.crop(region.x, region.right) for strip in strips[region.y : region.bottom]]
        found = ["".join(segment.text for segment in strip) for strip in cropped]
        assert [line for line in found if STEERING.search(line)] == []
        return [line.rstrip() for line in found]

    @property
    def styles(self) -> list[list[tuple[str, Style]]]:
        """The pieces of every line of the view, with what they look like."""
        region = self.view.scrollable_content_region
        strips = self.app.screen._compositor.render_strips()[region.y : region.bottom]
        cropped = [strip.crop(region.x, region.right) for strip in strips]
        return [[(each.text, each.style or Style()) for each in strip] for strip in cropped]

    def place_of(self, text: str) -> tuple[int, int]:
        """Where on the screen a text begins."""
        for y, line in enumerate(self.text.split("\n")):
            if (x := line.find(text)) >= 0:
                return cell_len(line[:x]), y
        raise AssertionError(f"“{text}” is not on the screen:\n{self.text}")

    async def drag(self, first: tuple[int, int], last: tuple[int, int]) -> str:
        """Select with the mouse; gives what was selected."""
        await self.pilot.mouse_down(offset=first)
        await self.pilot.hover(offset=last)
        await self.pilot.mouse_up(offset=last)
        await self.pilot.pause()
        return self.app.screen.get_selected_text() or ""


def drive(
    test: Callable[[Driven], Coroutine[Any, Any, None]],
    *,
    size: tuple[int, int] = (80, 24),
    ascii: bool = False,
    theme: str = "snake-dark",
) -> None:
    async def run() -> None:
        memory = AppMemory(theme=theme)
        makers: Any = dict.fromkeys(("data", "train", "complete"), Host)
        app = YsnakesApp(Path("runs"), keymap=usual_keymap(), memory=memory, makers=makers, ascii=ascii)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            d = Driven(app, pilot)
            d.view.focus()
            await pilot.pause()
            await test(d)

    asyncio.run(run())


def numbered(count: int, start: int = 0) -> Sequence[Token]:
    """Tokens that are a line each."""
    return tokens(*(f"line {number}\n" for number in range(start, start + count)))
