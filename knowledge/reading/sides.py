"""Sides as they are written; a part of patterns, with no group of its own."""

ONE_SIDE = r"(?:left|right|lt|rt|l|r)"
SIDE = rf"(?:{ONE_SIDE[3:-1]}|bilat\w*)"
