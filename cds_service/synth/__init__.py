"""Invented Bulk Data exports with known answers, of any size: for tests of scale and for demonstrations."""
