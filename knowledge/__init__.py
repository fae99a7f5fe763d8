"""What is known about the M99 codes, and how that decides.

Clinical content is data (codes, axes, vocabulary, structural diagnoses, rules); the modules read it and reason
with it.  No HTTP, no FHIR, no clock, no randomness, no environment, no clinical word in Python.
"""

from knowledge.assessment import assess
from knowledge.load import KnowledgeError, load
from knowledge.model import ICD10CM, Assertion, Assessment, Chart, Code, Evidence, Rule, Verdict
from knowledge.reading.statement import Scan
from knowledge.reading.statements import scan
from knowledge.record import Reader, Reading, reading
from knowledge.tables import Knowledge

__all__ = [
    "ICD10CM",
    "Assertion",
    "Assessment",
    "Chart",
    "Code",
    "Evidence",
    "Knowledge",
    "KnowledgeError",
    "Reader",
    "Reading",
    "Rule",
    "Scan",
    "Verdict",
    "assess",
    "load",
    "reading",
    "scan",
]
