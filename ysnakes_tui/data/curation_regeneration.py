"""Records that are being written anew: each in a thread of its own, until their teachers have answered."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ysnakes_core.synthesis.library_records import Record
    from ysnakes_core.synthesis.library_regeneration import NewAnswer

MOST = 4  # at a time


class Regenerations:
    """``post`` has something called on the app's thread; there ``written`` is given a new answer, and
    ``failed`` is told why there is none. Nothing is lost when the app ends: the old answers are still there.
    """

    def __init__(
        self,
        post: Callable[..., object],
        written: Callable[[Record, NewAnswer], None],
        failed: Callable[[Record, Exception], None],
    ) -> None:
        self._post, self._written, self._failed = post, written, failed
        self._ongoing: dict[int, _Writing] = {}

    @property
    def is_full(self) -> bool:
        return len(self._ongoing) >= MOST

    def words(self, record: int) -> int | None:
        """How many words there are so far of a record that is being written anew; None if it is not."""
        writing = self._ongoing.get(record)
        return writing.words if writing is not None else None

    def start(self, record: Record, hosts: Sequence[str]) -> None:
        if record.id not in self._ongoing and not self.is_full:
            writing = self._ongoing[record.id] = _Writing(record, hosts, self._ended)
            writing.start()

    def cancel(self, record: int) -> bool:
        """Leave a record as it is; whether it was being written anew."""
        writing = self._ongoing.pop(record, None)
        if writing is not None:
            writing.cancel()
        return writing is not None

    def close(self) -> None:
        for record in list(self._ongoing):
            self.cancel(record)

    def _ended(self, writing: _Writing, result: NewAnswer | Exception) -> None:
        with contextlib.suppress(RuntimeError):  # the app has ended
            self._post(partial(self._told, writing, result))

    def _told(self, writing: _Writing, result: NewAnswer | Exception) -> None:
        record = writing.record
        if self._ongoing.get(record.id) is not writing:
            return
        del self._ongoing[record.id]
        if isinstance(result, Exception):
            self._failed(record, result)
        else:
            self._written(record, result)


class _Writing:
    def __init__(
        self,
        record: Record,
        hosts: Sequence[str],
        ended: Callable[[_Writing, NewAnswer | Exception], None],
    ) -> None:
        self.record, self._hosts, self._ended = record, hosts, ended
        self.words = 0
        self._lock = threading.Lock()
        self._cancelled = False
        self._stop: Callable[[], object] = lambda: None

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"record {self.record.id}", daemon=True).start()

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            with contextlib.suppress(RuntimeError):  # it has just ended
                self._stop()

    def _run(self) -> None:
        try:
            result: NewAnswer | Exception = asyncio.run(self._write())
        except asyncio.CancelledError:
            return
        except Exception as error:  # told, or raised, on the app's thread
            result = error
        self._ended(self, result)

    async def _write(self) -> NewAnswer:
        from ysnakes_core.synthesis.library_regeneration import teacher_of, write_again  # not needed before

        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        with self._lock:
            if self._cancelled:
                raise asyncio.CancelledError
            self._stop = partial(loop.call_soon_threadsafe, task.cancel)
        teacher = teacher_of(self.record, self._hosts)
        try:
            return await write_again(self.record, teacher, self._so_far)
        finally:
            await teacher.close()

    def _so_far(self, text: str) -> None:
        self.words = len(text.split())
