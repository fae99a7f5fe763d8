"""Plain text: only the encoding has to be undone."""

from __future__ import annotations

import codecs
import re

from cds_service.formats.layout import Text, Unreadable
from cds_service.reasons import Reason

CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:+-]+)", re.IGNORECASE)
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
#: Encodings of records; the odd ones that a codec registry also knows are no charset of a text.
CHARSETS = re.compile(r"utf-(?:8|16|32)\S*|ascii|iso8859-\d+|cp\d+|mac-roman|koi8-\w|(?:shift_jis|euc_|gb|big5)\S*")
#: Labels that are wider in use than in name, as browsers have it.
WIDER = {"iso8859-1": "cp1252", "ascii": "utf-8"}
#: Characters that no text holds; bytes that decode to them are something else.
BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def read(data: bytes, parameters: str) -> Text:
    """Text in the charset of the parameters, else in UTF-8, else in Windows-1252."""
    text = decoded(data, parameters)
    if BINARY.search(text):
        raise Unreadable(Reason.NOT_DECODED)
    return Text(text)


def guess(data: bytes) -> Text:
    """Bytes of an unnamed type: text only if they are UTF-8 throughout and hold no control characters."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(Reason.NOT_TEXT) from None
    if BINARY.search(text):
        raise Unreadable(Reason.NOT_TEXT)
    return Text(text)


def decoded(data: bytes, parameters: str = "", declared: str = "") -> str:
    """The characters behind bytes: a byte order mark decides, then the charset, then UTF-8, then Windows-1252."""
    marked = next((name for mark, name in MARKS if data.startswith(mark)), "")
    named = CHARSET.search(parameters)
    for charset in (marked, named[1] if named else declared, "utf-8"):
        try:
            if codec := _codec(charset):
                return data.decode(codec)
        except UnicodeError:
            continue  # a wrong label; the next is tried
    return data.decode("cp1252", "replace")


def _codec(charset: str) -> str:
    """The name of the codec behind a charset, or empty."""
    try:
        name = codecs.lookup(charset).name if charset else ""
    except LookupError:
        return ""
    return WIDER.get(name, name) if CHARSETS.fullmatch(name) else ""
