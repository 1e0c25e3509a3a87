"""The fields of the form for a new run, driven by keys; beside them what is wrong and what it takes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from form_app import FITS, TOO_LARGE, FormApp, drive
from textual import events
from textual.widgets import Input

from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.plans import RunPlan, StagePlan
from ysnakes_tui.train.form_check import FormValues, check
from ysnakes_tui.train.plan_text import plan_text
from ysnakes_tui.widgets.choice import Choice

QUICK = RunPlan(
    *(1_913_648, "cpu", 10**10, 8 * 10**9, (StagePlan(256, 8, 4),), 513_400_000),
    tokens_per_second=4000.0,
    tokens=1.2e6,
    steps=586.0,
    seconds=300.0,
)
pytestmark = pytest.mark.usefixtures("home")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_what_it_takes_stands_beside_the_fields(runs: Path, size: tuple[int, int]) -> None:
    async def test(d: FormApp) -> None:
        await d.answered(FITS)
        for told in ("1.91M", "8 × 256 tokens", "4 at once", "513 MB of 8.0 GB", "✓ fits"):
            assert told in d.screen
        assert d.screen.count("calculating…") == 3
        await d.answered(QUICK)
        for told in ("4,000 tokens/s", "5:00", "about 1.20M tokens", "about 586", "Start (F5)", "Cancel"):
            assert told in d.screen
        assert "calculating…" not in d.screen

    drive(runs, test, size=size)


def test_what_was_just_chosen_is_not_taken_back_by_what_is_usual(runs: Path) -> None:
    async def test(d: FormApp) -> None:
        await d.go_to("unit")
        unit = d.form.query_one("#unit", Choice)
        assert unit.value == "minutes"
        unit.action_move(-1)
        d.form.post_message(d.form.Looked(d.form._number, check(FormValues(), runs)))
        unit.action_move(-1)
        await d.looked()
        assert unit.value == d.form.values.unit == "tokens"

    drive(runs, test)


def test_all_fields_reach_the_run(runs: Path, tmp_path: Path) -> None:
    text = tmp_path / "a, b.md"
    text.write_text("some text")

    async def test(d: FormApp) -> None:
        await d.fill("data", str(text))
        await d.fill("name", "my-run")
        await d.go_to("preset")
        await d.press("left")
        await d.fill("amount", "2k")
        await d.go_to("unit")
        await d.press("right")
        await d.fill("length", "64x4,128")
        await d.fill("batch", "3")
        await d.fill("seed", "7")
        await d.fill("patience", "5")
        assert await d.looked() == {}
        config = await d.answered(FITS)
        assert (config.preset, config.data.paths) == ("ys-1m", (str(text),))
        training = config.training
        assert (training.minutes, training.steps, training.tokens) == (0, 2000, 0)
        assert (training.stages, training.batch_size, training.seed) == ("64x4,128", 3, 7)
        assert (config.early_stopping.enabled, config.early_stopping.patience) == (True, 5)
        await d.press("f5")
        await d.until(lambda: d.host.got == ["my-run"])
        assert RunDirectory(runs / "my-run").read_config() == config

    drive(runs, test)


def test_what_is_typed_at_once_after_a_move_goes_where_the_move_led(runs: Path) -> None:
    async def test(d: FormApp) -> None:
        await d.answered(FITS)
        assert d.form.query_one("#data").has_focus or await d.go_to("data") is None
        for key in ("tab", *"alpha", "tab", "tab", *"34", "shift+tab", "shift+tab", *"be"):
            d.app.post_message(events.Key(key, key if len(key) == 1 else None))  # as one chunk is taken apart
        await d.until(lambda: "be" in d.form.values.name)
        values = d.form.values
        assert (values.data, values.name, values.amount) == ("", "alphabe", "34")

    drive(runs, test)


def test_early_stopping_can_be_turned_off(runs: Path) -> None:
    async def test(d: FormApp) -> None:
        await d.fill("patience", "nonsense")
        assert list(await d.looked()) == ["patience"]
        await d.go_to("early_stopping")
        await d.press("space")
        assert await d.looked() == {}
        assert d.form.query_one("#patience", Input).disabled
        assert not (await d.answered(FITS)).early_stopping.enabled

    drive(runs, test)


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("data", "/no/such [b]place", "There is no file or folder /no/such [b]place."),
        ("name", "a/b", "has one of /"),
        ("name", "taken", "There is already a run of that name."),
        ("amount", "0", "Give a number of minutes above 0, like 5."),
        ("amount", "soon", "Give a number of minutes above 0, like 5."),
        ("length", "0", "Give a whole number, at least 1"),
        ("length", "64x", "Write stages as auto or like"),
        ("batch", "-2", "Give a whole number, at least 0."),
        ("seed", "1.5", "Give a whole number, at least 0."),
        ("patience", "0", "Give a whole number, at least 1."),
    ],
)
def test_a_bad_field_is_explained_beside_it_and_nothing_starts(
    runs: Path, field: str, text: str, sentence: str
) -> None:
    (runs / "taken").mkdir(parents=True)

    async def test(d: FormApp) -> None:
        await d.answered(QUICK)
        await d.fill(field, text)
        assert list(await d.looked()) == [field]
        lines = [line.split("▏")[0][12:].strip() for line in d.screen.splitlines()]
        shown = " ".join(line for line in lines if line)
        assert sentence.split(" /no")[0] in shown
        assert sentence in d.form.errors[field]
        assert "one field is not right yet" in d.screen
        await d.go_to("start")
        await d.press("enter")
        await d.pilot.pause()
        assert d.app.focused is d.form.query_one(f"#{field}")
        assert d.starter.started == []
        await d.press(*(["backspace"] * len(text)))
        assert await d.looked() == {}

    drive(runs, test)


def test_an_answer_about_what_stood_there_before_is_not_shown(runs: Path) -> None:
    async def test(d: FormApp) -> None:
        old, _ = d.planner.asked[-1]
        await d.fill("seed", "3")
        await d.looked()
        await asyncio.to_thread(d.planner.answer, old, TOO_LARGE)
        await d.pilot.pause()
        assert d.form.plan is None
        assert "does not fit" not in d.screen

    drive(runs, test)


def test_each_new_run_begins_with_an_empty_form(runs: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("Some words.\n" * 200)

    async def test(d: FormApp) -> None:
        at_first = d.form.values, d.screen
        await d.fill("batch", "none")
        await d.go_to("preset")
        await d.press("right")
        await d.until(lambda: d.form.values.preset)
        assert await d.looked()
        d.form.begin(first=False, data="")
        d.form.on_show()  # as when the pane shows it again
        await d.looked()
        await d.until(lambda: d.form.query_one("#preset", Choice).value == "ys-2m")
        assert not d.form.errors
        d.form.focus_first()
        await d.until(lambda: (d.form.values, d.screen) == at_first)
        d.form.begin(first=False, data=str(mine))
        d.form.on_show()
        config = await d.answered(FITS)
        assert config.data.paths == (str(mine),)
        await d.press("f5")
        await d.until(lambda: d.host.got)
        d.form.begin(first=False, data="")  # after a run was started from it
        d.form.on_show()
        await d.answered(FITS)
        await d.press("f5")
        await d.until(lambda: len(d.host.got) == 2)
        assert [run.read_config().data.paths for run in d.starter.started] == [(str(mine),), ()]

    drive(runs, test)


def test_own_settings_are_what_is_usual(runs: Path, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text(
        'preset = "ys-4m"\n[training]\ntokens = 3000000\nseq_len = 96\nseed = 9\n'
        "[early_stopping]\nenabled = false\n"
    )

    async def test(d: FormApp) -> None:
        shown = {name: d.form.query_one(f"#{name}", Choice).value for name in ("preset", "unit")}
        assert shown == {"preset": "ys-4m", "unit": "tokens"}
        assert d.form.query_one("#early_stopping", Choice).value == "off"
        hints = [d.form.query_one(f"#{name}", Input).placeholder for name in ("amount", "length", "seed")]
        assert hints == ["3000000", "96", "9"]
        config = await d.answered(FITS)
        assert (config.training.tokens, config.training.seq_len, config.training.seed) == (3_000_000, 96, 9)
        assert not config.early_stopping.enabled
        await d.go_to("unit")
        await d.press("left")
        config = await d.answered(FITS)
        assert (config.training.steps, config.training.tokens) == (1000, 0)

    drive(runs, test)


def test_a_wrong_settings_file_is_said(runs: Path, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("[model]\nd_modle = 3\n")
    checked = check(FormValues(), runs)
    assert checked.config is None
    assert "d_modle" in checked.errors["preset"]


def test_stages_are_told_apart_from_a_length(runs: Path) -> None:
    cases = (("96", 96, ""), ("1k", 1000, ""), ("auto", 256, "auto"), ("64@1", 256, "64@1"))
    for text, seq_len, stages in cases:
        config = check(FormValues(length=text), runs).config
        assert config is not None
        assert (config.training.seq_len, config.training.stages) == (seq_len, stages)


def test_many_stages_leave_room_for_what_matters() -> None:
    stages = tuple(StagePlan(64 * n, 8, 8) for n in range(1, 9))
    plan = RunPlan(1, "cpu", 1, 1, stages, 1)
    lines = plan_text("ys-2m", plan).plain.splitlines()
    assert sum("× " in line for line in lines) == 4
    assert any("and 4 stages more" in line for line in lines)


def test_the_form_does_not_load_torch() -> None:
    code = "import sys; import ysnakes_tui.train.new_run_form; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
