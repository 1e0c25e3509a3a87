"""Which model is talked to: the runs that there are, the one that is meant, and reading it in time."""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from pathlib import Path

from textual.message import Message
from textual.widget import Widget

from ysnakes_core import paths
from ysnakes_core.errors import YsnakesError
from ysnakes_core.runs.talking import Begun, Failed, Loading, Lost, Talker, Told
from ysnakes_tui.complete.model_line import name_of
from ysnakes_tui.complete.models import ModelChoice, ModelReader, ModelRun, Picked, usual_choice
from ysnakes_tui.complete.prompt_history import read_prompts
from ysnakes_tui.complete.settings import TalkSettings
from ysnakes_tui.keymap import shown_key
from ysnakes_tui.panes.interface import key_of, shell_of
from ysnakes_tui.widgets.status_strip import Status
from ysnakes_tui.widgets.views import is_seen

READ_SECONDS = 2.0  # between two looks at the runs
WARM_SECONDS = 0.4  # in front of a person before its model is read
PICKED = "complete.model"  # in the memory's layout


class TalkModels(Widget):
    """Reads the runs in a thread, and has the model read that will be asked."""

    class RunsRead(Message):
        """What a thread found of the runs, and of what was said in earlier sessions."""

        def __init__(self, runs: tuple[ModelRun, ...], prompts: list[str] | None) -> None:
            super().__init__()
            self.runs, self.prompts = runs, prompts

    talker: Talker

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.runs: tuple[ModelRun, ...] = ()
        self.runs_read = False
        self.settings = TalkSettings()
        self.warmth = ""  # how the model stands: loading, ready, or what is wrong
        self._picked: Picked | None = None  # also what was asked last
        self._reader: ModelReader | None = None
        self._reading = threading.Lock()
        self._warmed: tuple[str, str, str] | None = None  # run, checkpoint, precision
        self._warm_number: int | None = None

    def on_mount(self) -> None:
        folder = shell_of(self).runs_folder
        self._reader = ModelReader(folder)
        if not _has_folders(folder):  # then there is nothing to wait for
            self.runs_read = True
            self.runs_changed()
        self.set_interval(READ_SECONDS, self._read_if_seen)
        self._read(prompts=True)

    def on_show(self) -> None:
        self._read()

    @property
    def prompts_file(self) -> Path:
        return paths.home() / "prompts.jsonl"

    def runs_changed(self) -> None:
        """They are others now, or stand otherwise."""
        raise NotImplementedError

    def earlier_prompts(self, prompts: list[str]) -> None:
        """What was said in earlier sessions."""
        raise NotImplementedError

    def draw_line(self) -> None:
        """Show what is talked to."""
        raise NotImplementedError

    @property
    def is_writing(self) -> bool:
        """Whether any model is asked something."""
        raise NotImplementedError

    @property
    def is_typing(self) -> bool:
        """Whether letters are text where the focus is."""
        raise NotImplementedError

    def key_here(self, action: str) -> str:
        """The first key of an action that is one where the focus is, as it is shown; "" if it has none."""
        shell = shell_of(self)
        keys = [key for key in shell.keymap.of(action) if len(key) > 1 or not self.is_typing]
        return shown_key(keys[0], ascii=shell.glyphs == "ascii") if keys else ""

    @property
    def choice(self) -> ModelChoice | None:
        """What is talked to: what was picked, until the Train pane shows another run; else what is usual.

        What was picked or asked stays so when its run is gone: another model is not to answer unseen.
        """
        last = shell_of(self).memory.last_run
        usual = usual_choice(self.runs, last)
        if usual is not None and self._picked is not None and last in (self._picked.shown, ""):
            return self._picked.choice
        return usual

    def stay_with(self, choice: ModelChoice) -> None:
        """It is talked to from now on."""
        self._picked = Picked(shell_of(self).memory.last_run, choice)

    def pick(self, choice: ModelChoice) -> None:
        self.stay_with(choice)
        shell, text = shell_of(self), Picked(shell_of(self).memory.last_run, choice).to_text()
        shell.remember(layout={**shell.memory.layout, PICKED: text})
        self.draw_line()
        self.warm()
        self.refresh_bindings()

    def idle_status(self) -> Status:
        """How the model stands that would be asked."""
        choice = self.choice
        if choice is None:
            start = key_of(self, "show_train")
            missing = f"there is no model to talk to yet ({start}: the Train pane)"
            return Status(nothing=missing if self.runs_read else "looking for models…")
        run = self.run_of(choice)
        if run is None:
            other = f"its run is gone, {self.key_here('choose_model')}: choose another model"
            return Status(choice.run, "broken", note=other)
        saved = run.meant(choice.checkpoint)
        named = name_of(choice, run)
        states = {"ready": "ready", "loading": "loading", "": "waiting"}
        state = states.get(self.warmth, "broken") if saved is not None else "waiting"
        words = [named, self.settings.precision] if saved is not None else ["for its first checkpoint"]
        if state == "broken":
            words = [f"{self.key_here('choose_model')}: choose another model"]
        step = None if saved is None else saved.step
        return Status(choice.run, state, step, note=", ".join(filter(None, words)))

    def run_of(self, choice: ModelChoice | None) -> ModelRun | None:
        return next((run for run in self.runs if choice is not None and run.name == choice.run), None)

    def _read_if_seen(self) -> None:
        if is_seen(self):
            self._read()

    def _read(self, *, prompts: bool = False) -> None:
        if self._reader is not None:
            work = partial(self._read_runs, self._reader, prompts)
            self.run_worker(work, thread=True, group="models", exit_on_error=False)

    def _read_runs(self, reader: ModelReader, prompts: bool) -> None:
        """In a thread."""
        with self._reading:
            found = reader.read(time.time())
        self.post_message(self.RunsRead(found, read_prompts(self.prompts_file) if prompts else None))

    def on_talk_models_runs_read(self, event: RunsRead) -> None:
        event.stop()
        changed = event.runs != self.runs or not self.runs_read
        first, self.runs, self.runs_read = not self.runs_read, event.runs, True
        kept = Picked.from_text(shell_of(self).memory.layout.get(PICKED, "")) if first else None
        if self._picked is None and kept is not None and self.run_of(kept.choice) is not None:
            self._picked = kept
        if event.prompts is not None:
            self.earlier_prompts(event.prompts)
        if changed:
            self.runs_changed()
        self.set_timer(WARM_SECONDS, self.warm)

    def warm(self) -> None:
        """Have the model read that will be asked, so that its first token is there soon."""
        choice, wanted = self.choice, self._wanted
        if choice is None or wanted is None or not is_seen(self) or self.is_writing:
            return
        if wanted != self._warmed:
            self._warmed, self.warmth = wanted, "loading"
            folder = shell_of(self).runs_folder / choice.run
            self._warm_number = self.talker.warm(folder, choice.checkpoint or None, self.settings.precision)
            self.draw_line()

    @property
    def _wanted(self) -> tuple[str, str, str] | None:
        """The run, checkpoint and precision that would be asked now."""
        choice = self.choice
        run = self.run_of(choice)
        saved = run.meant(choice.checkpoint) if choice is not None and run is not None else None
        return None if choice is None or saved is None else (choice.run, saved.name, self.settings.precision)

    def has_answered(self, model: ModelChoice, precision: str) -> None:
        """A model is there for who asked it: it can be read, whatever was found before."""
        if model == self.choice and precision == self.settings.precision:
            self._warmed, self.warmth = self._wanted, "ready"

    def take_warm(self, told: Told) -> bool:
        """Whether what was told is about reading a model in time."""
        if isinstance(told, Lost):  # one that ended while it read is not to do so again, unless it is asked
            self._warmed = None if self.warmth == "ready" else self._warmed
            self.warmth = ""
            self.draw_line()
            return True
        if told.number != self._warm_number:
            return False
        if isinstance(told, Begun):
            self.warmth = "ready"
        elif isinstance(told, Loading):
            self.warmth = "loading"
        elif isinstance(told, Failed):
            self.warmth = told.what
            shell_of(self).tell(YsnakesError(told.what, told.hint), title="The model cannot be read")
        self.draw_line()
        return True


def _has_folders(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(entry.is_dir() for entry in entries)
    except OSError:
        return False
