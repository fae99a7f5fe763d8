"""Where a card leads: the page that explains its rule, and the site's own SMART app.

Clients dislike absolute and SMART links on one card: where an app is linked, the explanation is part of the detail.
"""

from __future__ import annotations

from urllib.parse import quote

from cards.call import Call, Json
from cards.words import PHRASES


def links(rule: str, call: Call, *, app: bool = True) -> list[Json]:
    """The links of a card, all of one type; none where neither an app nor an address of this service is known."""
    if call.app and app:
        return [{"label": call.app.label, "url": call.app.url, "type": "smart", "appContext": rule}]
    url = _address(rule, call)
    return [{"label": PHRASES["explained"], "url": url, "type": "absolute"}] if url else []


def mention(rule: str, call: Call) -> str:
    """The explanation as a line of the detail, where the links are those of an app; else empty."""
    url = _address(rule, call)
    return f"[{PHRASES['explained']}]({url})" if call.app and url else ""


def _address(rule: str, call: Call) -> str:
    """Of the page; it holds the rule and nothing of the patient."""
    return f"{call.explain_url.rstrip('/')}/{quote(rule, safe='')}" if call.explain_url else ""
