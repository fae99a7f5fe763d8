"""Assessment -> CDS Hooks cards: how a decision is said."""

from cards.call import Call, Targets
from cards.capabilities import capabilities
from cards.write import unavailable, write

__all__ = ["Call", "Targets", "capabilities", "unavailable", "write"]
