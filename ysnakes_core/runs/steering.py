"""Between a trainer and its run directory: events out, commands in, state and heartbeat kept fresh."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ysnakes_core.completion.engine import Completer
from ysnakes_core.completion.reading import ReadingChoice
from ysnakes_core.completion.sampling import SamplingOptions
from ysnakes_core.errors import DiskFullError, RunError, StorageError, UsageError, YsnakesError
from ysnakes_core.files import overwrite, printable
from ysnakes_core.runs.control import Command, acknowledge, pending
from ysnakes_core.runs.directory import RunDirectory
from ysnakes_core.runs.event_log import PatientLog
from ysnakes_core.runs.events import EVENT_TYPES, Event
from ysnakes_core.runs.state import RunState
from ysnakes_core.text.corpus import TokenStream
from ysnakes_core.text.tokenizers import Tokenizer
from ysnakes_core.training.loop import Outcome, Trainer
from ysnakes_core.training.memory_use import gpu_percent, process_memory
from ysnakes_core.training.processor_use import ProcessorUse

Listener = Callable[[Event], None]
HEARTBEAT_SECONDS = 2.0
MEMORY_SECONDS = 10.0
PAUSE_LOOK_SECONDS = 0.2  # how often a paused worker looks for commands
ROOM_SECONDS = 3.0  # at least, between two tries to save what could not be saved
ROOM_WAITS = 10.0  # times what the last try took


def _is_same(folder: Path, number: int) -> bool:
    """Whether a folder is the one of this number; also where that cannot be seen, as its drive is away.

    A drive that was away may be another device afterwards, so that is not compared.
    """
    with contextlib.suppress(OSError):
        if folder.parent.is_dir():
            return folder.exists() and folder.stat().st_ino == number
    return True


def _once(problem: StorageError) -> str:
    """When it will be done."""
    return "when there is room" if isinstance(problem, DiskFullError) else "when that is mended"


class StopRequest:
    """Asks a worker, from a signal handler or another thread, to save and end after the current step."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.kind = ""

    def request(self, kind: str = "stop") -> None:
        """``stop`` validates first; ``interrupt`` only saves."""
        self.kind = kind
        self._event.set()

    def requested(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        self._event.wait(seconds)


class Steering:
    """The trainer's observer: keeps the run directory true to what the trainer does."""

    def __init__(
        self,
        run: RunDirectory,
        log: PatientLog,
        state: RunState,
        stop: StopRequest,
        listener: Listener | None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``clock`` gives Unix seconds, for what is told; ``monotonic`` measures, as clocks are put back."""
        self.run, self.log, self.stop, self.clock = run, log, stop, clock
        self._state, self._listener, self._monotonic = state, listener, monotonic
        self._place = run.path.stat().st_ino
        self._trainer: Trainer | None = None
        self._tokenizer: Tokenizer | None = None
        self._validation: TokenStream | None = None
        self._begun = self._paused = False
        self._steps_left: int | None = None  # of a run_steps command
        self._memory_at = -math.inf
        self._waits_for_room = self._gives_up = False
        self._stuck: set[str] = set()  # commands whose files could not be removed
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def attach(self, trainer: Trainer, tokenizer: Tokenizer) -> None:
        """Say whom to steer, once there is one."""
        self._trainer, self._tokenizer = trainer, tokenizer
        self._validation = trainer.corpus.validation

    def begin(self, total_steps: int | None) -> None:
        """Say that it trains, from where it is."""
        self._begun = True
        self.set_state(status="running", message="", total_steps=total_steps, **self.position())

    # Out: events and state.

    def emit(self, kind: str, **fields: Any) -> None:
        progress = self._trainer.progress if self._trainer is not None else None
        step, tokens = (progress.step, progress.tokens) if progress is not None else (0, 0)
        self.publish(EVENT_TYPES[kind](time=self.clock(), step=step, tokens=tokens, **fields))

    def publish(self, event: Event) -> None:
        """Append an event to the log, where it may have to wait for the disk, and hand it to the listener."""
        self.log.append(event)
        self.tell(event)

    def tell(self, event: Event) -> None:
        if self._listener is not None:
            self._listener(event)

    def set_state(self, **changes: Any) -> None:
        """Replace ``state.json`` with these changes; as far as the disk does that now."""
        with self._lock:
            self._check_place()
            self._state = replace(self._state, heartbeat=self.clock(), **changes)
            try:
                self.run.write_state(self._state)
            except StorageError:
                overwrite(self.run.state_file, self._state.to_json().encode())

    def _check_place(self) -> None:
        """Raise ``RunError`` where the run's folder is not the one that training began in."""
        if not _is_same(self.run.path, self._place):
            raise RunError(
                f"the folder of the run {self.run.name} was moved, deleted or replaced while it trained",
                "go on with it where it is now; what came after its last checkpoint is trained again",
            )

    def _beat(self) -> None:
        processor = ProcessorUse()
        while not self._done.wait(HEARTBEAT_SECONDS):
            gpu = gpu_percent(self._trainer.model.device) if self._trainer is not None else None
            try:
                self.set_state(**self.position(), **processor.since_last(), gpu_percent=gpu)
            except (YsnakesError, OSError):
                continue  # this must not end the heartbeat: the next one may succeed

    def position(self) -> dict[str, Any]:
        """Where training is, for ``set_state``; nothing before it begins."""
        trainer = self._trainer
        if trainer is None or not self._begun:
            return {}  # until it has taken up its checkpoint, the run is where it was
        return {
            "step": trainer.progress.step,
            "tokens": trainer.progress.tokens,
            "best": trainer.early_stopping.best,
            "best_step": trainer.early_stopping.best_step,
            "eta": trainer.eta_seconds,
            "seconds": trainer.progress.seconds,
        }

    def __enter__(self) -> Steering:
        self._heart.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._heart.join()

    # In: commands, between steps.

    def stopping(self) -> bool:
        return self.stop.requested() and self.stop.kind == "interrupt"

    def between_steps(self, trainer: Trainer) -> None:
        self._check_place()
        if self._steps_left is not None:
            self._steps_left -= 1
            if self._steps_left <= 0:
                self._pause(trainer)
        self._look(trainer)
        self.wait_for_room(trainer)
        while self._paused and trainer.requests.stop is None:
            self.stop.wait(PAUSE_LOOK_SECONDS)
            self._look(trainer)
            self.wait_for_room(trainer)
        now = self._monotonic()
        if now - self._memory_at >= MEMORY_SECONDS:
            self._memory_at = now
            self.emit("memory", bytes=process_memory(str(trainer.model.device)))

    def _look(self, trainer: Trainer) -> None:
        if self.stop.requested() and trainer.requests.stop is None:
            interrupted = self.stop.kind == "interrupt"
            reason = "interrupted" if interrupted else "asked to stop"
            trainer.requests.stop = Outcome("stopped", reason)
            trainer.requests.validate_at_stop = not interrupted
            self.set_state(status="stopping", **self.position())
            return
        for command in pending(self.run):
            if command.id in self._stuck:
                continue
            try:
                message = command.problem or self._obey(command, trainer)
                accepted = True  # one with a problem is refused all the same
            except YsnakesError as error:
                message, accepted = str(error), False
            try:
                event = acknowledge(
                    command,
                    message,
                    log=self.log,
                    now=self.clock(),
                    step=trainer.progress.step,
                    tokens=trainer.progress.tokens,
                    accepted=accepted,
                )
            except YsnakesError as error:  # no reason to end: its file stays, and is passed over
                self._stuck.add(command.id)
                self.emit("warning", message=error.what, hint=error.hint)
            else:
                self.tell(event)

    def _obey(self, command: Command, trainer: Trainer) -> str:
        """Do what a valid command asks; the answer says what was done."""
        arguments = dict(command.arguments)
        match command.name:
            case "pause":
                self._pause(trainer)
                owed = trainer.owed
                return "paused" if owed is None else f"paused; {owed.why}, so it is saved {_once(owed)}"
            case "resume":
                self._go_on()
                return "training goes on"
            case "run_steps":
                self._go_on()
                self._steps_left = int(arguments["n"])
                return f"training goes on for {arguments['n']} steps, then pauses"
            case "stop" if self._waits_for_room and trainer.requests.stop is not None:
                self._gives_up = True
                return "ending without what is not saved"
            case "stop":
                trainer.requests.stop = Outcome("stopped", "asked to stop")
                self.set_state(status="stopping", **self.position())
                return "stopping: validating and saving first"
            case "checkpoint":
                return f"saved {trainer.checkpoint()}"
            case "validate":
                trainer.validate()
                score = trainer.progress.bits_per_byte
                return "cut short" if score is None else f"{score:.4f} bits per byte"
            case "sample":
                self._sample(trainer, str(arguments["prompt"]), command.id)
                return "done"
            case "snooze":
                if not trainer.early_stopping.config.enabled:
                    raise UsageError("early stopping is off, so there is nothing to put off")
                trainer.snooze()
                return f"the whole patience of {trainer.early_stopping.config.patience} begins anew"
            case "set":
                return self._set(arguments, trainer)
        return "there is nothing to do"

    def _set(self, arguments: dict[str, Any], trainer: Trainer) -> str:
        config, stopping = trainer.config, {}
        for name, value in arguments.items():
            if name == "learning_rate_scale":
                config = replace(config, training=replace(config.training, learning_rate_scale=float(value)))
            elif name.startswith("early_stopping."):
                stopping[name.removeprefix("early_stopping.")] = value
            else:
                config = replace(config, validation=replace(config.validation, **{name: value}))
        config = replace(config, early_stopping=replace(config.early_stopping, **stopping))
        self.run.write_config(config)  # first: what is refused is not to hold, and what holds after a resume
        trainer.config = config
        trainer.user_scale = config.training.learning_rate_scale
        trainer.validation_due.every = config.validation.validate_every
        if stopping:
            trainer.early_stopping.change(**stopping)
            trainer.report_early_stopping()
        return "set " + ", ".join(f"{name} = {value}" for name, value in arguments.items())

    def _pause(self, trainer: Trainer) -> None:
        self._steps_left = None
        if not self._paused:
            before = self._state.status
            self.set_state(status="pausing", **self.position())
            try:
                trainer.save()
            except YsnakesError:
                self.set_state(status=before)
                raise
            self._paused = True
        self.set_state(status="paused", **self.position())

    def _go_on(self) -> None:
        self._paused, self._steps_left = False, None
        self.set_state(status="running", **self.position())

    # A disk that is full, or takes nothing for another reason.

    def wait_for_room(self, trainer: Trainer) -> None:
        """While something cannot be saved, keep it in memory, say so, and try again.

        Asked to stop, it still waits, as what was trained is to be saved; asked once more, it gives that up.
        """
        if self._gives_up or self._problem(trainer) is None:
            return
        told = ""
        self._waits_for_room, next_try = True, self._monotonic() + ROOM_SECONDS
        while (problem := self._problem(trainer)) is not None and not self._gives_up:
            self._check_place()
            if told != problem.why:
                told = problem.why
                waits = f"{told}: training waits, and goes on {_once(problem)}"
                self.emit("warning", message=waits, hint=self._what_to_do(problem))
            self._say_that_it_waits(trainer, problem)
            self._done.wait(min(PAUSE_LOOK_SECONDS, ROOM_SECONDS))
            self._look(trainer)
            began = self._monotonic()
            if began >= next_try:
                self._try_again(trainer)
                now = self._monotonic()
                next_try = now + max(ROOM_SECONDS, ROOM_WAITS * (now - began))
        self._waits_for_room = False
        if not self._gives_up:
            self.emit("warning", message="the disk takes it again: all is saved")
        stopping = trainer.requests.stop is not None
        status = "stopping" if stopping else "paused" if self._paused else "running"
        self.set_state(status=status, message="", **self.position())

    def _problem(self, trainer: Trainer) -> StorageError | None:
        """Why something is not saved yet."""
        return trainer.owed or self.log.problem

    def _try_again(self, trainer: Trainer) -> None:
        with contextlib.suppress(StorageError):
            self.log.write_out()
        if trainer.owed is not None:
            trainer.save()  # the reason may be another by now

    def _what_to_do(self, problem: StorageError) -> str:
        if isinstance(problem, DiskFullError):
            return f"free some space on the disk that holds {printable(str(self.run.path.parent))}"
        return f"see that {printable(str(self.run.path))} is there and may be written to"

    def _say_that_it_waits(self, trainer: Trainer, problem: StorageError) -> None:
        status, message = "paused", f"{problem.why}: {self._what_to_do(problem)}, and it goes on"
        if trainer.requests.stop is not None:
            status, end = "stopping", "asked to stop again, it ends without what is not saved"
            message = f"{problem.why}: {self._what_to_do(problem)}; {end}"
        if (self._state.status, self._state.message) != (status, message):
            self.set_state(status=status, message=message)

    # Samples.

    def sample(self, trainer: Trainer) -> None:
        prompt: str = trainer.config.validation.sample_prompt
        reading: ReadingChoice = "auto"
        if not prompt:
            prompt, reading = self._from_validation()
        try:
            self._sample(trainer, prompt, "", reading)
        except YsnakesError as error:  # of a model that diverged, too: rolling back is the trainer's
            self.emit("warning", message=f"no sample could be written: {error.what}", hint=error.hint)

    def _sample(self, trainer: Trainer, prompt: str, command: str, reading: ReadingChoice = "auto") -> None:
        assert self._tokenizer is not None
        options = SamplingOptions(
            max_tokens=trainer.config.validation.sample_tokens, seed=trainer.progress.step
        )
        completer = Completer(trainer.model, self._tokenizer)
        text = completer.complete(prompt, options, reading=reading).text
        self.emit("sample", prompt=prompt, text=text, command=command)

    def _from_validation(self) -> tuple[str, ReadingChoice]:
        """A validation record's request; a document's first words where there are only plain ones."""
        assert self._tokenizer is not None
        assert self._validation is not None
        stream, tokenizer = self._validation, self._tokenizer
        for start in stream.starts[:64]:
            ids = [int(i) for i in stream.tokens[start + 1 : start + 129]]
            if tokenizer.start_id in ids[1:]:
                return tokenizer.decode(ids[: ids.index(tokenizer.start_id)]), "request"
        return tokenizer.decode([int(i) for i in stream.tokens[1:9]]), "text"
