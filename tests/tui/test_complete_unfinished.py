"""Answers that never came to their end, in the app and beside another one that writes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from complete_app import TalkApp, a_run, drive

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
        await d.until(lambda: d.store.list())
        (turn,) = d.store.open(d.transcript.id).turns()
        assert turn.answers[0].outcome is not None
        assert turn.answers[0].outcome.seed == 7

    drive(test, home)
