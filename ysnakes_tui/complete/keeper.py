"""A thread that keeps transcripts and reads them, one thing after another; the app's own never waits."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

from ysnakes_core.completion.transcript import Change, Transcript
from ysnakes_core.completion.transcript_search import Listed
from ysnakes_core.completion.transcript_store import TranscriptStore
from ysnakes_core.errors import YsnakesError, unforeseen
from ysnakes_core.files import printable

Found = TypeVar("Found")


class _AsItWas(Transcript):
    """What there was to save of a transcript, which changes meanwhile, so that all of it is saved.

    ``is_new``: no file has anything of it, so that what is not saved is all there is.
    """

    def __init__(self, transcript: Transcript, *, is_new: bool) -> None:
        super().__init__(transcript.id)
        self._of, self._new, self._is_new = transcript, transcript.unsaved(), is_new

    @property
    def is_empty(self) -> bool:
        return False

    def unsaved(self) -> list[Change]:
        return self._new

    def changes(self) -> Iterator[Change]:
        return iter(self._new) if self._is_new else self._of.changes()

    def saved(self, count: int) -> None:
        self._of.saved(count)


class TranscriptKeeper:
    """``post`` has something called on the app's thread (``App.call_later``), where what is found is told.

    ``failed`` is told there what went wrong. What is to be saved is saved even if the app closes.
    """

    def __init__(
        self, folder: Path, post: Callable[..., object], failed: Callable[[YsnakesError], None]
    ) -> None:
        self._store = TranscriptStore(folder)
        self._post, self._failed = post, failed
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._in_file: WeakSet[Transcript] = WeakSet()  # those of which a file has something

    def save(self, transcript: Transcript) -> None:
        """Keep what was changed."""
        if transcript.unsaved():
            self._do(partial(self._save, transcript))

    def open(self, transcript_id: str, then: Callable[[Transcript | None], None]) -> None:
        """Read a transcript; None if it is gone."""
        self._ask(lambda store: self._open(store, transcript_id), then, None)

    def list(self, query: str, then: Callable[[list[Listed]], None]) -> None:
        """What there is, or what has the query in it."""
        nothing: list[Listed] = []
        self._ask(lambda store: store.list(query), then, nothing)

    def rename(self, transcript_id: str, title: str, then: Callable[[], None]) -> None:
        """Another title for one that is not open here."""
        self._ask(lambda store: store.rename(transcript_id, title), lambda _: then(), None)

    def delete(self, transcript_id: str, then: Callable[[], None]) -> None:
        self._ask(lambda store: store.delete(transcript_id), lambda _: then(), None)

    def undo(self, then: Callable[[str], None]) -> None:
        """Bring back what was deleted last; its id, "" if there is nothing."""
        self._ask(lambda store: store.undo(), then, "")

    def close(self, seconds: float = 10.0) -> None:
        """Do what is to be done, waiting for it, but not longer than ``seconds``."""
        if self._thread is not None:
            self._tasks.put(None)
            self._thread.join(seconds)
            self._thread = None

    # In the thread.

    def _save(self, transcript: Transcript) -> None:
        try:
            self._store.save(_AsItWas(transcript, is_new=transcript not in self._in_file))
            self._in_file.add(transcript)
        except YsnakesError as error:
            self._tell(self._failed, error)

    def _open(self, store: TranscriptStore, transcript_id: str) -> Transcript:
        transcript = store.open(transcript_id)
        self._in_file.add(transcript)
        return transcript

    def _ask(
        self, work: Callable[[TranscriptStore], Found], then: Callable[[Found], None], absent: Found
    ) -> None:
        def task() -> None:
            try:
                found = work(self._store)
            except YsnakesError as error:
                self._tell(self._failed, error)
                found = absent
            self._tell(then, found)

        self._do(task)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task()
            except Exception as error:  # what is said afterwards is to be kept all the same
                what = printable(unforeseen(error), 300)
                self._tell(self._failed, YsnakesError(f"the transcripts: {what}", "try it again"))

    def _do(self, task: Callable[[], None]) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="transcripts", daemon=True)
            self._thread.start()
        self._tasks.put(task)

    def _tell(self, told: Callable[..., object], *values: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the app has ended
            self._post(told, *values)
