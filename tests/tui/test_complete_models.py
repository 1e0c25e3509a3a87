"""What is talked to in the app: the run that is meant, its checkpoints, one that trains, and none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from complete_app import TalkApp, a_run, add_checkpoint, drive, stand
from hypothesis import given
from hypothesis import strategies as st
from run_with_model import run_with_model
from textual.widgets import OptionList

from ysnakes_tui.complete.model_screen import ModelScreen
from ysnakes_tui.complete.models import ModelChoice, ModelReader, Picked
from ysnakes_tui.complete.settings_drawer import SettingsDrawer
from ysnakes_tui.train.new_run_form import NewRunForm


def test_the_run_that_was_watched_last_is_talked_to(home: Path) -> None:
    for name in ("quiet-cobra", "amber-viper"):
        a_run(home, name)

    async def test(d: TalkApp) -> None:
        assert d.talk.choice == ModelChoice("quiet-cobra")
        d.app.remember(last_run="amber-viper")
        assert d.talk.choice == ModelChoice("amber-viper")
        d.app.remember(last_run="one that is gone")
        assert d.talk.choice is not None

    drive(test, home, last_run="quiet-cobra")


def test_a_checkpoint_is_chosen_until_another_run_is_watched(home: Path) -> None:
    for name in ("quiet-cobra", "amber-viper"):
        a_run(home, name)

    async def test(d: TalkApp) -> None:
        await d.sees("quiet-cobra · best: step 40")
        await d.press("ctrl+r")
        await d.until(lambda: isinstance(d.app.screen, ModelScreen))
        checkpoints = d.app.screen.query_one("#checkpoints", OptionList)
        shown = [str(option.prompt) for option in checkpoints.options]
        assert shown[0] == "the best, as is usual"
        assert [" ".join(line.split()) for line in shown[1:]] == [
            "best step 40 2.0250",
            "latest step 80 2.0125",
            "step 80 2.0125",
            "step 40 2.0250",
        ]
        await d.press("right", "down", "down", "down", "enter")
        assert d.talk.choice == ModelChoice("quiet-cobra", "step-00000080")
        await d.sees("quiet-cobra · step 80, 2.0125 bits/byte")
        assert (await d.said("one")).checkpoint == "step-00000080"
        d.app.remember(last_run="amber-viper")
        assert d.talk.choice == ModelChoice("amber-viper")

    drive(test, home, last_run="quiet-cobra")


def test_what_was_picked_is_talked_to_when_the_app_is_opened_again(home: Path) -> None:
    for name in ("quiet-cobra", "amber-viper"):
        a_run(home, name)

    async def first(d: TalkApp) -> None:
        d.talk.pick(ModelChoice("amber-viper", "step-00000040"))

    async def second(d: TalkApp) -> None:
        assert d.talk.choice == ModelChoice("amber-viper", "step-00000040")
        shutil.rmtree(home / "runs" / "amber-viper")

    async def third(d: TalkApp) -> None:
        assert d.talk.choice == ModelChoice("quiet-cobra")

    for test in (first, second, third):
        drive(test, home, last_run="quiet-cobra")


@given(st.text() | st.lists(st.none() | st.text(), max_size=4).map(json.dumps))
def test_what_is_kept_of_a_pick_is_one_or_none(text: str) -> None:
    found = Picked.from_text(text)
    assert found is None or Picked.from_text(found.to_text()) == found


@pytest.mark.parametrize("shown", ["quiet-cobra", ""])  # by the Train pane, once the run is gone
def test_no_other_model_answers_unseen_where_the_run_is_gone(home: Path, shown: str) -> None:
    run = a_run(home)
    a_run(home, "amber-viper")

    async def test(d: TalkApp) -> None:
        await d.said("one")
        shutil.rmtree(run.path)
        d.app.remember(last_run=shown)
        await d.until(lambda: [each.name for each in d.talk.runs] == ["amber-viper"])
        await d.sees("quiet-cobra · its run is gone", "broken  quiet-cobra", "ctrl+r: choose another model")
        await d.ask("two")
        await d.notified("the run quiet-cobra is gone", "choose another model: ctrl+r")
        await d.press("escape", "r")
        assert (len(d.path), len(d.path[0][0].answers)) == (1, 1)
        d.talk.pick(ModelChoice("amber-viper"))
        await d.press("i", "enter")
        await d.answered()
        assert d.answer.run == "amber-viper"

    drive(test, home, last_run="quiet-cobra")


def test_the_newest_checkpoint_answers_while_it_trains(home: Path) -> None:
    run = a_run(home, "quiet-cobra", 40, status="running")

    async def test(d: TalkApp) -> None:
        await d.sees("newest, as it trains: step 40")
        assert d.talk._warmed == ("quiet-cobra", "step-00000040", "float32") or await _warm(d)
        add_checkpoint(run, 120)
        await d.sees("newest, as it trains: step 120")
        await d.press("escape", "L")  # nothing answered yet: it stays with the newest
        await d.notified("step 120 answers from now on")
        add_checkpoint(run, 160)
        await d.press("L")
        await d.notified("the newest checkpoint answers")
        await d.sees("newest, as it trains: step 160")

    drive(test, home, last_run="quiet-cobra")


async def _warm(d: TalkApp) -> bool:
    await d.until(lambda: d.talk._warmed is not None)
    return True


def test_each_answer_says_which_checkpoint_it_is_of(home: Path) -> None:
    run = a_run(home, "quiet-cobra", 40, status="running")

    async def test(d: TalkApp) -> None:
        assert (await d.said("one")).step == 40
        await d.press("escape", "L", "i")
        add_checkpoint(run, 120)
        assert (await d.said("two")).step == 40
        await d.press("escape", "L", "i")
        await d.until(lambda: len(d.talk.runs[0].checkpoints) == 2)
        await d.said("three")
        await d.sees("quiet-cobra, step 40")
        assert d.path[-1][1] is not None

    drive(test, home, last_run="quiet-cobra")


def test_the_model_is_read_before_it_is_asked(home: Path) -> None:
    a_run(home)

    async def test(d: TalkApp) -> None:
        await d.until(lambda: d.talk.warmth == "ready")
        await d.sees("ready")

    drive(test, home)


def test_following_is_for_runs_that_train(home: Path) -> None:
    a_run(home)

    async def test(d: TalkApp) -> None:
        await d.press("escape")
        assert d.app.can_perform("follow_latest") is None
        stand(d.talk._reader and a_run(home, "late-python", 10, status="running"), "running")  # type: ignore[arg-type]
        d.app.remember(last_run="late-python")
        await d.until(lambda: d.app.can_perform("follow_latest"))

    drive(test, home)


def test_without_a_model_it_leads_to_the_first_one(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.sees("There is no model to talk to yet.", "Train a first model (enter)")
        assert d.place == "no_model"
        await d.press("enter")
        await d.until(lambda: d.app.screen.query(NewRunForm))
        assert d.app.memory.pane == "train"

    drive(test, home)


def test_a_run_that_trains_without_a_checkpoint_is_waited_for(home: Path) -> None:
    run = a_run(home, "quiet-cobra", 40, status="running")
    for entry in (run.checkpoints_folder / "step-00000040").iterdir():
        entry.unlink()
    (run.checkpoints_folder / "step-00000040").rmdir()

    async def test(d: TalkApp) -> None:
        await d.sees("quiet-cobra · no checkpoint yet")
        add_checkpoint(run, 120)
        await d.sees("newest, as it trains: step 120")

    drive(test, home, last_run="quiet-cobra")


def test_a_hostile_name_is_shown_literally(home: Path) -> None:
    a_run(home, "[b]x[b] $(x) 日本語", 40)

    async def test(d: TalkApp) -> None:
        await d.sees("[b]x[b] $(x) 日本語 · best")
        await d.said("[red]one[/red]")
        await d.sees("[red]one[/red]")
        await d.press("ctrl+r")
        await d.sees("[b]x[b] $(x) ")

    drive(test, home, size=(120, 40))


@given(st.binary(max_size=60))
def test_a_strangers_checkpoints_do_no_harm(tmp_path_factory: object, content: bytes) -> None:
    home = tmp_path_factory.mktemp("home")  # type: ignore[attr-defined]
    run = a_run(home)
    for file in (
        run.checkpoints_folder / "step-00000040" / "state.json",
        run.checkpoints_folder / "best",
        run.tokenizer_file,
    ):
        file.write_bytes(content)
    (found,) = ModelReader(home / "runs").read(0.0)
    assert [each.name for each in found.checkpoints] == ["step-00000080", "step-00000040"]
    assert found.meant("") is not None


def test_a_real_model_answers(home: Path) -> None:
    """With the process that holds models, from the first key to what is kept."""
    run_with_model(home)

    async def test(d: TalkApp) -> None:
        first = await d.said("What is 7?")
        assert first.outcome is not None
        assert first.outcome.tokens == len(first.tokens) > 0
        assert all(0 <= token.probability <= 1 and token.alternatives for token in first.tokens)
        await d.sees("quiet-cobra, step 40", "ms")
        await d.press("escape", "e")
        d.talk.settings = type(d.talk.settings)(first.options)
        again = await d.said("")
        assert again.run == "quiet-cobra"

    drive(test, home, command=None)


def test_the_strip_says_which_model_stands_ready(home: Path) -> None:
    a_run(home)

    async def test(d: TalkApp) -> None:
        await d.sees("○ ready  quiet-cobra  step 40  best, float32")
        await d.press("f9")
        drawer = d.talk.query_one(SettingsDrawer)
        drawer.query_one("#set-precision").focus()
        await d.press("left", "f9")
        await d.sees("○ ready  quiet-cobra  step 40  best, int8")
        await d.ask("write slowly")
        await d.sees("● writing  quiet-cobra")
        await d.press("escape")
        await d.sees("○ ready  quiet-cobra")

    drive(test, home)


def test_without_a_model_the_strip_says_so(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.sees(" there is no model to talk to yet (2: the Train pane)")

    drive(test, home)
