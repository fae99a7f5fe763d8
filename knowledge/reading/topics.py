"""The levels and regions that a sentence is about without naming them: carried over a line and a paragraph."""

from __future__ import annotations

from knowledge.model import Assertion
from knowledge.reading.statement import Statement
from knowledge.tables import Knowledge

MANY = 3  #: levels of one sentence; of more the last are what the next is about
TITLE = 2  #: sentences of a report that may be its title


def carry(text: str, statements: list[Statement], known: Knowledge) -> None:
    """Carry levels and regions over the sentences of a line and a paragraph."""
    levels: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    named: tuple[str, ...] = ()  # regions by a word, not by a level
    title: tuple[str, ...] = ()
    paragraph, section = -1, ""
    for number, statement in enumerate(statements):
        sentence = statement.sentence
        if sentence.paragraph != paragraph or sentence.section not in {section, "addendum"}:
            levels, regions, named = (), title, title
        paragraph, section = sentence.paragraph, sentence.section
        if statement.own and sentence.line_start and _heads(text, statement):
            levels = ()
        statement.topic, statement.topic_regions = levels, regions
        if not statement.events:
            continue
        said = _regions_said(statement, known) if "region" in statement.said else ()
        statement.topic_regions = said or (named if statement.own else regions)
        if said:
            regions = named = said
        if statement.own:
            levels = _carried(statement)
            regions = tuple(dict.fromkeys(known.levels[level].region for level in levels)) or regions
        if statement.document.kind == known.parts.report and number < TITLE and said and not title:
            title = regions = said


def _heads(text: str, statement: Statement) -> bool:
    """Whether the line begins with a level of its own."""
    first = next((event for event in statement.events if event.levels and not event.root), None)
    return first is not None and not text[statement.sentence.start : first.start].strip(" \t-*•>#.)(:0123456789")


def _carried(statement: Statement) -> tuple[str, ...]:
    """The levels the next sentences are about: those of the heading, else of the last clause that names any."""
    if len(statement.own) > MANY:
        for clause in reversed(statement.clauses):
            if clause.levels:
                return clause.levels
    return statement.own


def _regions_said(statement: Statement, known: Knowledge) -> tuple[str, ...]:
    said = [
        value
        for event in statement.events
        if event.assertion is not Assertion.NEGATED
        for value in event.values("region")
    ]
    return tuple(dict.fromkeys(value for value in said if value in known.regions))
