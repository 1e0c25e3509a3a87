"""The form for a new run, driven by keys: what is wrong is said beside it, what fits before it starts."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from seen import notes_of, screen_text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.pilot import Pilot
from textual.widgets import Input

import ysnakes_core
from ysnakes_core.configuration import RunConfig
from ysnakes_core.errors import YsnakesError
from ysnakes_core.runs.directory import RunDirectory, find_runs
from ysnakes_core.runs.plans import NO_PLAN, Planner, RunPlan, StagePlan
from ysnakes_core.runs.processes import start_of
from ysnakes_tui.actions import ACTIONS
from ysnakes_tui.app import YsnakesApp
from ysnakes_tui.app_memory import AppMemory
from ysnakes_tui.keymap import textual_name, usual_keymap
from ysnakes_tui.train.form_check import FormValues, check
from ysnakes_tui.train.new_run_form import DEBOUNCE_SECONDS, NewRunForm
from ysnakes_tui.train.plan_text import plan_text
from ysnakes_tui.widgets.choice import Choice
from ysnakes_tui.widgets.status_strip import Status

FITS = RunPlan(1_913_648, "cpu", 10**10, 8 * 10**9, (StagePlan(256, 8, 4),), 513_400_000)
QUICK = RunPlan(
    *(1_913_648, "cpu", 10**10, 8 * 10**9, (StagePlan(256, 8, 4),), 513_400_000),
    tokens_per_second=4000.0,
    tokens=1.2e6,
    steps=586.0,
    seconds=300.0,
)
TOO_LARGE = RunPlan(
    *(10**9, "cpu", 10**10, 8 * 10**9, (), 32 * 10**9),
    problem="one sequence takes 32.0 GB to train on, and memory has 8.0 GB for it",
    hint="choose a seq_len of 64 or less or --preset ys-4m",
)
pytestmark = pytest.mark.usefixtures("home")


class HeldPlanner(Planner):
    """Answers when a test says so; ``asked`` are the questions."""

    def __init__(self, answer: Callable[[int, RunPlan], None]) -> None:
        super().__init__(answer)
        self.answer = answer
        self.asked: list[tuple[int, RunConfig]] = []
        self.closed = False
        self.last_words: RunPlan | None = None  # what its process still says as it is ended

    def ask(self, number: int, config: RunConfig) -> None:
        self.asked.append((number, config))

    def close(self) -> None:
        self.closed = True
        if self.last_words is not None and self.asked:
            self.answer(self.asked[-1][0], self.last_words)


class Starter:
    """Takes the place of starting a process."""

    def __init__(self) -> None:
        self.started: list[RunDirectory] = []
        self.fails = False

    def __call__(self, run: RunDirectory) -> int:
        if self.fails:
            raise YsnakesError("no process could be started", "see that there is memory left")
        self.started.append(run)
        return 1


class Host(Vertical, can_focus=False):
    context = "form"

    def __init__(self, make_form: Callable[[], NewRunForm]) -> None:
        super().__init__()
        self._make_form = make_form
        self.got: list[str] = []

    def compose(self) -> ComposeResult:
        yield self._make_form()

    @property
    def form(self) -> NewRunForm:
        return self.query_one(NewRunForm)

    def status(self) -> Status:
        return Status()

    def focus_first(self) -> None:
        self.form.focus_first()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.form.check_action(action, parameters) if action in ACTIONS else True

    def action_start(self) -> None:
        self.form.action_start()

    def action_back(self) -> None:
        self.form.action_back()

    def on_new_run_form_started(self, event: NewRunForm.Started) -> None:
        self.got.append(event.run_name)

    def on_new_run_form_cancelled(self) -> None:
        self.got.append("cancelled")


class Driver:
    def __init__(self, app: YsnakesApp, pilot: Pilot[None], starter: Starter) -> None:
        self.app, self.pilot, self.starter = app, pilot, starter
        self.host = app.query_one(Host)
        self.form = self.host.form
        planner = self.form._planner
        self.planner = planner if isinstance(planner, HeldPlanner) else None

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*(textual_name("space" if key == " " else key) for key in keys))

    async def fill(self, field: str, text: str) -> None:
        await self.go_to(field)
        await self.press(*text)

    async def go_to(self, field: str) -> None:
        """Give a field the focus, which comes to it a little later."""
        self.form.query_one(f"#{field}").focus()
        await self.until(lambda: self.form.query_one(f"#{field}").has_focus)

    async def until(self, holds: Callable[[], object], rounds: int = 1000) -> None:
        for _ in range(rounds):
            if holds():
                return
            await self.pilot.pause(0.01)
        raise AssertionError("it never came to be")

    async def looked(self) -> dict[str, str]:
        """What is wrong, once it is known."""
        await self.until(lambda: self.form._checked is not None)
        await self.pilot.pause()
        return self.form.errors

    async def answered(self, plan: RunPlan) -> RunConfig:
        """The planner says ``plan`` about the latest question; what that was about."""
        assert self.planner is not None
        await self.until(lambda: self.planner and self.planner.asked[-1:] and self._is_latest())
        number, config = self.planner.asked[-1]
        await asyncio.to_thread(self.planner.answer, number, plan)
        await self.pilot.pause()
        return config

    def _is_latest(self) -> bool:
        return self.planner is not None and self.planner.asked[-1][0] == self.form._number

    @property
    def text(self) -> str:
        return screen_text(self.app)

    @property
    def told(self) -> list[str]:
        return notes_of(self.app)


Test = Callable[[Driver], Coroutine[Any, Any, None]]


def drive(
    runs: Path, test: Test, *, size: tuple[int, int] = (80, 24), make: Callable[[], NewRunForm] | None = None
) -> None:
    starter = Starter()

    def usual() -> NewRunForm:
        return NewRunForm(start=starter, planner=HeldPlanner)

    async def run() -> None:
        app = YsnakesApp(
            runs, keymap=usual_keymap(), memory=AppMemory(), makers={"train": lambda: Host(make or usual)}
        )
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            driver = Driver(app, pilot, starter)
            await driver.looked()
            await test(driver)

    asyncio.run(run())


@pytest.fixture
def runs(home: Path) -> Path:
    return home / "runs"


def test_enter_starts_what_is_usual_as_soon_as_it_is_known_to_fit(runs: Path) -> None:
    async def test(d: Driver) -> None:
        assert d.text.count("calculating…") == 6
        await d.press("enter")
        assert d.starter.started == []
        assert "as soon as the memory" in d.text
        config = await d.answered(FITS)
        await d.until(lambda: d.host.got)
        assert [run.name for run in d.starter.started] == d.host.got
        made = RunDirectory(runs / d.host.got[0]).read_config()
        assert made == config
        assert (made.preset, made.training.minutes, made.data.paths) == ("ys-2m", 5.0, ())
        await d.press("enter")  # a second one does nothing
        await d.pilot.pause()
        assert len(find_runs(runs)) == 1

    drive(runs, test)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_what_it_takes_stands_beside_the_fields(runs: Path, size: tuple[int, int]) -> None:
    async def test(d: Driver) -> None:
        await d.answered(FITS)
        for told in ("1.91M", "8 × 256 tokens", "4 at once", "513 MB of 8.0 GB", "✓ fits"):
            assert told in d.text
        assert d.text.count("calculating…") == 3
        await d.answered(QUICK)
        for told in ("4,000 tokens/s", "5:00", "about 1.20M tokens", "about 586", "Start (F5)", "Cancel"):
            assert told in d.text
        assert "calculating…" not in d.text

    drive(runs, test, size=size)


def test_all_fields_reach_the_run(runs: Path, tmp_path: Path) -> None:
    text = tmp_path / "a, b.md"
    text.write_text("some text")

    async def test(d: Driver) -> None:
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
    async def test(d: Driver) -> None:
        await d.answered(FITS)
        assert d.form.query_one("#data").has_focus or await d.go_to("data") is None
        for key in ("tab", *"alpha", "tab", "tab", *"34", "shift+tab", "shift+tab", *"be"):
            d.app.post_message(events.Key(key, key if len(key) == 1 else None))  # as one chunk is taken apart
        await d.until(lambda: "be" in d.form.values.name)
        values = d.form.values
        assert (values.data, values.name, values.amount) == ("", "alphabe", "34")

    drive(runs, test)


def test_early_stopping_can_be_turned_off(runs: Path) -> None:
    async def test(d: Driver) -> None:
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

    async def test(d: Driver) -> None:
        await d.answered(QUICK)
        await d.fill(field, text)
        assert list(await d.looked()) == [field]
        lines = [line.split("▏")[0][12:].strip() for line in d.text.splitlines()]
        shown = " ".join(line for line in lines if line)
        assert sentence.split(" /no")[0] in shown
        assert sentence in d.form.errors[field]
        assert "one field is not right yet" in d.text
        await d.go_to("start")
        await d.press("enter")
        await d.pilot.pause()
        assert d.app.focused is d.form.query_one(f"#{field}")
        assert d.starter.started == []
        await d.press(*(["backspace"] * len(text)))
        assert await d.looked() == {}

    drive(runs, test)


def test_what_does_not_fit_is_said_and_not_started(runs: Path) -> None:
    async def test(d: Driver) -> None:
        await d.press("enter")
        await d.answered(TOO_LARGE)
        assert "✗ does not fit" in d.text
        assert any("8.0 GB for it" in note and "the size ys-4m" in note for note in d.told)
        assert d.starter.started == []
        assert find_runs(runs) == []
        await d.fill("length", "64")
        await d.answered(FITS)
        await d.press("enter")
        await d.until(lambda: d.host.got)

    drive(runs, test)


def test_an_answer_about_what_stood_there_before_is_not_shown(runs: Path) -> None:
    async def test(d: Driver) -> None:
        assert d.planner is not None
        old, _ = d.planner.asked[-1]
        await d.fill("seed", "3")
        await d.looked()
        await asyncio.to_thread(d.planner.answer, old, TOO_LARGE)
        await d.pilot.pause()
        assert d.form.plan is None
        assert "does not fit" not in d.text

    drive(runs, test)


def test_without_an_answer_it_can_be_started_all_the_same(runs: Path) -> None:
    async def test(d: Driver) -> None:
        await d.answered(NO_PLAN)
        assert "could not be" in d.text
        await d.press("enter")
        await d.until(lambda: d.host.got)

    drive(runs, test)


def test_nothing_starts_unasked_whose_memory_nobody_knows(runs: Path) -> None:
    async def test(d: Driver) -> None:
        await d.press("enter")
        assert "as soon as the memory" in d.text
        await d.answered(NO_PLAN)
        assert "could not be worked out; start it once more" in d.text
        assert (d.starter.started, find_runs(runs)) == ([], [])
        await d.press("enter")
        await d.until(lambda: d.host.got)

    drive(runs, test)


@pytest.mark.parametrize("last_words", [None, NO_PLAN, FITS], ids=["none", "no plan", "it fits"])
@pytest.mark.parametrize("early", [True, False], ids=["at once", "as it was asked about"])
def test_what_is_given_up_does_not_start_whatever_the_planner_still_says(
    runs: Path, last_words: RunPlan | None, early: bool
) -> None:
    async def test(d: Driver) -> None:
        assert d.planner is not None
        await d.until(lambda: d.planner and d.planner.asked)
        d.planner.last_words = last_words
        if early:
            await d.fill("seed", "3")
        await d.press("enter", "escape")
        await d.until(lambda: d.host.got == ["cancelled"])
        await d.pilot.pause(DEBOUNCE_SECONDS)  # what was changed last would be looked at now
        await d.app.workers.wait_for_complete()
        number, _ = d.planner.asked[-1]
        await asyncio.to_thread(d.planner.answer, number, FITS)
        await d.pilot.pause()
        await d.app.workers.wait_for_complete()
        assert (d.starter.started, find_runs(runs), d.host.got) == ([], [], ["cancelled"])

    drive(runs, test)


def test_where_no_worker_starts_no_run_is_left_behind(runs: Path) -> None:
    async def test(d: Driver) -> None:
        d.starter.fails = True
        await d.answered(FITS)
        await d.press("enter")
        await d.until(lambda: d.told)
        assert "no process could be started" in d.told[0]
        assert find_runs(runs) == []
        d.starter.fails = False
        await d.press("enter")
        await d.until(lambda: d.host.got)

    drive(runs, test)


def test_a_name_taken_meanwhile_is_said(runs: Path) -> None:
    async def test(d: Driver) -> None:
        await d.fill("name", "mine")
        await d.answered(FITS)
        (runs / "mine").mkdir(parents=True)
        await d.press("enter")
        await d.until(lambda: "name" in d.form.errors)
        assert d.starter.started == []
        await d.fill("name", "-2")
        await d.answered(FITS)
        await d.press("enter")
        await d.until(lambda: d.host.got == ["mine-2"])

    drive(runs, test)


def test_escape_and_the_button_give_it_up_and_the_planner_ends(runs: Path) -> None:
    async def test(d: Driver) -> None:
        assert d.planner is not None
        await d.press("escape")
        await d.pilot.pause()
        assert d.planner.closed
        await d.pilot.click("#cancel")
        await d.pilot.pause()
        assert d.host.got == ["cancelled", "cancelled"]
        assert d.starter.started == []

    drive(runs, test)


def test_each_new_run_begins_with_an_empty_form(runs: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("Some words.\n" * 200)

    async def test(d: Driver) -> None:
        at_first = d.form.values, d.text
        await d.fill("batch", "none")
        await d.go_to("preset")
        await d.press("right")
        await d.until(lambda: "preset" in d.form._touched)
        assert await d.looked()
        d.form.begin(first=False, data="")
        d.form.on_show()  # as when the pane shows it again
        await d.looked()
        await d.until(lambda: d.form.query_one("#preset", Choice).value == "ys-2m")
        assert not d.form.errors
        d.form.focus_first()
        await d.until(lambda: (d.form.values, d.text) == at_first)
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

    async def test(d: Driver) -> None:
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


# The planner's process.

Answers = list[tuple[int, RunPlan]]


def answers(
    *questions: RunConfig, wanted: Callable[[Answers], bool], command: list[str] | None = None
) -> Answers:
    """What a planner says to the questions, as soon as that is what is ``wanted``."""
    got: Answers = []
    done = threading.Event()

    def take(number: int, plan: RunPlan) -> None:
        got.append((number, plan))
        if wanted(got):
            done.set()

    planner = Planner(take, command=command)
    for number, config in enumerate(questions, start=1):
        planner.ask(number, config)
    assert done.wait(120), got
    planner.close()
    return got


def config_of(runs: Path, **values: str) -> RunConfig:
    config = check(FormValues(**values), runs).config
    assert config is not None
    return config


@pytest.mark.slow
def test_the_planner_tells_memory_first_and_speed_after_it(runs: Path) -> None:
    config = config_of(runs, preset="ys-1m", amount="2", unit="epochs", length="32x4,64")
    got = answers(config, wanted=lambda got: got[-1][1].seconds is not None)
    assert [number for number, _ in got] == [1, 1]
    first, second = (plan for _, plan in got)
    assert first.tokens_per_second is None
    assert first.parameters > 900_000
    assert 0 < first.bytes <= first.limit <= first.free
    assert [(stage.seq_len, stage.batch_size) for stage in first.stages] == [(32, 4), (64, 2)]
    assert second.bytes == first.bytes
    assert second.tokens_per_second is not None
    assert second.tokens is not None
    assert second.tokens / second.tokens_per_second == pytest.approx(second.seconds)
    assert second.steps == pytest.approx(second.tokens / 128)


@pytest.mark.slow
def test_the_planner_answers_the_newest_question_and_says_what_does_not_fit(runs: Path) -> None:
    huge = config_of(runs, preset="ys-296m", length="10M")
    got = answers(config_of(runs), config_of(runs), huge, wanted=lambda got: got[-1][0] == 3)
    assert got[-1][1].problem
    assert got[-1][1].hint
    assert got[-1][1].bytes > got[-1][1].limit


@pytest.mark.timeout(60)
def test_a_closed_planner_ends_its_process_and_can_be_asked_again(runs: Path, tmp_path: Path) -> None:
    proof = tmp_path / "pids"
    code = f"import os; open({str(proof)!r}, 'a').write(f'{{os.getpid()}} '); input(); print(1); input()"
    planner = Planner(lambda number, plan: None, command=[sys.executable, "-c", code])
    for number in (1, 2):
        planner.ask(number, config_of(runs))
        while not proof.exists() or len(proof.read_text().split()) < number:
            threading.Event().wait(0.01)
        planner.close()
        while start_of(int(proof.read_text().split()[-1])) is not None:
            threading.Event().wait(0.01)


@pytest.mark.timeout(60)
def test_a_closed_planner_says_nothing_more(runs: Path, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    code = f"input(); open({str(begun)!r}, 'w').close(); input()"
    got: Answers = []
    before = set(threading.enumerate())
    planner = Planner(lambda number, plan: got.append((number, plan)), command=[sys.executable, "-c", code])
    planner.ask(1, config_of(runs))
    while not begun.exists():
        threading.Event().wait(0.01)
    threads = set(threading.enumerate()) - before
    assert {thread.name for thread in threads} == {"planner", "plans"}
    planner.close()
    for thread in threads:
        thread.join()
    assert got == []


@pytest.mark.timeout(120)
def test_a_long_trial_does_not_hold_up_what_is_asked_meanwhile(runs: Path) -> None:
    code = """
        import sys
        sys.path.append(sys.argv[1])
        from ysnakes_core.runs import planning
        from ysnakes_core.training.speed import NotWanted

        def endless(plan, config, wanted):
            while config.training.seed == 1:
                if not wanted():
                    raise NotWanted
            return plan

        planning.with_speed = endless
        planning.main()
    """
    got: Answers = []
    known, done = threading.Event(), threading.Event()

    def take(number: int, plan: RunPlan) -> None:
        got.append((number, plan))
        known.set()
        if [number for number, _ in got].count(2) == 2:
            done.set()

    root = str(Path(ysnakes_core.__file__).parents[1])
    planner = Planner(take, command=[sys.executable, "-P", "-c", textwrap.dedent(code), root])
    planner.ask(1, config_of(runs, seed="1"))
    assert known.wait(60)
    planner.ask(2, config_of(runs, seed="2"))
    assert done.wait(60)
    planner.close()
    assert [number for number, _ in got] == [1, 2, 2]


def test_a_planner_whose_process_ends_says_so(runs: Path) -> None:
    config = config_of(runs)
    python = [sys.executable, "-c"]
    for command in ([*python, "pass"], [*python, "print('nonsense')"], ["/no/such"]):
        assert answers(config, wanted=bool, command=command)[0] == (1, NO_PLAN)


@pytest.mark.slow
def test_a_run_is_really_trained(runs: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.md"
    text.write_text("\n\n".join(f"The {n}th snake is green and eats {n} apples." for n in range(400)))

    async def test(d: Driver) -> None:
        await d.fill("data", str(text))
        await d.go_to("preset")
        await d.press("left")
        await d.fill("amount", "2")
        await d.go_to("unit")
        await d.press("left", "left", "left")
        await d.fill("length", "16")
        await d.fill("batch", "2")
        await d.press("enter")
        await d.until(lambda: d.host.got, 6000)
        run = RunDirectory(runs / d.host.got[0])
        try:
            await d.until(lambda: run.read_state().status in ("finished", "failed"), 6000)
            assert (run.read_state().status, run.read_state().step) == ("finished", 2)
        finally:
            state = run.read_state()
            if state.pid and state.process.is_alive():
                os.kill(state.pid, signal.SIGTERM)

    drive(runs, test, make=NewRunForm)
