"""Text -> what it says: one linear scan, clauses, assertion, and elements bound into lesions."""
