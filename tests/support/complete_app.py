"""The app on its Complete pane, driven by keys, with runs that can be talked to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from driven_app import DrivenApp, drive_app
from speaking_program import COMMAND
from textual.widget import Widget
from textual.widgets import Input

from ysnakes_core.completion.transcript import Answer, Transcript, Turn
from ysnakes_core.completion.transcript_store import TranscriptStore
from ysnakes_core.configuration import RunConfig
from ysnakes_core.runs.directory import RunDirectory, create_run
from ysnakes_core.runs.processes import this_process
from ysnakes_core.runs.state import RunState
from ysnakes_core.runs.talking import Talker
from ysnakes_tui.app_memory import AppMemory, read_memory
from ysnakes_tui.complete.talk_view import TalkView
from ysnakes_tui.panes.complete import CompletePane

Test = Callable[["TalkApp"], Coroutine[Any, Any, None]]


def a_run(
    home: Path, name: str = "quiet-cobra", *steps: int, status: str = "stopped", tokenizer: str = "{}"
) -> RunDirectory:
    """A run with empty checkpoints after some steps (40 and 80); the one before the last is the best."""
    run = create_run(home / "runs", RunConfig(preset="ys-1m"), name)
    run.tokenizer_file.write_text(tokenizer)
    for step in steps or (40, 80):
        add_checkpoint(run, step)
    (run.checkpoints_folder / "best").write_text(f"step-{(steps or (40, 80))[-2:][0]:08d}")
    stand(run, status)
    return run


def add_checkpoint(run: RunDirectory, step: int) -> None:
    place = run.checkpoints_folder / f"step-{step:08d}"
    place.mkdir()
    content = {"state": {"progress": {"step": step, "bits_per_byte": 2.0 + 1 / step}}}
    (place / "state.json").write_text(json.dumps(content))
    (run.checkpoints_folder / "latest").write_text(place.name)


def stand(run: RunDirectory, status: str) -> None:
    """How the run stands; one that trains is as alive as this process."""
    state = RunState(status=status, heartbeat=time.time(), step=80, best=2.0125)
    run.write_state(state.of_process(this_process()) if status == "running" else state)


class TalkApp(DrivenApp):
    """The app, with what tests ask of it."""

    @property
    def pane(self) -> CompletePane:
        return self.app.screen_stack[0].query_one(CompletePane)

    @property
    def talk(self) -> TalkView:
        return self.pane.talk

    @property
    def transcript(self) -> Transcript:
        return self.talk.transcript

    @property
    def path(self) -> list[tuple[Turn, Answer | None]]:
        return self.transcript.path()

    @property
    def answer(self) -> Answer:
        """The last one that is shown."""
        answer = self.path[-1][1]
        assert answer is not None
        return answer

    @property
    def place(self) -> str:
        """The context that holds."""
        return self.app.context

    async def write(self, text: str) -> None:
        """Type it, key by key."""
        await self.pilot.press(*("space" if character == " " else character for character in text))

    async def ask(self, text: str) -> None:
        """Type it and send it."""
        await self.until(lambda: self.place == "prompt")
        await self.write(text)
        await self.press("enter")

    async def said(self, text: str) -> Answer:
        """Ask, until it is answered."""
        await self.ask(text)
        await self.until(lambda: not self.talk.field.text)
        await self.answered()
        return self.answer

    async def answered(self) -> None:
        await self.until(lambda: not self.talk.is_writing)
        await self.pilot.pause()

    async def fill_in(self, **values: str) -> None:
        """Fill in the dialog that is open, and answer it."""
        await self.until(lambda: all(self.app.screen.query(f"#ask-{name}") for name in values))
        for name, value in values.items():
            self.app.screen.query_one(f"#ask-{name}", Input).value = value
        await self.press("enter")

    @property
    def store(self) -> TranscriptStore:
        """What is kept, as another program sees it."""
        return TranscriptStore(self.home / "transcripts")


def drive(
    test: Test,
    home: Path,
    *,
    size: tuple[int, int] = (80, 24),
    ascii: bool = False,
    last_run: str = "",
    command: list[str] | None = COMMAND,
    pane: str = "complete",
) -> None:
    """Run the app on its Complete pane, in a home as ``plain_home`` makes it.

    ``command`` holds the models; None: the process that really does. The seeds that are drawn are all 7.
    """

    def complete() -> Widget:
        return CompletePane(
            lambda: TalkView(id="talk-view", make_talker=lambda tell: Talker(tell, command=command))
        )

    async def when_ready(driven: TalkApp) -> None:
        if pane == "complete":
            await driven.until(lambda: driven.pane.is_whole and driven.talk.runs_read)
        await test(driven)

    memory = AppMemory(pane=pane, last_run=last_run, layout=read_memory().layout)
    makers = {"complete": complete}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ysnakes_tui.complete.conversation.fresh_seed", lambda: 7)
        drive_app(when_ready, TalkApp, home, memory, makers=makers, size=size, ascii=ascii)
