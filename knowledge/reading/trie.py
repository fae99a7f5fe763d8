"""Phrases -> one regular expression that finds the longest of them, small enough to compile at every start.

The phrases are folded into a graph that shares beginnings (a trie) and ends.  Where all ways out of a node meet
again, what follows is written once: ``(?:mild|severe) stenosis`` and not ``mild stenosis|severe stenosis``.  No two
branches of a node begin alike, so the scan is linear and no phrase is tried twice.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence

#: What a blank of a phrase may be in the text.
GAP = r"[ \t\n/-]{1,3}"
#: The node where every phrase ends.
END = 0

Edge = tuple[str, int]  #: what stands on the way, and the node it leads to


def factored(phrases: Iterable[str], gap: str = GAP) -> str:
    """A pattern that matches the longest of the phrases at a place; ``gap`` is the pattern of a blank."""
    ordered = sorted(set(phrases))
    if not ordered:
        return r"(?!)"
    graph = _Graph(ordered)
    return graph.written(graph.folded(0, len(ordered), 0), END).replace(r"\ ", gap)


class _Graph:
    """The phrases as a graph without circles: every way from the first node to END spells one of them."""

    def __init__(self, ordered: Sequence[str]) -> None:
        self.phrases = ordered
        self.numbers: dict[tuple[bool, tuple[Edge, ...]], int] = {(True, ()): END}
        self.nodes: list[tuple[bool, tuple[Edge, ...]]] = [(True, ())]  #: whether a phrase ends here; ways on
        self.meets = [END]  #: the next node that every way on comes through
        self.depth = [0]  #: how many such nodes follow

    def folded(self, first: int, last: int, depth: int) -> int:
        """The node for phrases that agree in their first ``depth`` characters."""
        ends = len(self.phrases[first]) == depth
        first += ends
        edges: list[Edge] = []
        while first < last:
            phrase = self.phrases[first]
            until = self._agreeing(first, last, depth)
            if until == first + 1:
                edges.append((phrase[depth:], END))
            else:
                end = _agree(phrase, self.phrases[until - 1], depth + 1)
                edges.append((phrase[depth:end], self.folded(first, until, end)))
            first = until
        return self._node(ends, tuple(edges))

    def _agreeing(self, first: int, last: int, depth: int) -> int:
        """Where the phrases end that have the same character at ``depth`` as the first one."""
        phrase = self.phrases[first]
        if self.phrases[last - 1][depth] == phrase[depth]:
            return last
        return bisect_left(self.phrases, phrase[:depth] + chr(ord(phrase[depth]) + 1), first, last)

    def _node(self, ends: bool, edges: tuple[Edge, ...]) -> int:  # noqa: FBT001
        """The one node with these ways on."""
        number = self.numbers.setdefault((ends, edges), len(self.nodes))
        if number == len(self.nodes):
            self.nodes.append((ends, edges))
            meets = END if ends else self._meeting([node for _, node in edges])
            self.meets.append(meets)
            self.depth.append(self.depth[meets] + 1)
        return number

    def _meeting(self, nodes: Sequence[int]) -> int:
        """The first node that every way from all of these comes through."""
        meeting = nodes[0]
        for node in nodes[1:]:
            other = node
            while meeting != other:
                if self.depth[meeting] >= self.depth[other]:
                    meeting = self.meets[meeting]
                else:
                    other = self.meets[other]
        return meeting

    def written(self, node: int, until: int) -> str:
        """The pattern of the ways from a node to another that all of them come through."""
        parts = []
        while node != until:
            ends, edges = self.nodes[node]
            options = self._options(edges, self.meets[node])
            parts.append(f"(?:{'|'.join(options)})?" if ends else _one_of(options))
            node = self.meets[node]
        return "".join(parts)

    def _options(self, edges: Sequence[Edge], until: int) -> list[str]:
        """The alternatives among these ways; those that meet before ``until`` are written as one."""
        meeting: dict[int, list[Edge]] = {}
        for edge in edges:
            meeting.setdefault(self._last_before(edge[1], until), []).append(edge)
        options = _labels([label for label, _ in meeting.pop(until, ())])
        for place, together in meeting.items():
            if len(together) == 1:
                label, node = together[0]
                options.append(_text(label) + self.written(node, until))
            else:
                options.append(_one_of(self._options(together, place)) + self.written(place, until))
        return options

    def _last_before(self, node: int, until: int) -> int:
        """The last node before ``until`` that every way from a node comes through."""
        while node != until and self.meets[node] != until:
            node = self.meets[node]
        return node


def _agree(one: str, other: str, start: int) -> int:
    """How far two texts agree that agree up to ``start``."""
    end = min(len(one), len(other))
    while start < end and one[start] == other[start]:
        start += 1
    return start


def _labels(labels: Sequence[str]) -> list[str]:
    """Alternatives of plain text; single characters become one class."""
    singles = [label for label in labels if len(label) == 1 and label != " "]
    if len(singles) < 2:  # noqa: PLR2004
        return [_text(label) for label in labels]
    rest = [_text(label) for label in labels if label not in singles]
    return [f"[{''.join(map(re.escape, singles))}]", *rest]


def _one_of(options: Sequence[str]) -> str:
    return options[0] if len(options) == 1 else f"(?:{'|'.join(options)})"


def _text(label: str) -> str:
    return label if label.isalnum() else re.escape(label)
