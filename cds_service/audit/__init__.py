"""The same judgement over a Bulk Data export: every encounter with a code of the category, one row per code."""
