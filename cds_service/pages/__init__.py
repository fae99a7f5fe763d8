"""Pages that say what each rule looks at.  They hold knowledge alone: nothing of a call, a client or a patient."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, render_template

from knowledge import Knowledge, KnowledgeError
from knowledge.files import HERE as KNOWLEDGE
from knowledge.files import toml
from knowledge.model import Rule
from knowledge.tables import Element

HERE = Path(__file__).parent
WORDS: dict[str, Any] = tomllib.loads((HERE / "pages.toml").read_text(encoding="utf-8"))
STYLE = (HERE / "pages.css").read_bytes()
#: The page, its style sheet, and nothing else: no script, no picture, no form, no other site.
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Page:
    """What one page tells of one rule."""

    id: str
    title: str
    why: str
    resolved: str  #: what makes the card go away
    source: str = ""
    policy: tuple[str, ...] = ()
    card: str = ""  #: what kind of card it makes
    facts: tuple[tuple[str, tuple[str, ...]], ...] = ()  #: a question and the answers that let the rule apply
    elements: tuple[Element, ...] = ()  #: what may be asked for on the card besides
    examples: tuple[dict[str, Any], ...] = ()


class Pages:
    """The pages of one knowledge, made once; the addresses hold the id of a rule."""

    def __init__(self, known: Knowledge, root: Path = KNOWLEDGE) -> None:
        """Make the pages.

        Raises:
            KnowledgeError: a rule's file is wrong, or a word for one of its facts is not written down.
        """
        made = [*(_page(rule, known, root) for rule in known.rules), *_others()]
        self.pages = {page.id: page for page in made}

    def blueprint(self) -> Blueprint:
        """``/rules``, ``/rules/<id>`` and their style sheet."""
        pages = Blueprint("pages", __name__, template_folder="templates")
        pages.add_url_rule("/rules", "rules", self._all)
        pages.add_url_rule("/rules/<rule>", "rule", self._one)
        pages.add_url_rule("/rules/pages.css", "style", _style)
        return pages

    def _all(self) -> Response:
        return _shown("rules.html", pages=self.pages.values(), here="rules/")

    def _one(self, rule: str) -> Response:
        page = self.pages.get(rule)
        if page is None:
            return _shown("rules.html", HTTPStatus.NOT_FOUND, pages=self.pages.values(), unknown=True)
        return _shown("rule.html", page=page)


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


def _shown(template: str, status: int = HTTPStatus.OK, **told: Any) -> Response:
    """A page.  Its links are relative: a proxy may serve it below a path of its own (``here``: where the pages lie)."""
    reply = Response(render_template(template, words=WORDS["page"], **told), status, mimetype="text/html")
    reply.headers["Content-Security-Policy"] = POLICY
    return reply


def _style() -> Response:
    return Response(STYLE, mimetype="text/css")
