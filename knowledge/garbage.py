"""No looking for garbage where much is made and nothing thrown away."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_collected() -> Iterator[None]:
    """No garbage collection meanwhile.

    Looking for garbage among small objects that are all kept takes the longer the more of them there are: it would
    double the time of loading, and make the time of reading grow faster than the text.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
