"""A hook call beside the floor and beside HealthChain: three servers on loopback, the same bodies.

    python benchmarks/hook [--healthchain PYTHON] [--quick]       (make bench-hook)
    python benchmarks/hook --growth 100000

Prints Markdown.  The floor is a Flask endpoint that decodes the body and returns a constant card.  CPU is user and
system time of the server's processes as the kernel counts it, per call; all ratios are of one run.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import bodies
from load import Server, closed, cpu_per_call, paced, percentile, serving

import knowledge
from cds_service import chart, hooks, prefetch, showing
from cds_service.app import create_app
from cds_service.consult import answer
from cds_service.services import services
from cds_service.settings import Settings
from knowledge.model import Document, Role

sys.path.append(str(Path(__file__).parent.parent))

from speed import processor  # the benchmark beside this one

#: Calls for one figure of CPU, by size; the kernel counts in hundredths of a second.
CALLS = {5_000: 200, 20_000: 100, 200_000: 12, 2_000_000: 2}
ROUNDS = 3
RUNS = 5  #: of the load of which a median is told
ALLOWED = 0.5  #: ms beside the floor and the reading
READING = 1.2
TAIL = 3.0
LOAD = 0.8
GOAL = 20_000


def milliseconds(call: Callable[[], object], times: int) -> float:
    """CPU time of this process per call, the median of several."""
    took = []
    for _ in range(times):
        start = process_time()
        call()
        took.append((process_time() - start) * 1000)
    return median(took)


def reading(sent: Sequence[bytes], known: knowledge.Knowledge) -> float:
    """Milliseconds that the notes of a body take to read, in this process; the words of Conditions are no notes.

    Each body is read once, as a first hook reads it: the same text read over and over is read faster.
    """
    of_bodies = [_notes(body, known) for body in sent]
    knowledge.reading(Document("", bodies.notes()[0], "progress", Role.TREATING, bodies.DAY), known)
    start = process_time()
    for notes in of_bodies:
        for one in notes:
            knowledge.reading(one, known)
    return (process_time() - start) * 1000 / len(sent)


def _notes(body: bytes, known: knowledge.Knowledge) -> list[Document]:
    call = hooks.read(services()["m99-order-sign"], json.loads(body))
    asked = prefetch.question("order-sign", call.context, created=False, today=bodies.DAY)
    gathered = prefetch.received(call.prefetch, {})
    read = chart.read(chart.Record(gathered.resources, asked, gathered.places), known.category)
    return [one for one in read.documents if one.source.startswith(("DocumentReference", "DiagnosticReport"))]


def recording(known: knowledge.Knowledge) -> float:
    """Milliseconds that the database takes of a call, in memory, in this process."""
    app = create_app(Settings(open=True), known)
    body = bodies.body(GOAL, notes=True)
    call = hooks.read(services()["m99-order-sign"], body)
    given = answer(call, known, Settings(open=True))
    shown = showing.chosen({}, "order-sign", Settings())
    advice = app.extensions["kept"].advice
    try:
        return milliseconds(lambda: advice.shown(call, "", given, known.version, shown), 50)
    finally:
        app.extensions["kept"].store.engine.dispose()


def compare(servers: dict[str, Server], size: int, *, notes: bool) -> dict[str, Any]:
    """CPU per call of every server for bodies of a size; Foramen for charts never seen, and for the same once more."""
    number = iter(range(size // 100 * 100, 10**9))
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        sent = [bodies.encoded(size, notes=notes, number=next(number)) for _ in range(CALLS[size])]
        for name, server in servers.items():
            found.setdefault(name, []).append(cpu_per_call(server, sent))
            if name == "foramen":
                again = [body for body in sent[-10:] for _ in range(max(1, len(sent) // 10))]
                cpu_per_call(server, sent[-10:])
                found.setdefault("again", []).append(cpu_per_call(server, again))
    return {name: median(costs) for name, costs in found.items()} | {"body": sent[-1], "sent": sent[-10:]}


def print_cost(servers: dict[str, Server], sizes: Sequence[int], known: knowledge.Knowledge) -> dict[Any, Any]:
    hc = "healthchain" in servers
    print("### CPU per call, ms\n")
    print(f"| body | floor | Foramen, first hook | the same chart again | reading the notes |{' HealthChain |' * hc}")
    print(f"|---|---|---|---|---|{'---|' * hc}")
    rows = {}
    for size in sizes:
        for notes in (False, True):
            row = rows[size, notes] = compare(servers, size, notes=notes)
            row["reading"] = reading(row["sent"], known)
            said = f"{len(row['body']) / 1000:.0f} KB, {'with' if notes else 'without'} notes"
            again = f"{row['again']:.2f} ({row['again'] / row['foramen']:.2f})"
            last = f" {row['healthchain']:.2f} |" if hc else ""
            print(
                f"| {said} | {row['floor']:.2f} | {row['foramen']:.2f} | {again} | {row['reading']:.2f} |{last}",
                flush=True,
            )
    print()
    return rows


def print_goals(rows: dict[Any, Any], database: float) -> None:
    with_notes, without = rows[GOAL, True], rows[GOAL, False]
    allowed = with_notes["floor"] + READING * with_notes["reading"] + ALLOWED
    spent = with_notes["foramen"] - database
    print("### Goals for a 20 KB chart\n")
    print(
        f"- First hook with notes: **{spent:.2f} ms** of {allowed:.2f} allowed, less the database ({database:.2f} ms)"
    )
    print(f"  (floor {with_notes['floor']:.2f} + {READING} x reading {with_notes['reading']:.2f} + {ALLOWED}).")
    print(f"- The second hook costs **{with_notes['again'] / with_notes['foramen']:.2f}** of the first (goal 0.5).")
    if "healthchain" in without:
        ratio = without["foramen"] / without["healthchain"]
        print(f"- Without notes: **{ratio:.2f}** of what HealthChain takes to do nothing (goal below 1).")
    print()


def print_load(servers: dict[str, Server], sizes: Sequence[int], seconds: float) -> None:
    """Throughput with four clients, and the tail at 80 % of it, evenly paced; Foramen: charts that come again."""
    print(f"### Load: calls per second with 4 clients; milliseconds at {LOAD:.0%} of that; median of {RUNS} runs\n")
    print("| body with notes | server | calls/s | p50 | p99 | p99 : p50 | memory, MB |")
    print("|---|---|---|---|---|---|---|")
    for size in sizes:
        sent = [bodies.encoded(size, notes=True, number=number) for number in range(3 if size > 10**6 else 20)]
        for name, server in servers.items():
            cpu_per_call(server, sent)
            runs = []
            for _ in range(RUNS):
                rate, _ = closed(server, sent, seconds)
                took = paced(server, sent, rate * LOAD, seconds)
                p50, p99 = percentile(took, 50), percentile(took, 99)
                runs.append((p99 / p50, rate, p50, p99))
            ratio, rate, p50, p99 = (median(column) for column in zip(*runs, strict=True))
            print(
                f"| {size // 1000} KB | {name} | {rate:.0f} | {p50:.2f} | {p99:.2f} | **{ratio:.1f}** |"
                f" {server.memory():.0f} |",
                flush=True,
            )
    print()


def print_growth(calls: int) -> None:
    """Memory while charts come and go, nine of ten of them again; the readings kept are few: what grows is else."""
    print(f"### Memory over {calls} calls of 5 KB, charts with notes, readings of 2 MB kept\n")
    print("| calls | memory, MB |\n|---|---|")
    again = [bodies.encoded(5_000, notes=True, number=number) for number in range(20)]
    others = cycle([bodies.encoded(5_000, notes=True, number=number) for number in range(100, 600)])
    sent = [again[place % len(again)] if place % 10 else next(others) for place in range(5000)]
    with serving("foramen", FORAMEN_READINGS_MB="2") as server:
        for tenth in range(11):
            print(f"| {tenth * calls // 10} | {server.memory():.1f} |", flush=True)
            if tenth < 10:
                cpu_per_call(server, [sent[place % len(sent)] for place in range(calls // 10)])
    print()


def has_healthchain(python: str) -> bool:
    probe = subprocess.run([python, "-c", "import granian, healthchain"], check=False, capture_output=True)
    return probe.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--healthchain", metavar="PYTHON", default=sys.executable, help="interpreter that has it")
    parser.add_argument("--quick", action="store_true", help="5 and 20 KB only")
    parser.add_argument("--seconds", type=float, default=5, help="of each load")
    parser.add_argument("--growth", metavar="CALLS", type=int, help="measure memory over so many calls, and no more")
    given = parser.parse_args()
    print(f"{processor()}, {platform.system()}, {platform.python_implementation()} {platform.python_version()}\n")
    if given.growth:
        print_growth(given.growth)
        return
    known = knowledge.load()
    sizes = bodies.SIZES[:2] if given.quick else bodies.SIZES
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serving(name)) for name in ("floor", "foramen")}
        if has_healthchain(given.healthchain):
            servers["healthchain"] = stack.enter_context(serving("healthchain", given.healthchain))
        else:
            print("HealthChain is not installed here: no comparison with it.\n")
        rows = print_cost(servers, sizes, known)
        print_goals(rows, recording(known))
        print_load(servers, sizes, given.seconds)


if __name__ == "__main__":
    main()
