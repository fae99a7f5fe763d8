"""What each rule looks at, as a page: knowledge alone, nothing of a call, a client or a patient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cds_service.pages.site import WORDS
from knowledge import Knowledge, KnowledgeError
from knowledge.files import HERE as KNOWLEDGE
from knowledge.files import toml
from knowledge.model import Rule
from knowledge.tables import Element


@dataclass(frozen=True, slots=True)
class Page:
    """What one page tells of one rule."""

    id: str
    title: str
    why: str
    resolved: str  #: what makes the card go away
    source: str = ""
    policy: tuple[str, ...] = ()
    verdict: str = ""
    card: str = ""  #: what kind of card it makes
    facts: tuple[tuple[str, tuple[str, ...]], ...] = ()  #: a question and the answers that let the rule apply
    elements: tuple[Element, ...] = ()  #: what may be asked for on the card besides
    examples: tuple[dict[str, Any], ...] = ()


def pages(known: Knowledge, root: Path = KNOWLEDGE) -> dict[str, Page]:
    """The page of each rule, by its id, and of the cards that no rule makes.

    Raises:
        KnowledgeError: a rule's file is wrong, or a word for one of its facts is not written down.
    """
    made = [*(_page(rule, known, root) for rule in known.rules), *_others()]
    return {page.id: page for page in made}


def _page(rule: Rule, known: Knowledge, root: Path) -> Page:
    path = root / f"rules/{rule.id}.toml"
    examples = toml(path, "rule")["example"]
    try:
        return Page(
            rule.id,
            rule.title,
            rule.why,
            WORDS["resolved"][rule.id],
            rule.source,
            rule.policy,
            str(rule.verdict),
            WORDS["card"][rule.verdict],
            tuple(_facts(rule)),
            known.elements if str(rule.verdict) in WORDS["elements"]["verdicts"] else (),
            tuple(sorted(examples, key=lambda one: not one["fires"])),
        )
    except KeyError as unsaid:
        raise KnowledgeError(path, f"cds_service/pages/pages.toml has no words for {unsaid}") from None


def _facts(rule: Rule) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The facts that decide whether the rule applies; one of which every answer will do decides nothing."""
    for fact, said in WORDS["fact"].items():
        answers = {answer: words for answer, words in said.items() if answer != "asked"}
        if unsaid := rule.when[fact] - answers.keys():
            raise KeyError(*sorted(unsaid))
        if rule.when[fact] != answers.keys():
            yield said["asked"], tuple(words for answer, words in answers.items() if answer in rule.when[fact])


def _others() -> Iterator[Page]:
    """Pages of cards that no rule makes."""
    for name, said in WORDS["other"].items():
        yield Page(name, **said)
