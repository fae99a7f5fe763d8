"""How often a client may call: a token bucket for each, in the memory of one worker."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from threading import Lock
from time import monotonic

MOST_CLIENTS = 10_000  #: that are remembered; beyond, who was silent longest is forgotten and starts anew
BURST = 10  #: s of calls that may come at once


class Rates:
    """Calls per minute, with some that may come at once: a clinic opens its charts at the same time."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = monotonic) -> None:
        self._per_second = per_minute / 60
        self._most = max(1.0, self._per_second * BURST)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # who -> calls left, and when that was
        self._lock = Lock()

    def wait(self, who: str) -> int:
        """Count a call; 0 where it is within the rate, else the seconds after which one will be."""
        now = self._clock()
        with self._lock:
            left, since = self._left.pop(who, (self._most, now))
            left = min(self._most, left + (now - since) * self._per_second)
            within = left >= 1
            self._left[who] = (left - within, now)
            if len(self._left) > MOST_CLIENTS:
                self._left.popitem(last=False)
        return 0 if within else max(1, ceil((1 - left) / self._per_second))
