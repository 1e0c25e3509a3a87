"""The views of which pictures are kept, the runs they show, and the modes in which they are looked at."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from snapshot_library import written_jobs, written_library
from snapshot_runs import MEMORY, NOW, WrittenRun, list_line
from snapshot_talk import TALK, edited_talk, written_talk

from ysnakes_core.configuration import RunConfig
from ysnakes_core.runs.control import send
from ysnakes_core.runs.events import RollbackEvent, SampleEvent, WarningEvent
from ysnakes_core.runs.plans import Planner, RunPlan, StagePlan
from ysnakes_tui.themes import DARK, LIGHT

RUNS = Path("home/ada/.local/share/ysnakes/runs")  # as long as a real path, and the same on every machine
HOSTILE = "[red]x[/] \x1b[2J\x1b]0;owned\x07\x00\u202eevil\u202c ‏عربي‎ " + "日本語" * 12 + "y" * 90


@dataclass(frozen=True)
class Mode:
    name: str
    size: tuple[int, int] = (120, 40)
    theme: str = DARK
    no_colour: bool = False
    ascii: bool = False


SMALL, LARGE = Mode("80x24", (80, 24)), Mode("120x40")
NO_COLOUR, ASCII = Mode("no-colour", no_colour=True), Mode("ascii", (80, 24), ascii=True)
BOTH = (SMALL, LARGE)
ALL = (*BOTH, Mode("light", theme=LIGHT), Mode("ansi", theme="ansi-dark"), ASCII, NO_COLOUR)


@dataclass(frozen=True)
class View:
    """``write`` makes the runs; ``keys`` lead to the view, which is there when ``words`` are."""

    write: Callable[[], object]
    words: tuple[str, ...]
    last_run: str = ""
    pane: str = "train"
    keys: tuple[str, ...] = ()
    modes: tuple[Mode, ...] = BOTH
    layout: tuple[tuple[str, str], ...] = ()  # of the memory


class FixedPlanner(Planner):
    """Says the same of every run and machine."""

    def ask(self, number: int, config: RunConfig) -> None:
        plan = RunPlan(
            *(1_913_648, "cpu", 10**10, 8 * 10**9, (StagePlan(256, 8, 4),), 513_400_000),
            **{"tokens_per_second": 4000.0, "tokens": 1.2e6, "steps": 586.0, "seconds": 300.0},
        )
        self._answer(number, plan)


# The runs.


def nothing() -> None:
    """No runs at all."""


def library() -> None:
    written_library(RUNS.parent)


def jobs() -> None:
    written_jobs(RUNS.parent)


def talk() -> None:
    written_talk(RUNS.parent)


def several() -> None:
    list_line(RUNS, "quiet-cobra", "running", age=0.4, step=1200, best=1.6223)
    list_line(RUNS, "amber-viper", "finished", age=4000, step=5000, best=1.5518)
    list_line(RUNS, "brisk-mamba", "paused", age=1900, preset="ys-4m", step=640, best=1.8011)
    list_line(RUNS, "late-python", "running", age=90_000, preset="ys-24m", step=310)  # of another machine
    state = (RUNS / "late-python" / "state.json").read_text()
    (RUNS / "late-python" / "state.json").write_text(re.sub('"boot_id": "[^"]*"', '"boot_id": "x"', state))
    list_line(RUNS, "small-adder", "stopped", age=200_000, preset="ys-1m", step=900, best=1.9527)
    list_line(RUNS, "the-one-with-a-name-of-many-words-and-letters", "failed", age=300_000, step=12)
    list_line(RUNS, "[b]bad[b]\x1b[2J\u202e", "stopped", age=400_000, step=44, best=2.5)
    broken = list_line(RUNS, "torn", "stopped", age=0)
    broken.state_file.write_text("{")
    os.utime(broken.config_file, (NOW - 900_000, NOW - 900_000))
    os.utime(broken.path, (NOW - 900_000, NOW - 900_000))


def two_to_compare() -> None:
    for name, scale, steps in (("amber-viper", 1.0, 3000), ("small-adder", 1.12, 1800)):
        run = WrittenRun(RUNS, name, scale=scale)
        run.train(steps, samples=False)
        run.end("stopped", "asked to")


def trained() -> WrittenRun:
    run = WrittenRun(RUNS, "quiet-cobra")
    run.train(700)
    run.answer("set", "set learning_rate_scale = 0.5", {"learning_rate_scale": 0.5})
    run.train(1200, learns_until=1000)
    return run


def running() -> None:
    trained().run_on()


def asked_to_pause() -> None:
    run = trained()
    run.run_on()
    send(run.run, "pause", clock_ns=lambda: int((NOW - 0.2) * 1e9))


def on_a_gpu() -> None:
    run = WrittenRun(RUNS, "quiet-cobra")
    run.train(1200)
    gpu = {"allocated": 4.9, "reserved": 5.2, "peak": 5.0, "used": 7.5, "total": 8.0}
    memory = {**MEMORY, **{f"cuda_{name}": int(amount * 1e9) for name, amount in gpu.items()}}
    run.run_on(memory=memory, gpu_percent=88.0)


def stopped_early() -> None:
    run = WrittenRun(RUNS, "quiet-cobra")
    run.train(1200, learns_until=700)
    run.stop_early()


def crashed() -> None:
    run = WrittenRun(RUNS, "quiet-cobra")
    run.train(820)
    place = (run.time, 820, 2048 * 820)
    run.write(
        WarningEvent(*place, "3 steps in a row were not finite", "the learning rate is halved"),
        RollbackEvent(run.time, 800, 2048 * 800, 800, "step-00000800", 0.5, 1, "steps were not finite"),
    )
    run.step = 800
    run.train(1150)
    run.crash(
        "step 1,100  loss 1.96  2,749 tokens/s",
        "\x1b[31mRuntimeError\x1b[0m: [enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: [b]can't "
        "allocate memory[/b]: you tried to allocate 34359738368 bytes. Error code 12 (Cannot allocate)",
        "Killed",
    )


def hostile() -> None:
    run = WrittenRun(RUNS, "quiet-cobra")
    run.train(1190)
    place = (run.time, 1190, 2048 * 1190)
    run.write(
        WarningEvent(*place, HOSTILE, HOSTILE),
        SampleEvent(*place, HOSTILE, "\n".join((HOSTILE, "[bold]a second line[/bold]\ttab", "\x9b31m"))),
    )
    run.save(best=True, name="step-[b]\u202eevil\u202c[b]")
    run.run_on(message=HOSTILE[:400].replace("\x00", ""))


# The views.


def _talk_view(
    words: tuple[str, ...],
    *keys: str,
    modes: tuple[Mode, ...] = BOTH,
    write: Callable[[Path], None] = written_talk,
) -> View:
    """A view on the way from the transcript that is gone on with."""
    layout = (("complete.transcript", TALK),)
    return View(lambda: write(RUNS.parent), words, "quiet-cobra", "complete", keys, modes, layout)


RUNNING = ("● running: quiet-cobra", "1,200", "Rain is water that falls")
VIEWS = {
    "welcome": View(nothing, ("Your first model", "kept in")),
    "runs": View(several, ("quiet-cobra", "torn", "8 runs"), keys=("down", "space"), modes=(*BOTH, ASCII)),
    "comparison": View(
        two_to_compare, ("A  amber-viper", "best, at step"), keys=("space", "down", "space", "m")
    ),
    "form": View(several, ("fits", "about 1.2"), keys=("n",)),
    "dashboard": View(running, RUNNING, last_run="quiet-cobra", modes=ALL),
    "asked": View(
        asked_to_pause,
        ("pause requested", "pause: requested"),
        last_run="quiet-cobra",
        keys=("w", "i"),
    ),
    "gpu": View(on_a_gpu, ("!! 7.5 GB, 500 MB free",), last_run="quiet-cobra"),
    "stopped-early": View(stopped_early, ("Stopped early", "Next:"), last_run="quiet-cobra"),
    "crashed": View(crashed, ("Crashed", "Killed", "was 2,735"), last_run="quiet-cobra"),
    "hostile": View(hostile, ("[red]x[/]", "␛[2J"), last_run="quiet-cobra", modes=(LARGE,)),
    "checkpoints": View(running, ("★ best",), last_run="quiet-cobra", keys=("k",)),
    "library-empty": View(nothing, ("The library is empty",), pane="data"),
    "library": View(library, ("A garden in the city", "[red]x[/]", "1 / 12"), pane="data", modes=ALL),
    "record": View(library, ("Added note",), pane="data", keys=("enter",)),
    "curation": View(library, ("with flags", "Added note"), pane="data", keys=("c",)),
    "statistics": View(library, ("builtin", "rejected"), pane="data", keys=("v",)),
    "jobs": View(jobs, ("17 of 100", "interrupted"), pane="data", keys=("j",)),
    "job-form": View(library, ("No Ollama answers",), pane="data", keys=("n",)),
    "no-model": View(nothing, ("There is no model to talk to yet",), pane="complete"),
    "talk-new": View(talk, ("Talk to quiet-cobra", "ready"), last_run="quiet-cobra", pane="complete"),
    "talk": _talk_view(("[red]x[/]", "␛[2J", "answer 2 of 2"), modes=ALL),
    "talk-probable": _talk_view(
        ("likely", "stone"), "escape", "k", "k", "a", "left", modes=(*BOTH, ASCII, NO_COLOUR)
    ),
    "talk-markdown": _talk_view(("white",), "escape", "M", "home", modes=(LARGE,)),
    "talk-beside": _talk_view(
        ("seed 41", "seed 43", "Take this"), "escape", "v", "]", modes=(*BOTH, NO_COLOUR)
    ),
    "talk-settings": _talk_view(("How it writes", "weights in", "Close"), "f9", modes=(*BOTH, ASCII)),
    "talk-wrong": _talk_view(("✗ Give a number.",), "f9", "tab", "x", modes=(SMALL,)),
    "talk-edit": _talk_view(("another turn 2 of 3",), "escape", "k", "k", "k", "e", modes=(SMALL,)),
    "talk-edit-answer": _talk_view(("the answer of turn 2 of 3", "Keep"), "escape", "k", "k", "e"),
    "talk-edited": _talk_view(
        ("edited by you, written first by quiet-cobra", "answer 3 of 3", "[b]fox[/b]", "unknown"),
        *("escape", "p"),
        write=edited_talk,
        modes=(*BOTH, ASCII, NO_COLOUR),
    ),
    "positions": _talk_view(("bits per byte by position", "It levels off at 128"), "escape", "P", modes=ALL),
    "talk-model": _talk_view(("the best, as is usual", "amber-viper"), "ctrl+r"),
    "transcripts": _talk_view(("A walk in the mountains", "3 transcripts"), "f12"),
    "help": View(running, ("Watching a run",), last_run="quiet-cobra", keys=("f1",)),
    "palette": View(several, ("whose name has some letters", "Mark  space"), keys=(":",), modes=(SMALL,)),
    "themes": View(several, ("nord",), keys=("t",), modes=(SMALL,)),
    "too-small": View(nothing, ("too small",), modes=(Mode("59x14", (59, 14)),)),
}
