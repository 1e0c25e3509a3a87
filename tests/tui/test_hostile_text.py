"""Text from strangers is shown literally wherever the app shows it, steers nothing, and breaks nothing."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Input, OptionList, Static
from written_run import Driven, Worker, drive

from ysnakes_core.configuration import RunConfig
from ysnakes_core.files import printable
from ysnakes_core.runs.directory import create_run, find_runs
from ysnakes_core.runs.events import (
    CheckpointEvent,
    CommandEvent,
    EarlyStoppingEvent,
    RollbackEvent,
    RunStartedEvent,
    SampleEvent,
    StageEvent,
    WarningEvent,
)
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.keymap import usual_keymap
from ysnakes_tui.train.ask_screen import AskScreen, ConfirmScreen
from ysnakes_tui.train.comparison import Comparison
from ysnakes_tui.train.new_run_form import NewRunForm
from ysnakes_tui.train.run_dialogs import DeleteScreen, RenameScreen
from ysnakes_tui.train.runs_table import RunsTable
from ysnakes_tui.widgets.help_screen import HelpScreen
from ysnakes_tui.widgets.literal_input import drawn
from ysnakes_tui.widgets.palette import Palette

OSC_52 = "\x1b]52;c;aGFja2Vk\x07"
LINK = "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\"
START = f"[red]x[/] {OSC_52}{LINK}\x1b[2J\x9b31m\x00\r\u202eevil\u2028\ud800"
SHOWN = "[red]x[/] ␛]52;c;aGFja2Vk␇␛]8;;http"
HOSTILE = "".join([START, "a", "\u0301" * 200, "日本語" * 40, "[/] [@click=app.quit]q[/] ", "y" * 10_000])
STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")
NEEDS_ODD_NAMES = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="no such names here")
ODD_NAMES = [
    b"[red]x",
    b"\x1b]52;c;aGFja2Vk\x07",
    b"\xff\xfe no text",
    "\u202egnp.\u2066evil".encode(),
    "\x9b2J\x85".encode(),
    ("日本語" * 27).encode(),
    b"a" + "\u0301".encode() * 100,
    b"two\nlines\tand a tab",
    b"-rf",
]


def screen_of(d: Driven) -> str:
    """All that stands on the screen; nothing in it steers a terminal, and no line is wider than it."""
    lines = ["".join(s.text for s in strip) for strip in d.app.screen._compositor.render_strips()]
    assert [line for line in lines if STEERING.search(line)] == []
    assert all(strip.cell_length == d.app.size.width for strip in d.app.screen._compositor.render_strips())
    return "\n".join(lines)


async def sees(d: Driven, *words: str) -> None:
    await d.until(lambda: all(word in screen_of(d) for word in words))


def tell_everything(worker: Worker) -> None:
    """Every event with a text in it, with a hostile one."""
    now, step = time.time(), worker.step
    worker.write(
        RunStartedEvent(now - 50, step, 0, HOSTILE, None, 1_010_000, 512, HOSTILE, HOSTILE, 20_000),
        StageEvent(now, step, 0, 0, 2, 64, 2, HOSTILE),
        SampleEvent(now, step, 0, HOSTILE, HOSTILE),
        SampleEvent(now, step, 0, "last", f"{START}\n\tsecond line"),
        WarningEvent(now, step, 0, HOSTILE, HOSTILE),
        RollbackEvent(now, step, 0, step, HOSTILE, 0.5, 1, HOSTILE),
        CheckpointEvent(now, step, 0, f"step-{HOSTILE}", 1.9, True),
        EarlyStoppingEvent(now, step, 0, 3, 3, 0.0, 1.9, step, reason=HOSTILE, stopping=True),
        CommandEvent(now, step, 0, "1", HOSTILE, {"prompt": HOSTILE, HOSTILE: HOSTILE}, False, HOSTILE),
        CommandEvent(now, step, 0, "2", "set", {HOSTILE: HOSTILE}, True, HOSTILE),
        CommandEvent(now, step, 0, "3", "sample", {"prompt": HOSTILE}, True, HOSTILE),
    )


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_whatever_an_event_says_is_literal_on_the_dashboard(
    worker: Worker, home: Path, size: tuple[int, int]
) -> None:
    tell_everything(worker)
    worker.stand(message=HOSTILE.replace("\ud800", ""))

    async def test(d: Driven) -> None:
        await d.shows("#samples", SHOWN, "second line")
        await d.shows("#log", f"✗ {SHOWN}", f"warning: {SHOWN}", f"went back to {SHOWN}", f"✓ set {SHOWN}")
        await d.shows("#words", SHOWN)
        await sees(d, "second line")
        await d.press("w")
        await sees(d, "✓ sample “[red]x[/]")
        await d.press("home")
        screen_of(d)
        await d.press("f1")
        await d.until(lambda: isinstance(d.app.screen, HelpScreen))
        screen_of(d)

    drive(test, size=size, home=home)


@pytest.mark.skipif(os.name == "nt", reason="no such names")
@pytest.mark.parametrize("status", ["failed", "crashed", "stopped"])
def test_the_end_of_a_run_and_its_checkpoints_are_literal(worker: Worker, home: Path, status: str) -> None:
    odd = "step-[b]\x1b]52;c;aGFja2Vk\x07\u202e"
    (worker.run.checkpoints_folder / odd).mkdir()
    (worker.run.checkpoints_folder / "best").write_text(odd)
    worker.run.worker_log.write_bytes(f"{START}\n".encode("utf-8", "surrogatepass") + b"\xff\xfe" * 9000)
    if status == "crashed":
        worker.stand(pid=2**22 + 1)
    else:
        worker.end(status, HOSTILE.replace("\ud800", ""))

    async def test(d: Driven) -> None:
        await d.until(lambda: d.dashboard.status().state == status)
        await d.until(lambda: d.dashboard.query_one("#ending").display)
        if status != "stopped":
            await d.shows("#ending", "│ ")
        if status != "crashed":
            await d.shows("#ending", f": {SHOWN}")
        await d.shows("#ending", "step-[b]␛]52;c;aGFja2Vk␇‹U+202E›")
        screen_of(d)
        await d.press("k")
        checkpoints = d.dashboard.query_one("#checkpoints", OptionList)
        await d.until(lambda: checkpoints.has_focus and checkpoints.option_count == 1)
        await sees(d, "step-[b]␛]52;c;aGFja2Vk␇‹U+202E›")
        await d.press("enter")
        await d.until(lambda: isinstance(d.app.screen, ConfirmScreen))
        await sees(d, "Train on from step-[b]␛]52;c;aGFja2Vk␇‹U+202E›?")

    drive(test, size=(120, 40), home=home)


def test_a_prompt_of_a_stranger_in_a_dialog_is_drawn_literally_and_sent_as_it_is(
    worker: Worker, home: Path
) -> None:
    prompt = f"[b]x[/] {OSC_52}\x00\u202ey"
    worker.write(SampleEvent(time.time(), 40, 0, prompt, "text"))
    config = worker.run.read_config()
    worker.run.write_config(replace(config, validation=replace(config.validation, sample_prompt="")))

    async def test(d: Driven) -> None:
        await d.shows("#samples", "[b]x[/]")
        await d.press("s")
        await d.until(lambda: isinstance(d.app.screen, AskScreen))
        await sees(d, "[b]x[/] ␛]52;c;aGFja2Vk␇␀\ufffdy")
        await d.press("end", "left", "left")
        screen_of(d)
        await d.press("enter")
        await d.until(lambda: list(worker.run.control_folder.glob("*.json")))
        (file,) = worker.run.control_folder.glob("*.json")
        assert json.loads(file.read_text())["arguments"] == {"prompt": prompt}
        await sees(d, "sample “[b]x[/]")

    drive(test, size=(120, 40), home=home)


def test_values_of_a_config_are_literal(worker: Worker, home: Path) -> None:
    config = worker.run.read_config()
    odd = replace(
        config,
        preset="[b]\x1b]52;c;aGFja2Vk\x07",
        data=replace(config.data, paths=("[b]\u202e\x1b[2J.md",)),
        training=replace(config.training, device="\x1b[2J[/]"),
    )
    worker.run.write_config(odd)
    worker.write(RunStartedEvent(time.time(), 40, 0, "x", 40, 1_010_000, 512, "\x1b[2J[/]", "\x9b", 20_000))

    async def test(d: Driven) -> None:
        await d.shows("#facts", "[b]␛]52;c;aGFja2Vk␇", "␛[2J[/] ‹U+009B›")
        screen_of(d)

    drive(test, size=(120, 40), home=home)


def test_a_run_that_is_damaged_says_so_literally(worker: Worker, home: Path) -> None:
    worker.run.state_file.write_text(json.dumps({"status": f"[b]{OSC_52}[/]", "message": HOSTILE}))
    worker.run.config_file.write_text("[model\n" + HOSTILE.replace("\ud800", "") + "\n")

    async def test(d: Driven) -> None:
        table = d.pane.query_one(RunsTable)
        await d.until(lambda: table.current is not None)
        await sees(d, "broken", "“status” is")
        await d.press("enter")
        await d.until(lambda: d.pane.context == "train")
        await d.shows("#facts", "“status” is")
        screen_of(d)

    drive(test, size=(120, 40), last_run="", home=home)


@NEEDS_ODD_NAMES
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_folders_of_any_name_are_listed_compared_renamed_and_deleted(
    worker: Worker, home: Path, size: tuple[int, int]
) -> None:
    runs = home / "runs"
    worker.end("stopped", "asked to stop")  # what a worker has is not asked about
    for number, name in enumerate(ODD_NAMES):
        run = create_run(runs, RunConfig(), f"odd-{number}")
        run.path.rename(runs / os.fsdecode(name))

    async def test(d: Driven) -> None:
        table = d.pane.query_one(RunsTable)
        await d.until(lambda: len(table.runs) == len(ODD_NAMES) + 1)
        await sees(d, "[red]x", "␛]52;c;aGFja2Vk␇", "‹U+DCFF›", "‹U+202E›gnp.")
        for row in table.runs:
            await d.until(lambda row=row: table.current == row)  # type: ignore[misc]
            await d.press("enter")  # ours is shown; what is not safe to use is refused, literally
            await d.press("y")
            screen_of(d)
            if d.pane.context == "train":
                await d.press("r")
            await d.press("d")
            await d.until(lambda: isinstance(d.app.screen, DeleteScreen))
            screen_of(d)
            await d.press("n")
            await d.press("e")
            await d.until(lambda: isinstance(d.app.screen, RenameScreen))
            screen_of(d)
            await d.press("escape")
            await d.press("space")  # and on to the next
        await d.press("m")
        await d.until(lambda: table.comparison is not None and table.comparison.curves)
        await d.until(
            lambda: "no validation yet" in str(table.query_one(Comparison).query_one(Static).content)
        )
        screen_of(d)
        await d.press("escape")
        await d.press("d")
        await d.until(lambda: isinstance(d.app.screen, DeleteScreen))
        screen_of(d)

    drive(test, size=size, last_run="", home=home)
    assert len(find_runs(runs)) == len(ODD_NAMES) + 1


@NEEDS_ODD_NAMES
def test_a_run_of_an_odd_name_gets_a_good_one_from_the_dialog_and_comes_back_from_the_trash(
    home: Path,
) -> None:
    runs = home / "runs"
    run = create_run(runs, RunConfig(), "odd")
    run.path.rename(runs / "a\x1b]52;c;aGFja2Vk\x07\ud8ff".replace("\ud8ff", "\udcff"))

    async def test(d: Driven) -> None:
        table = d.pane.query_one(RunsTable)
        await d.until(lambda: table.current is not None)
        await d.press("d")
        await d.until(lambda: isinstance(d.app.screen, DeleteScreen))
        await d.press("y")
        await d.until(lambda: not find_runs(runs) and table.current is None)
        screen_of(d)
        await d.press("u")
        await d.until(lambda: table.current is not None)
        screen_of(d)
        await d.press("e")
        await d.until(lambda: isinstance(d.app.screen, RenameScreen))
        await d.press("enter")
        await d.until(lambda: [run.name for run in find_runs(runs)] == ["a␛]52;c;aGFja2Vk␇‹U+DCFF›"])

    drive(test, size=(120, 40), last_run="", home=home)


def test_what_is_typed_and_pasted_into_the_form_is_literal(home: Path) -> None:
    async def test(d: Driven) -> None:
        await d.press("n")
        await d.until(lambda: d.pane.context == "form")
        form = d.pane.query_one(NewRunForm)
        for field in form.query(Input):
            field.value = START
        await d.until(lambda: len(form.errors) >= 6)
        await sees(d, "There is no file or folder [red]x[/]", "[red]x[/] ␛]52;c;aGFja2Vk␇")
        for field in form.query(Input):
            field.focus()
            field.value = HOSTILE
            await d.press("end")
            screen_of(d)
        await d.press("f5")
        screen_of(d)

    drive(test, size=(120, 40), last_run="", home=home)


def test_what_a_widget_says_is_as_literal_as_what_the_app_says(worker: Worker, home: Path) -> None:
    async def test(d: Driven) -> None:
        d.pane.notify("“[red]x[/]” is back [@click=app.quit]q[/]", title="[b]t")
        await sees(d, "“[red]x[/]” is back [@click=app.quit]q[/]")

    drive(test, size=(120, 40), home=home)


@pytest.mark.skipif(os.name == "nt", reason="no such names")
def test_a_folder_of_runs_with_an_odd_name_is_said_literally_in_the_welcome_and_the_jump(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    async def run() -> None:
        app = YsnakesApp(tmp_path / "[b]\x1b[2J\u202e", keymap=usual_keymap(), memory=AppMemory())
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            d = Driven(app, pilot)
            await sees(d, "[b]␛[2J‹U+202E›")
            await d.press("g")
            screen_of(d)
            await d.press("escape")
            app.notify(HOSTILE, title=HOSTILE)
            await sees(d, "[red]x[/]")
            app.copy(START)
            screen_of(d)

    asyncio.run(run())


def test_what_is_pasted_into_the_palette_is_literal(home: Path) -> None:
    async def test(d: Driven) -> None:
        d.app.action_palette()
        await d.until(lambda: isinstance(d.app.screen, Palette) and d.app.screen.query(Input))
        d.app.screen.query_one(Input).value = f"a{START}"
        await sees(d, "a[red]x[/] ␛]52;c;aGFja2Vk␇␛]8;;http")
        d.app.screen.query_one(Input).value = "theme"
        await sees(d, "Choose the colours")

    drive(test, size=(120, 40), last_run="", home=home)


# What such functions promise.


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_of_any_text_steers_a_terminal(text: str) -> None:
    assert not STEERING.search(printable(text))
    assert not STEERING.search(drawn(text))
    assert len(drawn(text)) == len(text), "the cursor of a field stands where it is drawn"
    printable(text).encode()
