"""``foramen``: serve, check a request, explain the answer, look up a code."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import click
import orjson

import knowledge
from cds_service import (
    catalogue,
    consult,
    feedback_report,
    hooks,
    operators,
    server,
    settings,
    showing,
    store,
    terminal,
)
from cds_service.access import Access
from cds_service.audit.command import audit
from cds_service.errors import RequestError
from cds_service.services import services
from cds_service.store.command import database
from cds_service.synth.command import synth

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
REQUEST = click.argument("request_file", metavar="REQUEST.json", type=FILE)
SERVICE = click.option("--service", "service_id", help="Service to ask; by default the one of the request's hook.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="foramen")
def main() -> None:
    """Hold a chosen ICD-10-CM M99 code against what the record documents."""


main.add_command(audit)
main.add_command(database)
main.add_command(feedback_report.commands)
main.add_command(synth)


@main.command()
@click.option("--dev", is_flag=True, help="This machine only: loopback, no token needed, loopback FHIR servers.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
def serve(*, dev: bool, host: str, port: int) -> None:
    """Run the service until it is told to stop."""
    options = _settings()
    options = replace(options, dev=dev or options.dev)
    if options.dev and not options.public_url:  # browsers of this machine reach the pages here
        options = replace(options, public_url=_own(host, port))
    if options.dev and not _loopback(host):
        raise click.UsageError("--dev listens on loopback only; leave --host out")
    _access(options)
    _kept(options)
    os.environ |= {"FORAMEN_DEV": str(int(options.dev)), "FORAMEN_PUBLIC_URL": options.public_url}  # for the workers
    _free(host, port)
    _knowledge()
    click.echo(f"Foramen answers on http://{host}:{port}/cds-services", err=True)
    server.serve(host, port, options)


@main.command()
@REQUEST
@SERVICE
@click.option("--json", "as_json", is_flag=True, help="Print the response as JSON.")
def check(request_file: Path, service_id: str | None, *, as_json: bool) -> None:
    """Answer a hook request from a file and print the cards."""
    call = _call(request_file, service_id)
    written = _consult(call).cards
    text = orjson.dumps({"cards": written}, option=orjson.OPT_INDENT_2).decode() if as_json else terminal.cards(written)
    click.echo(text)


@main.command()
@REQUEST
@SERVICE
def explain(request_file: Path, service_id: str | None) -> None:
    """Show what led to the answer: rule, axes, and every quote with its place."""
    call = _call(request_file, service_id)
    click.echo(terminal.assessments(_consult(call).assessments) or "No code of this category was chosen.")


@main.command()
@click.argument("code", required=False)
def codes(code: str | None) -> None:
    """List the codes, or show what one claims, its siblings and what must be documented."""
    known = _knowledge()
    if code is None:
        click.echo("\n".join(f"{one.code:<8} {one.title}" for one in catalogue.category(known)))
        return
    found = catalogue.find(code, known)
    if found is None:
        raise click.ClickException(f"{code} is not in the code set")
    click.echo(terminal.code(found, known), nl=False)


def _call(path: Path, service_id: str | None) -> hooks.Call:
    """The request of a file as a call of the named service, or of the one for its hook."""
    try:
        body = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise click.ClickException(f"{path}: {error}") from None
    hook = body.get("hook") if isinstance(body, dict) else None
    wanted = (one for one in services().values() if (one.id == service_id if service_id else one.hook == hook))
    service = next(wanted, None)
    if service is None:
        raise click.ClickException(f"{path}: no service for the hook {hook!r}; there are {', '.join(services())}")
    try:
        return hooks.read(service, body)
    except RequestError as error:
        raise _refused(error) from None


def _consult(call: hooks.Call) -> consult.Consultation:
    """On the command line the caller is this machine's user, who may ask a FHIR server of this machine."""
    try:
        return consult.answer(call, _knowledge(), replace(_settings(), dev=True))
    except RequestError as error:
        raise _refused(error) from None


def _refused(error: RequestError) -> click.ClickException:
    return click.ClickException(error.outcome()["issue"][0]["diagnostics"])


def _settings() -> settings.Settings:
    try:
        return settings.read(os.environ)
    except settings.SettingsError as error:
        raise click.ClickException(str(error)) from None


def _access(options: settings.Settings) -> None:
    """Refuse the start here, with a sentence, rather than in each worker."""
    try:
        showing.check((client.showing for client in Access(options).clients), options, _knowledge())
        options.rules_url()
        operators.token_of(options)
    except settings.SettingsError as error:
        raise click.ClickException(str(error)) from None
    if options.open:
        click.echo("Warning: callers are not authenticated (FORAMEN_OPEN=1).", err=True)


def _kept(options: settings.Settings) -> None:
    try:
        store.secret(options)
        store.comments(options)
        store.engine(store.address(options)).dispose()
    except settings.SettingsError as error:
        raise click.ClickException(str(error)) from None


def _knowledge() -> knowledge.Knowledge:
    try:
        return knowledge.load()
    except knowledge.KnowledgeError as error:
        raise click.ClickException(str(error)) from None


def _free(host: str, port: int) -> None:
    """Granian would share a port that is taken with whoever has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}") from None


def _own(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
