"""The log: one JSON line per event, and never a word of a record, a body, a token or a name."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import orjson

LOGGER = logging.getLogger("foramen")
#: A hookInstance comes from outside: it is logged only where it looks like an identifier.
IDENTIFIER = re.compile(r"[0-9A-Za-z-]{1,64}")


class Line(logging.Formatter):
    """A record as one line of JSON: its event and the facts given with it."""

    def format(self, record: logging.LogRecord) -> str:
        facts = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        return orjson.dumps(facts, default=str).decode()


def open_journal(level: int = logging.INFO) -> None:
    """Send the log to standard error.  Other libraries keep to warnings: they may log what they were given."""
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(Line())
    LOGGER.handlers[:] = [out]
    LOGGER.propagate = False
    LOGGER.setLevel(level)


def note(event: str, facts: Mapping[str, object], level: int = logging.INFO) -> None:
    """Log an event with facts that hold nothing of a patient."""
    LOGGER.log(level, event, extra={"facts": dict(facts)})


def identifier(text: object) -> str:
    """A foreign identifier, if it looks like one."""
    return text if isinstance(text, str) and IDENTIFIER.fullmatch(text) else "(unreadable)"


def where(error: BaseException) -> dict[str, object]:
    """What went wrong, and in which lines.  The message of an error may quote the record, so it is left out."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    lines = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return {"error": type(error).__name__, "lines": lines}
