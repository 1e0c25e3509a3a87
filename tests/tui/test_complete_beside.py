"""Several answers side by side in the app: variants of one model, and two models."""

from __future__ import annotations

from pathlib import Path

import pytest
from complete_app import TalkApp, a_run, drive
from textual.widgets import OptionList

from ysnakes_tui.complete.model_screen import ModelScreen


@pytest.fixture(autouse=True)
def run(home: Path) -> None:
    a_run(home)


async def shown_beside(d: TalkApp, count: int) -> None:
    await d.until(lambda: d.talk.side is not None and len(d.talk.side.views) == count)
    await d.answered()


def test_variants_have_seeds_that_follow_and_one_is_gone_on_with(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.said("Once upon a time")
        await d.press("f6")
        await shown_beside(d, 3)
        assert d.place == "variants"
        assert d.talk.side is not None
        answers = [column.answer for column in d.talk.side.columns]
        seeds = [answer.outcome.seed for answer in answers if answer and answer.outcome]
        assert seeds == [seeds[0], seeds[0] + 1, seeds[0] + 2]
        await d.sees(
            "3 answers: enter goes on with one", *(f"seed {seed}" for seed in seeds), "Once upon a time"
        )
        await d.press("]")
        assert d.talk.side.place == 1
        await d.press("right", "[")
        assert d.talk.side.place == 1
        await d.press("enter")
        await d.until(lambda: d.talk.side is None)
        assert d.answer is answers[1]
        await d.sees("answer 3 of 4")
        assert (await d.said("and")).text.startswith("after 1,")
        assert d.transcript.path_before(d.path[-1][0].id)[0][1] is answers[1]

    drive(test, home)


def test_variants_of_what_is_being_written(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.write("What is snow?")
        await d.press("f6")
        await shown_beside(d, 3)
        assert [turn.prompt for turn, _ in d.path] == ["What is snow?"]
        assert d.talk.field.text == ""
        await d.press("v")
        await d.until(lambda: len(d.path[0][0].answers) == 6)
        await shown_beside(d, 3)
        seeds = [answer.outcome.seed for answer in d.path[0][0].answers if answer.outcome]
        assert seeds == list(range(seeds[0], seeds[0] + 6))
        await d.press("y")
        assert d.app.clipboard.startswith("after 0, as auto:")

    drive(test, home)


def test_esc_stops_variants_then_leaves_them(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.write("slowly")
        await d.press("f6")
        await d.until(lambda: d.talk.side is not None and len(d.path[0][0].answers) == 3)
        await d.until(lambda: all(len(answer.tokens) == 3 for answer in d.path[0][0].answers))
        await d.press("escape")
        await d.answered()
        assert d.talk.side is not None
        await d.sees("cancelled")
        await d.press("escape")
        await d.until(lambda: d.talk.side is None)
        assert d.answer is d.path[0][0].answers[0]
        await d.sees("answer 1 of 3")

    drive(test, home)


def test_two_checkpoints_answer_the_same_with_the_same_seed(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        first = await d.said("What is rain?")
        await d.press("f7")
        await d.until(lambda: isinstance(d.app.screen, ModelScreen))
        await d.press("right", "down", "down", "enter")
        await shown_beside(d, 2)
        await d.sees("quiet-cobra, step 40", "quiet-cobra, step 80", "the same seed")
        assert d.talk.side is not None
        one, other = (column.answer for column in d.talk.side.columns)
        assert one is first
        assert other is not None
        assert other.outcome is not None
        assert (other.checkpoint, other.outcome.seed, other.text) == ("step-00000080", 7, first.text)

    drive(test, home)


def test_two_runs_answer_what_is_being_written(home: Path) -> None:
    a_run(home, "amber-viper", 10, tokenizer='{"other": 1}')

    async def test(d: TalkApp) -> None:
        await d.until(lambda: len(d.talk.runs) == 2)
        await d.write("What is rain?")
        await d.press("f7")
        await d.until(lambda: isinstance(d.app.screen, ModelScreen))
        runs = d.app.screen.query_one("#runs", OptionList)
        names = [run.name for run in d.talk.runs]
        runs.highlighted = names.index("amber-viper")
        await d.press("enter")
        await shown_beside(d, 2)
        await d.sees("quiet-cobra, step 40", "amber-viper, step 10")
        first, second = d.path[0][0].answers
        assert first.options.seed == second.options.seed is not None

    drive(test, home, last_run="quiet-cobra")


def test_a_model_with_other_tokens_begins_afresh_and_says_so(home: Path) -> None:
    a_run(home, "amber-viper", 10, tokenizer='{"other": 1}')

    async def test(d: TalkApp) -> None:
        await d.until(lambda: len(d.talk.runs) == 2)
        await d.said("Once upon a time")
        await d.press("ctrl+r")
        await d.until(lambda: isinstance(d.app.screen, ModelScreen))
        names = [run.name for run in d.talk.runs]
        d.app.screen.query_one("#runs", OptionList).highlighted = names.index("amber-viper")
        await d.press("enter")
        assert (await d.said("Is it?")).text.startswith("after 0,")  # as a request, which always does
        assert "It begins afresh" not in d.screen
        await d.press("f8")
        d.talk.field.put("and then")
        await d.press("enter")
        await d.answered()
        assert d.answer.text.startswith("after 0,")
        await d.sees(
            "amber-viper, step 10", "It begins afresh: the turns before were written by a model with"
        )
        assert (await d.said("it")).text.startswith("after 1,")  # what this one wrote itself goes on
        assert d.screen.count("It begins afresh") == 1
        await d.press("escape")
        d.talk.view.select(f"p:{d.path[1][0].id}")
        await d.press("v")
        await shown_beside(d, 3)
        await d.answered()
        await d.sees("It begins")
        assert d.screen.count("It begins") == 1

    drive(test, home, last_run="quiet-cobra")


def test_what_fails_beside_another_is_said_in_its_column(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.write("fail")
        await d.press("f7")
        await d.until(lambda: isinstance(d.app.screen, ModelScreen))
        await d.press("enter")
        await shown_beside(d, 2)
        assert d.screen.count("It did not answer") == 2
        await d.press("enter")
        await d.notified("nothing is written there")

    drive(test, home)
