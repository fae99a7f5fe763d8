"""``foramen audit``: which codes of an export the record does not support."""

from __future__ import annotations

import os
import sys
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime
from pathlib import Path
from typing import IO

import click
from click._termui_impl import ProgressBar

import knowledge
from cds_service.audit.export import ExportError, files
from cds_service.audit.findings import CSV, SUMMARY
from cds_service.audit.judging import ChangedError
from cds_service.audit.run import Audit, AuditError, alone, plan

INPUT = click.Path(exists=True, path_type=Path)


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=INPUT)
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Directory of findings.")
@click.option("--secret-file", type=click.File("rb"), help="Secret of the pseudonyms; else made in --out.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default="cores", type=click.IntRange(1), help="Processes.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Day to which open stays last.  [default: today]")
@click.option("--buckets", default=0, type=click.IntRange(0, 4096), help="Parts of the work.  [default: by size]")
def audit(
    inputs: tuple[Path, ...], out: Path, secret_file: IO[bytes] | None, jobs: int, as_of: datetime | None, buckets: int
) -> None:
    """Judge every encounter of a FHIR Bulk Data export.

    INPUT is a directory, an NDJSON file (plain or compressed), or a manifest (.json) of files on this machine.  A run
    that was ended goes on where it was when it is started again.
    """
    day = (as_of or datetime.now().astimezone()).date().isoformat()
    try:
        known = knowledge.load()
        with alone(out):
            secret = secret_file.read().strip() if secret_file else None
            begun = plan(out, files(inputs), secret, day, buckets, known)
            _run(begun, jobs, known)
    except BrokenProcessPool:
        raise click.ClickException("a worker process was ended; run this again to go on") from None
    except (ExportError, AuditError, ChangedError, knowledge.KnowledgeError) as error:
        raise click.ClickException(str(error)) from None


def _run(begun: Audit, jobs: int, known: knowledge.Knowledge) -> None:
    if begun.finished:
        begun.clear()
        click.echo(f"Already done: {begun.folder / SUMMARY}", err=True)
        return
    size = sum(path.stat().st_size for path in begun.inputs)
    with _bar("Reading", size) as bar:
        begun.spread(bar.update)
    with _bar("Judging", begun.count) as bar:
        bar.update(begun.count - len(begun.left))
        begun.judge(jobs, known, bar.update)
    if not begun.finish(known):
        click.echo("No findings.parquet: pyarrow is not installed.", err=True)
    click.echo(begun.folder / CSV)


def _bar(label: str, length: int) -> ProgressBar[int]:
    return click.progressbar(length=length, label=label, file=sys.stderr, show_pos=True)
