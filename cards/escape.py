"""Text of the record -> text that a Markdown *and raw HTML* renderer shows as it was written."""

from __future__ import annotations

import re

#: Renderers turn bare addresses into links even where their marks are escaped; a word joiner stops that.
ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)(?=\w)", re.IGNORECASE)
#: Nothing else has a meaning within a line; block marks need a line start, and quotes stand within one.
MARKED = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]~|"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escape(text: str) -> str:
    """One line: no markup, no link, no control character or direction override survives."""
    if not text.isprintable():
        text = "".join(mark if mark.isprintable() else " " for mark in text)
    line = " ".join(text.split())
    return ADDRESS.sub("\u2060", line).translate(MARKED)
