"""``foramen database``: what an operator does to the tables by hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from cds_service import settings
from cds_service.store import connect, schema
from cds_service.store.ledger import Store, Unavailable


@click.group()
def database() -> None:
    """Look after the database of FORAMEN_DATA or FORAMEN_DATABASE."""


@database.command()
def upgrade() -> None:
    """Bring the tables to the shape this release expects; the service does so too when it starts."""
    with kept() as store:
        click.echo(f"{store.kind}: at step {schema.revision(store.engine)}")


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
        engine = connect.engine(url)
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
