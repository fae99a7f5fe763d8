"""What is kept: the advice that was given, and what clinicians did with it."""

from cds_service.store.connect import address, comments, engine, in_memory, secret
from cds_service.store.ledger import Advised, Heard, Store, Unavailable

__all__ = ["Advised", "Heard", "Store", "Unavailable", "address", "comments", "engine", "in_memory", "secret"]
