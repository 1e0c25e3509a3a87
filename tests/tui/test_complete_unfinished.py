"""Answers that never came to their end, in the app and beside another one that writes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from complete_app import TalkApp, a_run, drive

from ysnakes_core.completion.options import SamplingOptions
from ysnakes_core.completion.transcript import Outcome, Token
from ysnakes_core.completion.transcript_store import TranscriptStore
from ysnakes_tui.complete.model_screen import ModelScreen


@pytest.fixture(autouse=True)
def run(home: Path) -> None:
    a_run(home)


async def three_tokens(d: TalkApp) -> None:
    await d.until(lambda: d.path and d.path[-1][1] is not None and len(d.answer.tokens) == 3)


def test_what_was_broken_off_has_the_seed_it_was_written_with(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.ask("fall")
        await d.sees("broken off · seed 7")
        await d.answered()
        broken = d.answer
        await d.press("f7")
        await d.until(lambda: isinstance(d.app.screen, ModelScreen))
        await d.press("enter")
        await d.until(lambda: d.talk.side is not None and len(d.path[0][0].answers) == 2)
        await d.answered()
        other = d.path[0][0].answers[-1]
        assert broken.outcome is not None
        assert broken.outcome.seed == other.options.seed == 7
        assert d.talk.settings.options.seed is None

    drive(test, home)


def test_its_seed_is_known_to_another_app_while_it_is_written(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.ask("write slowly")
        await three_tokens(d)
        d.talk.save(d.transcript)
        await d.until(lambda: d.store.list())  # of the question, which is kept before its answer
        await d.until(lambda: next(d.store.open(d.transcript.id).turns()).answers)
        (turn,) = d.store.open(d.transcript.id).turns()
        assert turn.answers[0].outcome is not None
        assert turn.answers[0].outcome.seed == 7

    drive(test, home)


def holders() -> list[psutil.Process]:
    """The processes that hold models."""
    return [each for each in psutil.Process().children() if _holds_models(each)]


def _holds_models(process: psutil.Process) -> bool:
    try:
        return "speaking_program" in " ".join(process.cmdline())
    except psutil.Error:  # it has ended
        return False


@pytest.mark.parametrize("writing", [False, True])
def test_a_model_whose_process_is_gone_is_not_ready_but_read_again(home: Path, writing: bool) -> None:
    async def test(d: TalkApp) -> None:
        await d.sees("○ ready  quiet-cobra")
        if writing:
            await d.ask("write slowly")
            await three_tokens(d)
        (holder,) = holders()
        holder.kill()
        if writing:
            await d.sees("broken off", "was killed" if psutil.POSIX else "has ended")
        await d.until(lambda: [each for each in holders() if each != holder])
        await d.sees("○ ready  quiet-cobra")

    drive(test, home)


def test_a_model_that_answers_can_be_read_whatever_was_found_before(home: Path) -> None:
    a_run(home, "late-reader")

    async def test(d: TalkApp) -> None:
        await d.until(lambda: d.talk.idle_status().state == "broken")
        await d.notified("its file is damaged")
        await d.said("one")
        assert (d.talk.idle_status().state, d.talk.warmth) == ("ready", "ready")

    drive(test, home, last_run="late-reader")


async def choose_the_first(d: TalkApp) -> None:
    """Open what was changed last."""
    await d.press("f12")
    await d.until(lambda: d.pane.transcripts._found)
    await d.press("enter")


def test_what_another_app_writes_is_not_finished_and_whole_when_it_is_opened_again(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        store = d.store
        other = store.create()
        answer = other.add_answer(other.add_turn("a tale").id, run="quiet-cobra", checkpoint="c", step=1)
        other.write(answer.id, [Token("A sn", 5, 0.25)], "text")
        store.save(other)
        await choose_the_first(d)
        await d.sees("1 token · not finished", "A sn")
        other.write(answer.id, [Token("ake", 6, 0.5)])
        other.end(answer.id, Outcome("text", "end", 3, tokens=2))
        store.save(other)
        await choose_the_first(d)
        await d.sees("2 tokens · <end> · seed 3", "A snake")

    drive(test, home)


def test_what_is_being_written_goes_on_where_it_is_opened_again(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.ask("write slowly")
        await three_tokens(d)
        written = d.transcript
        await d.until(lambda: d.store.list())
        d.talk.action_new_transcript()
        await choose_the_first(d)
        await d.until(lambda: d.transcript is written)
        await d.sees("after 0, as auto: 7.1 7.2", "esc stops")
        await d.press("escape")
        await d.answered()
        await d.sees("cancelled")

    drive(test, home)


def test_esc_stops_what_is_written_here_and_the_figures_are_those_of_it(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.ask("write slowly")
        await three_tokens(d)
        first = d.transcript
        d.talk.action_new_transcript()
        await d.sees("writing elsewhere", "3 of 200 tokens")
        assert "esc stops" not in d.screen
        d.talk.settings = replace(d.talk.settings, options=SamplingOptions(max_tokens=60))
        await d.ask("slowly too")
        await three_tokens(d)
        await d.sees("3 tokens", "3 of 60 tokens")
        await d.press("escape")
        await d.until(lambda: d.answer.outcome is not None)
        (answer,) = next(first.turns()).answers
        assert answer.outcome is None
        await d.press("escape")
        assert d.place == "transcript"
        assert answer.outcome is None

    drive(test, home)


@pytest.mark.parametrize("where", ["open", "elsewhere"])
def test_what_is_being_written_ends_where_its_transcript_is_deleted(home: Path, where: str) -> None:
    async def test(d: TalkApp) -> None:
        await d.ask("write slowly")
        await three_tokens(d)
        await d.until(lambda: d.store.list())
        if where == "elsewhere":
            d.talk.action_new_transcript()
        await d.press("f12")
        await d.until(lambda: d.pane.transcripts._found)
        await d.press("d")
        await d.until(lambda: not d.talk.is_writing)
        session = d.talk.talker._session
        await d.until(lambda: session is not None and not session._open)
        await d.until(lambda: not d.store.list())
        await d.until(lambda: "writing" not in d.screen)
        assert d.transcript.is_empty

    drive(test, home)
    assert TranscriptStore(home / "transcripts").list() == []


def test_what_was_written_until_then_is_there_when_it_is_brought_back(home: Path) -> None:
    async def test(d: TalkApp) -> None:
        await d.ask("write slowly")
        await three_tokens(d)
        d.talk.action_new_transcript()
        await d.press("f12")
        await d.until(lambda: d.pane.transcripts._found)
        await d.press("d")
        await d.until(lambda: not d.store.list())
        await d.press("u")
        await d.until(lambda: d.pane.transcripts._found)
        await d.press("enter")
        await d.sees("after 0, as auto: 7.1 7.2", "cancelled")

    drive(test, home)
