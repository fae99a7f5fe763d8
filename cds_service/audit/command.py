"""``foramen audit``: which codes of an export the record does not support."""

from __future__ import annotations

import os
import sys
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime
from pathlib import Path
from typing import IO, NoReturn

import click
from tqdm import tqdm

import knowledge
from cds_service.audit import spark
from cds_service.audit.export import ExportError, files
from cds_service.audit.figures import figures, summary
from cds_service.audit.findings import CSV, SUMMARY, MissingError, require
from cds_service.audit.judging import ChangedError
from cds_service.audit.report import Report, written
from cds_service.audit.run import Audit, AuditError, alone, checked, plan, private

RUN, EMBEDDED, SPARK = "run", "embedded", "spark"
REMOTE = "://"  #: what an address has and a path has not
TERMINAL, LOG = 0.1, 60.0  #: seconds between two movements of the progress bar


class _Audit(click.Group):
    """``foramen audit INPUT...`` runs an audit; the name of a command is no input."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args and args[0] in self.commands else [RUN, *args])


@click.group(cls=_Audit)
def audit() -> None:
    """Judge every encounter of a FHIR Bulk Data export."""


@audit.command(RUN, epilog="`audit report DIR` makes of the findings a page to read.")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("--out", required=True, help="Directory of findings.")
@click.option("--secret-file", type=click.File("rb"), help="Secret of the pseudonyms; else made in --out.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default="cores", type=click.IntRange(1), help="Processes.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Day to which open stays last.  [default: today]")
@click.option("--buckets", default=0, type=click.IntRange(0, 4096), help="Parts of the work.  [default: by size]")
@click.option(
    "--engine", default=EMBEDDED, show_default=True, type=click.Choice([EMBEDDED, SPARK]), help="What runs it."
)
@click.option("--master", default="local[*]", show_default=True, help="Where Spark runs.")
def run(
    *,
    inputs: tuple[str, ...],
    out: str,
    secret_file: IO[bytes] | None,
    jobs: int,
    as_of: datetime | None,
    buckets: int,
    engine: str,
    master: str,
) -> None:
    """Judge every encounter of a FHIR Bulk Data export.

    INPUT is a directory, an NDJSON file (plain or compressed), or a manifest (.json) of files on this machine.  A run
    that was ended goes on where it was when it is started again.

    With Spark, INPUT and --out may be any address that Spark reads and writes (s3a://...), with patterns; the secret
    has to be given, and what cannot be finished begins anew.
    """
    day = (as_of or datetime.now().astimezone()).date().isoformat()
    secret = secret_file.read().strip() if secret_file else None
    try:
        require()
        known = knowledge.load()
        if engine == SPARK:
            _on_cluster(inputs, out, secret, day, buckets, master, known)
            return
        with alone(Path(out)):
            _run(plan(Path(out), files(map(Path, inputs)), secret, day, buckets, known), jobs, known)
    except BrokenProcessPool:
        raise click.ClickException("a worker process was ended; run this again to go on") from None
    except (ExportError, AuditError, ChangedError, MissingError, knowledge.KnowledgeError) as error:
        raise click.ClickException(str(error)) from None


def _on_cluster(
    inputs: tuple[str, ...],
    out: str,
    secret: bytes | None,
    day: str,
    parts: int,
    master: str,
    known: knowledge.Knowledge,
) -> None:
    if secret is None:
        raise click.UsageError("on Spark the secret of the pseudonyms has to be given: --secret-file")
    addresses = [one for one in inputs if REMOTE in one]
    local = files(Path(one) for one in inputs if REMOTE not in one) if len(addresses) < len(inputs) else []
    target = out if REMOTE in out else f"file{REMOTE}{Path(out).resolve()}"
    with spark.session(master) as session:
        cores = session.sparkContext.defaultParallelism
        addresses += [f"file{REMOTE}{path}" for path in local]
        begun = spark.Cluster(session, addresses, target, checked(secret), day, parts or cores * spark.PARTS)
        if begun.finished:
            click.echo(f"Already done: {target}", err=True)
            return
        begun.run(known)
    click.echo(begun.path(CSV))


@audit.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
def report(folder: Path) -> None:
    """Make of the findings in DIR a page that a manager reads: report.html, and report.md."""
    if not (folder / SUMMARY).exists():
        raise click.ClickException(f"{folder} holds no finished audit")
    try:
        require()
        known = knowledge.load()
        made = written(Report(figures(folder, known), summary(folder), known))
    except (MissingError, knowledge.KnowledgeError) as error:
        raise click.ClickException(str(error)) from None
    for name, text in made.items():
        private(folder / name).write_text(text, encoding="utf-8")
        click.echo(folder / name)


def _run(begun: Audit, jobs: int, known: knowledge.Knowledge) -> None:
    if begun.finished:
        begun.clear()
        click.echo(f"Already done: {begun.folder / SUMMARY}", err=True)
        return
    with _bar("Reading", sum(path.stat().st_size for path in begun.inputs)) as bar:
        begun.spread(bar.update)
    total, done = begun.sizes
    with _bar("Judging", total, done) as bar:
        begun.judge(jobs, known, bar.update)
    begun.finish(known)
    click.echo(begun.folder / CSV)


def _bar(label: str, total: int, done: int = 0) -> tqdm[NoReturn]:
    """Bytes with their rate and the time left; in a log a line now and then."""
    often = TERMINAL if sys.stderr.isatty() else LOG
    return tqdm(total=total, initial=done, desc=label, unit="B", unit_scale=True, mininterval=often, file=sys.stderr)
