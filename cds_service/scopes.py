"""What an access token is good for: SMART scopes, as both versions of SMART App Launch write them (F6).

``patient/Condition.read`` (STU1) and ``patient/Condition.rs?category=...`` (STU2) are the same permission here: what a
filter leaves out, the server decides.
"""

from __future__ import annotations

import re

SCOPE = re.compile(
    r"(?:patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]*)\.(?P<rights>\*|read|write|c?r?u?d?s?)(?:\?\S*)?"
)
#: The rights of STU1 in letters of STU2: create, read, update, delete, search.
RIGHTS = {"*": "cruds", "read": "rs", "write": "cud"}


def covers(scope: str, kind: str, *, search: bool) -> bool:
    """Whether a token may read or search resources of a kind.

    A scope that names no resource at all leaves it to the server: some clients send only what concerns the launch.
    """
    granted = [match for match in map(SCOPE.fullmatch, scope.split()) if match]
    return not granted or any(
        match["type"] in {"*", kind} and ("s" if search else "r") in RIGHTS.get(match["rights"], match["rights"])
        for match in granted
    )
