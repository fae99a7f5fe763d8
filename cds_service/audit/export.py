"""A Bulk Data export as it lies on disk: which files it has, and their lines."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import unquote, urlsplit

import orjson

from cds_service.fhir_read import strings

ENDINGS = (".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz")
GZIP = b"\x1f\x8b"
#: A longer line is no resource that anybody reads; it is set aside without ever being held whole.
MOST_LINE = 64 * 2**20
#: What the lines of compressed files come to, so that buckets are of about one size.
INFLATION = 8


class ExportError(ValueError):
    """What was named is no export that can be read.  Says what and why."""


class Line(NamedTuple):
    """One line of a file; empty where the file breaks off."""

    number: int
    raw: bytes
    whole: bool
    position: int  #: bytes of the file that were consumed


def files(inputs: Iterable[Path]) -> list[Path]:
    """The NDJSON files behind files, directories and manifests, each once, in the order of their names.

    Raises:
        ExportError: nothing is there, or a manifest names what is not on this machine.
    """
    named = [path.resolve() for one in inputs for path in _behind(one)]
    if not named:
        raise ExportError(f"no file that ends in {', '.join(ENDINGS)}")
    for path in named:
        if not path.is_file():
            raise ExportError(f"{path}: there is no such file")
    return sorted(set(named))


def size(path: Path) -> int:
    """About how many bytes the lines of a file come to."""
    return path.stat().st_size * (INFLATION if _packed(path) else 1)


def lines(path: Path) -> Iterator[Line]:
    """The lines of a plain or compressed file, without their ends; a file that is damaged ends with a broken line."""
    number = 0
    with path.open("rb") as file:
        stream = gzip.GzipFile(fileobj=file) if _packed(path) else file
        try:
            while raw := stream.readline(MOST_LINE):
                number += 1
                whole = len(raw) < MOST_LINE or raw.endswith(b"\n")
                if not whole:
                    _skip(stream)
                yield Line(number, raw.strip().removeprefix(b"\xef\xbb\xbf"), whole, file.tell())
        except (EOFError, zlib.error, gzip.BadGzipFile):
            yield Line(number + 1, b"", whole=False, position=file.tell())


def _behind(one: Path) -> list[Path]:
    if one.is_dir():
        return [path for path in one.rglob("*") if path.name.endswith(ENDINGS) and path.is_file()]
    return _listed(one) if one.suffix == ".json" else [one]


def _listed(manifest: Path) -> list[Path]:
    """The files that a manifest of the Bulk Data export names (``output[].url``)."""
    try:
        urls = strings(orjson.loads(manifest.read_bytes()), "output.url")
    except orjson.JSONDecodeError as error:
        raise ExportError(f"{manifest}: {error}") from None
    return [_local(manifest, url) for url in urls]


def _local(manifest: Path, url: str) -> Path:
    parts = urlsplit(url)
    if parts.scheme not in {"", "file"} or parts.netloc not in {"", "localhost"}:
        raise ExportError(f"{manifest}: names files on another machine; download them and name the directory")
    return manifest.parent / (unquote(parts.path) if parts.scheme else url)


def _packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(GZIP)) == GZIP


def _skip(stream: BinaryIO | gzip.GzipFile) -> None:
    """Read past the rest of a line that is too long."""
    while (rest := stream.readline(MOST_LINE)) and not rest.endswith(b"\n"):
        pass
