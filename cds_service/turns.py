"""Whose turn it is: so many calls are worked on at a time, whoever else is still sending."""

from __future__ import annotations

from threading import BoundedSemaphore

PATIENCE = 10.0  #: s that a call which has arrived waits for its turn


class BusyError(Exception):
    """No turn came in time."""


class Turns:
    """The turns of one worker.

    A slow client holds a thread while its body is on the way, and a thread that waits costs next to nothing.  What
    costs is work, so a call takes its turn when its body is there.
    """

    def __init__(self, most: int, patience: float = PATIENCE) -> None:
        self._free = BoundedSemaphore(most)
        self._patience = patience

    def take(self) -> None:
        """Wait for a turn.

        Raises:
            BusyError: none came.
        """
        if not self._free.acquire(timeout=self._patience):
            raise BusyError

    def give(self) -> None:
        """Let the next one work."""
        self._free.release()
