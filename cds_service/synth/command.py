"""``foramen synth``: an invented export with its answers."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import click
import orjson
from tqdm import tqdm

import knowledge
from cds_service.synth import resources
from cds_service.synth.frames import FramesError, frames
from cds_service.synth.story import Answer, Teller

ANSWERS, MANIFEST = "answers.csv", "manifest.json"
COLUMNS = ("encounter", "code", "verdict", "proposed_codes", "missing_hard", "missing_soft")
Made = tuple[resources.Resource, Answer | None]


@click.command()
@click.option("--patients", required=True, type=click.IntRange(1), help="How many patients; about 20 kB each.")
@click.option("--seed", default=0, show_default=True, help="The same seed makes the same records.")
@click.option(
    "--share", default=1.0, show_default=True, type=click.FloatRange(0, 1), help="Of them with codes to judge."
)
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="A new directory.")
def synth(patients: int, seed: int, share: float, out: Path) -> None:
    """Write an invented FHIR Bulk Data export, with codes to judge.

    The right answer to each stands in answers.csv beside it.  Nobody in it is a person.
    """
    try:
        teller = Teller(knowledge.load(), frames())
        out.mkdir(parents=True)
    except FileExistsError:
        raise click.ClickException(f"{out} is there already") from None
    except (FramesError, knowledge.KnowledgeError) as error:
        raise click.ClickException(str(error)) from None
    write(out, _made(patients, seed, teller, share))
    click.echo(out / MANIFEST)


def _made(patients: int, seed: int, teller: Teller, share: float = 1) -> Iterator[Made]:
    for one in resources.people(teller.frames):
        yield one, None
    often = 0.1 if sys.stderr.isatty() else 60.0
    for number in tqdm(range(patients), desc="Inventing", unit="patient", mininterval=often, file=sys.stderr):
        yield from resources.patient(number, seed, teller, share)


def write(folder: Path, made: Iterable[Made]) -> None:
    """Write resources as they come, each to the file of its type, and the answers; the manifest is last."""
    files: dict[str, BinaryIO] = {}
    counts: dict[str, int] = {}
    with ExitStack() as stack:
        answers = csv.writer(stack.enter_context((folder / ANSWERS).open("w", encoding="utf-8", newline="")))
        answers.writerow(COLUMNS)
        for resource, answer in made:
            kind = resource["resourceType"]
            if kind not in files:
                files[kind] = stack.enter_context((folder / f"{kind}.ndjson").open("wb"))
            files[kind].write(orjson.dumps(resource) + b"\n")
            counts[kind] = counts.get(kind, 0) + 1
            if answer:
                answers.writerow(_row(resource["id"], answer))
    output = [{"type": kind, "url": f"{kind}.ndjson", "count": count} for kind, count in counts.items()]
    (folder / MANIFEST).write_bytes(orjson.dumps({"output": output, "error": []}, option=orjson.OPT_INDENT_2))


def _row(encounter: str, answer: Answer) -> list[Any]:
    lists = (answer.proposed, answer.missing_hard, answer.missing_soft)
    return [encounter, answer.code, str(answer.verdict), *(" ".join(one) for one in lists)]
