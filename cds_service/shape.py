"""Checks of the shape of JSON: what is of a wrong type is refused, naming the place."""

from __future__ import annotations

from typing import Any

from cds_service.errors import RequestError

WORDS = {str: "a string", dict: "an object", list: "an array", bool: "true or false"}
Step = str | int
HOLDERS = (dict, list)


def expect(value: Any, kinds: tuple[type, ...], place: tuple[Step, ...]) -> Any:
    """The value, if it is of one of the kinds.

    Raises:
        RequestError: 400 with the place.
    """
    if not isinstance(value, kinds):
        wanted = " or ".join(WORDS[kind] for kind in kinds)
        raise RequestError(400, "structure", f"expected {wanted}", place)
    return value


def optional(holder: dict[str, Any], member: str, kinds: tuple[type, ...], place: tuple[Step, ...] = ()) -> Any:
    """The member, or None where it is absent or null (clients send both: Q3)."""
    value = holder.get(member)
    return None if value is None else expect(value, kinds, (*place, member))


def required(holder: dict[str, Any], member: str, kinds: tuple[type, ...], place: tuple[Step, ...] = ()) -> Any:
    """The member, which must be there.

    Raises:
        RequestError: 400 with the place.
    """
    if holder.get(member) is None:
        raise RequestError(400, "required", "is required", (*place, member))
    return expect(holder[member], kinds, (*place, member))


def deeper(value: Any, limit: int) -> bool:
    """Whether JSON is nested deeper than so many levels.  It is read level by level: depth costs no stack."""
    level = [value] if isinstance(value, HOLDERS) else []
    for _ in range(limit):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, HOLDERS)
        ]
        if not level:
            return False
    return bool(level)
