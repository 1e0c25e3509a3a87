"""How quick talking is: opening the pane, the first token after Enter, and typing while an answer is written.

    python tests/benchmarks/complete_talk.py                a model of the size of ys-4m
    python tests/benchmarks/complete_talk.py --preset ys-1m --json

The model has random weights, which take as long as others, and is held by the process that really does. For
each thing one does: how long from the key until the app has drawn what it is for (median, p95 and longest),
and how long the app's thread worked for that without a pause (the longest).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "support"))

from complete_pane import Work
from run_with_model import run_with_model
from seen import screen_text
from textual import events
from textual.pilot import Pilot

from ysnakes_core.completion.options import SamplingOptions
from ysnakes_core.configuration import PRESETS
from ysnakes_tui import collecting
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.app_opening import _LOOKED_AT_NEXT
from ysnakes_tui.complete.settings import TalkSettings
from ysnakes_tui.complete.talk_view import TalkView
from ysnakes_tui.keymap import usual_keymap
from ysnakes_tui.panes.complete import CompletePane

SIZE = (120, 40)
OPEN_MS, FIRST_MS, TYPE_MS = 50.0, 100.0, 50.0
PROMPT, TYPED = "What is rain?", "And what comes after the rain has gone, I wonder? " * 4
SECONDS = 60.0


@dataclass
class Result:
    """Milliseconds; see the top of the file. ``bar``: what the p95 (or the work) must stay below."""

    name: str
    times: int
    median: float
    shown: float
    longest: float
    most_worked: float
    bar: float
    met: bool


class CountingApp(YsnakesApp):
    """Notes when that which is waited for holds in something that went to the terminal."""

    CSS_PATH = Path(sys.modules[YsnakesApp.__module__].__file__ or "").with_name("ysnakes.tcss")
    waited_for: Callable[[], object] | None = None
    seen_at = 0.0

    def _display(self, *args: object, **kwargs: object) -> None:
        holds = self.waited_for is not None and bool(self.waited_for())
        super()._display(*args, **kwargs)  # type: ignore[arg-type]
        if holds:
            self.waited_for, self.seen_at = None, time.perf_counter()


class Bench:
    def __init__(self, app: CountingApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def talk(self) -> TalkView:
        return self.app.screen_stack[0].query_one(CompletePane).talk

    async def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"it never came to be:\n{screen_text(self.app)}")
            await asyncio.sleep(0.0005)

    def press(self, key: str) -> None:
        character = " " if key == "space" else key if len(key) == 1 else None
        self.app.post_message(events.Key(key, character))

    async def timed(self, key: str, holds: Callable[[], object]) -> tuple[float, float]:
        """Milliseconds until it is drawn that it holds, and the longest that the thread worked for it."""
        work = Work()
        with work.watched():
            began = time.perf_counter()
            self.app.waited_for = holds
            self.press(key)
            await self.until(lambda: self.app.waited_for is None)
        return 1000 * (self.app.seen_at - began), max(work.turns, default=0.0)

    @property
    def first_is_drawn(self) -> bool:
        """The first token of the last answer is among the lines of the transcript."""
        entries = self.talk.view._lines.entries
        path = self.talk.transcript.path()
        if not entries or not path or path[-1][1] is None:
            return False
        last = entries[-1].content
        return last.key == f"a:{path[-1][1].id}" and bool(last.tokens)


def together(name: str, found: list[tuple[float, float]], bar: float, *, by_work: bool = False) -> Result:
    shown, worked = sorted(each[0] for each in found), max(each[1] for each in found)
    p95 = shown[min(len(shown) - 1, int(0.95 * len(shown)))]
    median = shown[len(shown) // 2]
    return Result(name, len(found), median, p95, shown[-1], worked, bar, (worked if by_work else p95) < bar)


async def measured(home: Path) -> list[Result]:
    app = CountingApp(home / "runs", keymap=usual_keymap(), memory=AppMemory(last_run="quiet-cobra"))
    async with app.run_test(size=SIZE) as pilot:
        bench = Bench(app, pilot)
        await pilot.pause()
        await asyncio.sleep(1.0)  # the Train pane reads its run
        opened = [await bench.timed("3", lambda: app.context == "prompt")]
        await bench.until(lambda: bench.talk.warmth == "ready")
        again = []
        for key, context in (("f3", "train"), ("f4", "prompt")) * 5:
            again.append(await bench.timed(key, lambda context=context: app.context == context))  # type: ignore[misc]
        first = [await _first_token(bench) for _ in range(12)]
        typed = await _type(bench)
    return [
        together("opening the pane (the app's thread)", opened, OPEN_MS, by_work=True),
        together("coming back to it", again, OPEN_MS),
        together("Enter to the first token", first, FIRST_MS),
        together("a key while it writes", typed, TYPE_MS),
    ]


async def _first_token(bench: Bench) -> tuple[float, float]:
    bench.talk.field.put(PROMPT)
    await bench.pilot.pause()
    before = len(bench.talk.transcript.path())
    found = await bench.timed(
        "enter", lambda: len(bench.talk.transcript.path()) > before and bench.first_is_drawn
    )
    bench.talk.conversation.cancel()
    await bench.until(lambda: not bench.talk.is_writing)
    bench.talk.action_new_transcript()
    await bench.pilot.pause()
    return found


async def _type(bench: Bench) -> list[tuple[float, float]]:
    """Type a sentence while answers are written."""
    found = []
    talk = bench.talk
    talk.settings = TalkSettings(SamplingOptions(max_tokens=100_000, stop=(), temperature=0.0, top_k=0))
    talk.field.put(PROMPT)
    await bench.pilot.pause()
    bench.press("enter")
    await bench.until(lambda: bench.first_is_drawn)
    for character in TYPED:
        before = talk.field.text
        key = "space" if character == " " else character
        found.append(await bench.timed(key, lambda before=before: talk.field.text != before))  # type: ignore[misc]
        await asyncio.sleep(0.03)  # as quickly as people type
        if not talk.is_writing:  # a model with random weights may write <end> whenever it likes
            talk.action_answer_again()
    talk.conversation.cancel()
    await bench.until(lambda: not talk.is_writing)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--preset", default="ys-4m", choices=list(PRESETS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for name in _LOOKED_AT_NEXT:  # as the app does while its first picture is looked at
        __import__(name)
    collecting.put_off()
    collecting.take_up()
    with tempfile.TemporaryDirectory() as place:
        os.environ["YSNAKES_HOME"] = place
        preset = PRESETS[options.preset]
        run_with_model(Path(place), shape=preset.config().model, vocab_size=preset.vocab_size)
        results = asyncio.run(measured(Path(place)))
    if options.json:
        print(json.dumps({result.name: asdict(result) for result in results}))
    else:
        for result in results:
            print(
                f"{result.name:<36} median {result.median:6.1f}, p95 {result.shown:6.1f}, "
                f"longest {result.longest:6.1f} ms, thread {result.most_worked:5.1f}  "
                f"{'ok' if result.met else f'NOT below {result.bar:.0f}'}"
            )
    return 0 if all(result.met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
