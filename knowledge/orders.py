"""What orders and procedures are: their groups, by CPT number and by words."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.model import Chart, Order
from knowledge.reading.lexicon import normal, spaced
from knowledge.tables import Knowledge


def groups_of(orders: Sequence[Order], code: str, known: Knowledge) -> frozenset[str]:
    """What the orders ask for whose reason is the code, or that state none."""
    groups: set[str] = set()
    for order in orders:
        if order.selected and (not order.reasons or code in order.reasons):
            groups |= group_ids(order.text, order.cpt, known)
    return frozenset(groups)


def group_ids(text: str, cpt: Sequence[str], known: Knowledge) -> frozenset[str]:
    """The groups of an order or a procedure: by number, and by the longest phrases of its text."""
    by_number = {group.id for group in known.orders for number in cpt if group.has(number)}
    by_text = _worded(text, known)
    return frozenset((by_number | by_text) - {group.id for group in known.orders if group.excluded})


def _worded(text: str, known: Knowledge) -> set[str]:
    found = known.order_pattern.finditer(spaced(text.lower()))
    return {group for match in found for group in known.order_words[normal(match[0])]}


def performed_groups(chart: Chart, known: Knowledge) -> frozenset[str]:
    """What was done on the date of service, or within the inpatient stay."""
    first, last = (chart.start or chart.date, chart.end or chart.date) if chart.inpatient else (chart.date, chart.date)
    groups: set[str] = set()
    for procedure in chart.procedures:
        if procedure.completed and first <= procedure.date <= last:
            groups |= group_ids(procedure.text, (procedure.cpt,) if procedure.cpt else (), known)
    return frozenset(groups)
