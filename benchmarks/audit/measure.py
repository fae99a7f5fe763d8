"""What a command costs: wall time, CPU time and memory of it and of all that it starts."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
MIB = 2**20
BETWEEN = 0.25  #: seconds between two looks at the memory


@dataclass(frozen=True)
class Cost:
    """Seconds of wall and of CPU, and the most bytes of memory (PSS) at any time."""

    wall: float
    cpu: float
    peak: int

    def __str__(self) -> str:
        return f"{self.wall:.1f} s | {self.cpu:.1f} s | {self.peak / MIB:.0f} MiB"


def cost(command: Sequence[str]) -> Cost:
    """Run a command to its end; what it says is kept from the screen unless it fails."""
    before, start, peak = _spent(), time.monotonic(), 0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        seen = b""
        while running.poll() is None:
            peak = max(peak, sum(map(_pss, _tree(running.pid))))
            time.sleep(BETWEEN)
        seen = running.stdout.read() if running.stdout else b""
    if running.returncode:
        sys.exit(seen[-3000:].decode(errors="replace"))
    return Cost(time.monotonic() - start, _spent() - before, peak)


def foramen(*words: object) -> Cost:
    """A run of the command line."""
    return cost([sys.executable, "-m", "cds_service", *map(str, words)])


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _tree(pid: int) -> Iterator[int]:
    """A process and those below it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            named = children.read_text()
        except OSError:  # it has just ended
            continue
        for child in named.split():
            yield from _tree(int(child))


def _pss(pid: int) -> int:
    """Memory of a process in bytes, what it shares counted in parts."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
