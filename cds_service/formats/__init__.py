"""An attachment's bytes -> its text, free of markup.

What the reader of a format owes: the words verbatim and in order, a newline between rows and paragraphs, a tab
between table cells, ``- `` before list items, and the spans that the markup strikes through.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from cds_service.formats import ccda, html, pdf, plain, rtf
from cds_service.formats.layout import Text, Unreadable, trimmed
from cds_service.reasons import Reason

__all__ = ["Text", "Unreadable", "read", "trimmed"]

READERS: dict[str, Callable[[bytes, str], Text]] = {
    "text/plain": plain.read,
    "text/html": html.read,
    "application/xhtml+xml": html.read,
    "application/rtf": rtf.read,
    "text/rtf": rtf.read,
    "text/richtext": rtf.read,
    "application/x-rtf": rtf.read,
    "application/xml": ccda.read,
    "text/xml": ccda.read,
    "application/cda+xml": ccda.read,
    "application/hl7-cda+xml": ccda.read,
    "application/hl7-sda+xml": ccda.read,
    "application/pdf": pdf.read,
    "application/x-pdf": pdf.read,
}
#: Content that says itself what it is, whatever its type says; asked of the first bytes.
SIGNATURES = (
    (re.compile(rb"\{\\rtf"), "application/rtf"),
    (re.compile(rb"%PDF-"), "application/pdf"),
    (re.compile(rb"<!doctype\s+html|<html[\s>]", re.IGNORECASE), "text/html"),
)
#: Asked as well where no type is given.
GUESSES = (
    *SIGNATURES,
    (re.compile(rb"<\?xml|<(?:\w+:)?ClinicalDocument[\s>]"), "application/xml"),
    (re.compile(rb"<(?:div|p|body|h[1-6]|table|br)[\s/>]", re.IGNORECASE), "text/html"),
)
UNTYPED = frozenset({"", "application/octet-stream", "binary/octet-stream", "text/*", "*/*"})
BOM = b"\xef\xbb\xbf"


def read(data: bytes, content_type: str) -> Text:
    """The text of an attachment.

    Raises:
        Unreadable: with the reason: no format that is read, or not what its type says.
    """
    media, _, parameters = content_type.partition(";")
    media = media.strip().lower()
    start = data[:200].removeprefix(BOM).lstrip()
    untyped = media in UNTYPED
    if untyped or media.startswith("text/"):
        signatures = GUESSES if untyped else SIGNATURES
        media = next((kind for signature, kind in signatures if signature.match(start)), media)
    if media in UNTYPED:
        return plain.guess(data)
    reader = READERS.get(media) or (plain.read if media.startswith("text/") else None)
    if reader is None:
        raise Unreadable(Reason.NOT_TEXT)
    return reader(data, parameters)
