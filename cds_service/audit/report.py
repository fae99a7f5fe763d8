"""``foramen audit report``: the findings of a directory as a page that a manager reads, and as Markdown."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from cards import words as card_words
from cards.escape import escape
from cds_service.audit import charts
from cds_service.audit.figures import Figures
from knowledge import Knowledge
from knowledge.payers import PayerNote, payer_notes

HERE = Path(__file__).parent
WORDS: dict[str, Any] = tomllib.loads((HERE / "report.toml").read_text(encoding="utf-8"))
HTML, MARKDOWN = "report.html", "report.md"
MOST_BARS, MOST_LINES = 12, 25
IN_TIME, IN_ORDER = "month", frozenset({"family", "region", "month"})


@dataclass(frozen=True)
class Dimension:
    """Verdicts by one property of the encounters."""

    id: str
    title: str
    lines: tuple[tuple[str, Counter[str]], ...]

    @cached_property
    def chart(self) -> str:
        """The same as bars; what is beyond the most common ones is one bar."""
        upright = self.id == IN_TIME
        shown = list(self.lines if upright or self.id in IN_ORDER else self.lines[:MOST_BARS])
        rest: Counter[str] = sum((counts for _, counts in self.lines[len(shown) :]), Counter())
        shown += [(WORDS["more"], rest)] if rest else []
        series = [
            (verdict["label"], verdict["colour"], [counts[verdict["id"]] for _, counts in shown])
            for verdict in WORDS["verdict"]
            if any(counts[verdict["id"]] for _, counts in shown)
        ]
        return charts.bars(self.id, [label for label, _ in shown], series, upright=upright)


@dataclass(frozen=True)
class Report:
    """Everything that the two templates show."""

    figures: Figures
    summary: Mapping[str, Any]
    known: Knowledge

    @property
    def counts(self) -> list[tuple[str, int]]:
        """What was read and judged, in words."""
        held = self.summary["counts"]
        return [(said, held[name]) for name, said in WORDS["counts"].items() if held.get(name)]

    @property
    def verdicts(self) -> list[tuple[Mapping[str, str], int, float]]:
        """Every verdict with its count and its share of all, in percent."""
        counts, total = self.figures.verdicts, max(self.figures.total, 1)
        return [(one, counts[one["id"]], 100 * counts[one["id"]] / total) for one in WORDS["verdict"]]

    @cached_property
    def dimensions(self) -> list[Dimension]:
        """The verdicts by family, region, clinic, clinician and month."""
        return [Dimension(one["id"], one["title"], self._lines(one["id"])) for one in WORDS["dimension"]]

    def _lines(self, dimension: str) -> tuple[tuple[str, Counter[str]], ...]:
        held = self.figures.by.get(dimension, {})
        order = self._order(dimension)
        values = sorted(held, key=order.index if order else lambda one: (-held[one].total(), one))
        if dimension == IN_TIME:
            values = sorted(held)
        return tuple((self._label(dimension, value), held[value]) for value in values)

    def _order(self, dimension: str) -> list[str]:
        tables: dict[str, Mapping[str, Any]] = {"family": self.known.families, "region": self.known.regions}
        return [*tables[dimension], ""] if dimension in tables else []

    def _label(self, dimension: str, value: str) -> str:
        if dimension == "family" and value:
            return f"{self.known.category}.{value} {self.known.families[value].title}"
        if dimension == "region" and value:
            return self.known.regions[value].display
        absent = WORDS["no_code"] if dimension in {"family", "region"} else WORDS["none"]
        name: str = self.summary.get("names", {}).get(value, value)
        return name or absent

    @property
    def pairs(self) -> list[tuple[str, str, int]]:
        """The commonest pairs of a chosen and a documented code."""
        ranked = sorted(self.figures.pairs.items(), key=lambda pair: (-pair[1], pair[0]))
        return [(chosen, proposed, count) for (chosen, proposed), count in ranked[:MOST_LINES]]

    @property
    def missing(self) -> list[tuple[str, str, int]]:
        """The commonest missing elements: what they are, whether a code can be told without them, how often."""
        ranked = sorted(self.figures.missing.items(), key=lambda one: (-one[1], one[0]))
        said = card_words.LABELS["missing"]
        return [(said.get(element, element), WORDS["missing_names"][kind], count) for (kind, element), count in ranked]

    @property
    def examples(self) -> list[tuple[Mapping[str, str], Sequence[Mapping[str, Any]]]]:
        """Some rows of each verdict with their quotes; none of what is in order."""
        held = self.figures.examples
        return [(one, held[one["id"]]) for one in WORDS["verdict"][1:] if one["id"] in held]

    @property
    def payers(self) -> list[tuple[PayerNote, int]]:
        """The notes of payers about codes that were found, and how often those were."""
        counts = (
            (note, sum(n for code, n in self.figures.codes.items() if note.concerns(code))) for note in payer_notes()
        )
        return [(note, count) for note, count in counts if count]

    def title_of(self, code: str) -> str:
        """The official title of a code, or nothing."""
        known = self.known.codes.get(code)
        return known.title if known else ""


def written(report: Report) -> dict[str, str]:
    """The report as HTML and as Markdown, by the names of their files."""
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters["line"] = escape
    return {name: templates.get_template(name).render(report=report, words=WORDS) for name in (HTML, MARKDOWN)}
