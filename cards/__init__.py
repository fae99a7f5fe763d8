"""Assessment -> CDS Hooks cards: how a decision is said."""

from cards.call import App, Call, Targets
from cards.capabilities import capabilities
from cards.override import POSTPONING
from cards.write import unavailable, write

__all__ = ["POSTPONING", "App", "Call", "Targets", "capabilities", "unavailable", "write"]
