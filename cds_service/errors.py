"""What could not be answered, said as an OperationOutcome that names the place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

#: Member names are the caller's own words: only those that look like names are said back.
NAME = re.compile(r"[A-Za-z][\w.-]{0,63}")


class RequestError(Exception):
    """A request that cannot be answered as it stands: its HTTP status, what is wrong, and where."""

    def __init__(self, status: int, code: str, problem: str, place: Iterable[str | int] = ()) -> None:
        super().__init__(problem)
        self.status = status
        self.code = code  #: of http://hl7.org/fhir/issue-type
        self.problem = problem
        self.place = tuple(place)  #: member names and positions from the root of the body

    def outcome(self) -> dict[str, Any]:
        """The OperationOutcome that answers the request."""
        return outcome(self.code, self.problem, self.place)


def outcome(code: str, problem: str, place: Iterable[str | int] = ()) -> dict[str, Any]:
    """An OperationOutcome with one issue; ``expression`` is the place as FHIRPath, the text has it as JSON pointer."""
    steps = [step if isinstance(step, int) or NAME.fullmatch(step) else "?" for step in place]
    text = f"{'/' + '/'.join(map(str, steps))}: {problem}" if steps else problem
    issue: dict[str, Any] = {"severity": "error", "code": code, "diagnostics": text}
    if steps:
        issue["expression"] = [_path(steps)]
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _path(steps: Iterable[str | int]) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return path.removeprefix(".")
