"""The process that holds the models: ``talking`` starts it, asks on stdin and is told on stdout.

Both are lines of JSON: see ``talking_messages``. It ends with its stdin.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback

from ysnakes_core.runs.processes import give_way
from ysnakes_core.runs.talking_desk import Desk, Mouth
from ysnakes_core.thread_waiting import let_threads_sleep

# Before a training, which somebody waits for less, and after the app, which must be quick. Beside a training
# on two cores ys-4m wrote 222, 195 and 118 tokens/s with 0, 5 and 10 here, while a thread that wakes every
# 20 ms was late by 6, 1 and 4 ms (p95).
GIVING_WAY = 5


def main() -> None:
    """Answer what stands on stdin until it ends."""
    give_way(GIVING_WAY)
    let_threads_sleep()
    threading.excepthook = _end
    desk = Desk(Mouth(sys.stdout))
    threading.Thread(target=desk.read, args=(sys.stdin,), name="questions", daemon=True).start()
    from ysnakes_core.runs.talking_answers import serve  # torch: meanwhile, a cancellation is answered

    serve(desk)


def _end(what: threading.ExceptHookArgs) -> None:
    """Where a thread ends by mistake, so does all: whoever asked is told, and not left to wait."""
    traceback.print_exception(what.exc_type, what.exc_value, what.exc_traceback)
    os._exit(1)


if __name__ == "__main__":
    main()
