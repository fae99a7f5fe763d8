"""Pages for people: what the service does, what it knows, what it says to a chart, how its advice was received.

They show what stands in ``knowledge/`` and what the service itself answers.  Their words stand in ``pages.toml``.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Flask, Response, request

from cds_service import catalogue
from cds_service.kept import Kept
from cds_service.pages import codes, doors, rules, samples, site
from cds_service.pages.home import Home
from cds_service.pages.marks import FIRST
from cds_service.pages.playground import Playground
from cds_service.pages.review import Reviewing
from cds_service.pages.search import LONGEST, Index
from cds_service.pages.site import WORDS, shown
from cds_service.services import discovery
from cds_service.settings import Settings
from knowledge import Knowledge


class Pages:
    """The pages of one service that need nobody to be signed in."""

    def __init__(self, known: Knowledge, options: Settings, kept: Kept) -> None:
        """Make what does not change.

        Raises:
            KnowledgeError: a rule's file is wrong, or a word for one of its facts is not written down.
        """
        self.known, self.options, self.kept = known, options, kept
        self.rules = rules.pages(known)
        self.index = Index(known, self.rules)
        self.home = Home(known, options, kept, WORDS["home"]["sample"])

    def register(self, app: Flask) -> None:
        """Put all pages there."""
        app.register_blueprint(self.blueprint())
        app.register_blueprint(Playground(self.known, self.options, self.rules).blueprint())
        app.register_blueprint(Reviewing(self.kept, self.rules).blueprint())
        app.register_blueprint(doors.blueprint())

    def blueprint(self) -> Blueprint:
        """``/``, ``/codes``, ``/codes/<code>``, ``/rules``, ``/rules/<id>``, ``/search`` and what they are made of."""
        pages = Blueprint("pages", __name__, template_folder="templates")
        pages.add_url_rule("/", "home", self._home)
        pages.add_url_rule("/codes", "codes", self._codes)
        pages.add_url_rule("/codes/<code>", "code", self._code)
        pages.add_url_rule("/rules", "rules", self._rules)
        pages.add_url_rule("/rules/<rule>", "rule", self._rule)
        pages.add_url_rule("/search", "search", self._search)
        pages.add_url_rule("/pages/<name>", "asset", site.asset)
        return pages

    def _home(self) -> Response:
        return shown(
            "home.html",
            said=WORDS["home"],
            known=self.known,
            pictured=self.home.pictured,
            services=discovery()["services"],
            counts={"codes": len(catalogue.category(self.known)), "rules": len(self.known.rules)},
            healthy=self.home.healthy,
            shown=self.home.shown,
            chart=WORDS["chart"],
            held=WORDS["held"],
            axes=FIRST,
            ehr=WORDS["ehr"],
        )

    def _codes(self) -> Response:
        return self._map(WORDS["codes"])

    def _map(self, said: dict[str, str], status: int = HTTPStatus.OK) -> Response:
        """The family map, beneath one sentence or another."""
        sites = {
            one.site: sorted(codes.mechanisms_of(one.site, self.known))
            for one in self.known.families.values()
            if one.site
        }
        rows = codes.grid(self.known)
        return shown("codes.html", status, said=said, here="codes", rows=rows, known=self.known, mechanisms=sites)

    def _code(self, code: str) -> Response:
        found = catalogue.find(code, self.known)
        if found is None:
            said = WORDS["codes"] | {"lead": WORDS["codes"]["unknown"]}
            return self._map(said, HTTPStatus.NOT_FOUND)
        page = codes.page(found, self.known)
        return shown("code.html", said=WORDS["code"], page=page, standings=WORDS["standing"], here="codes")

    def _rules(self) -> Response:
        return self._listed()

    def _listed(self, status: int = HTTPStatus.OK, *, unknown: bool = False) -> Response:
        pages, verdicts = self.rules.values(), WORDS["verdict"]
        return shown("rules.html", status, here="rules", pages=pages, verdicts=verdicts, unknown=unknown)

    def _rule(self, rule: str) -> Response:
        page = self.rules.get(rule)
        if page is None:
            return self._listed(HTTPStatus.NOT_FOUND, unknown=True)
        return shown("rule.html", page=page, verdicts=WORDS["verdict"], here="rules")

    def _search(self) -> Response:
        question = request.args.get("q", "")[:LONGEST].strip()
        return shown("search.html", said=WORDS["search"], question=question, found=self.index.ask(question))


__all__ = ["Pages", "samples"]
