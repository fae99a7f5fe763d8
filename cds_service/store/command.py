"""``foramen database``: what an operator does to the tables by hand."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from cds_service import settings
from cds_service.pseudonyms import Pseudonyms, caller
from cds_service.store import connect, erase, schema
from cds_service.store.ledger import Store, Unavailable


@click.group()
def database() -> None:
    """Look after the database of FORAMEN_DATA or FORAMEN_DATABASE."""


@database.command()
def upgrade() -> None:
    """Bring the tables to the shape this release expects; the service does so too when it starts."""
    with kept() as store:
        click.echo(f"{store.kind}: at step {schema.revision(store.engine)}")


@database.command()
@click.option("--days", type=click.IntRange(1), required=True, help="What is older than this is deleted.")
def expire(days: int) -> None:
    """Delete advice and feedback older than so many days; to be run by a timer.

    An override whose advice is deleted is no longer heeded: keep at least FORAMEN_SUPPRESS_DAYS.
    """
    with kept() as store:
        _told(erase.expire(store, days))


@database.command()
@click.option("--client", default="", help="Issuer of the client that called; empty where callers are unknown.")
@click.option("--tenant", default="", help="Its tenant, where its tokens name one.")
@click.option("--server", default="", help="FHIR server of its calls; empty where they named none.")
def forget(client: str, tenant: str, server: str) -> None:
    """Delete everything of one patient, whose id is read from standard input.

    A patient is known by a pseudonym for each client, tenant and FHIR server: run it for each of them.  The secret must
    be the one that the service runs with.
    """
    patient = sys.stdin.readline().strip()
    if not patient:
        raise click.ClickException("no patient id on standard input")
    with kept() as store:
        pseudonyms = Pseudonyms(connect.secret(settings.read(os.environ)))
        _told(erase.forget(store, pseudonyms.patient(caller(client, tenant), server, patient)))


def _told(gone: Mapping[str, int]) -> None:
    click.echo(f"deleted: {gone['advice']} of advice, {gone['feedback']} of feedback")


@contextmanager
def kept() -> Iterator[Store]:
    """The database of the settings, its tables in their present shape, until the block ends.

    Raises:
        click.ClickException: nothing is kept, or it cannot be reached.
    """
    try:
        url = connect.address(settings.read(os.environ))
        if connect.in_memory(url):
            raise click.ClickException("nothing is kept: set FORAMEN_DATA or FORAMEN_DATABASE")
        engine = connect.engine(url, wait=connect.OPERATOR_WAIT)
    except settings.SettingsError as error:
        raise click.ClickException(str(error)) from None
    try:
        store = Store(engine)
        store.ready()
        yield store
    except Unavailable as error:
        raise click.ClickException(f"the database cannot be used: {error}") from None
    finally:
        engine.dispose()
