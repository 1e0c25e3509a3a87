"""A notification that may be shown late.

Textual makes a timer of the time that one has left. If it runs out between the moment it is chosen and the
moment it is shown, as it does on a busy machine, the timer is set to less than nothing, and goes around
forever: the whole app stands still.
"""

from __future__ import annotations

import time

from textual.notifications import Notification

SHORTEST_SECONDS = 0.05


class LateNotification(Notification):
    """Textual's, of which some time is always left to show it."""

    @property
    def time_left(self) -> float:
        return max(SHORTEST_SECONDS, self.raised_at + self.timeout - time.time())

    @property
    def has_expired(self) -> bool:
        return time.time() >= self.raised_at + self.timeout
