"""Limits of the process that reads one file."""

MEMORY_BYTES = 1 << 30
"""Address space of a child. Headers and pickles at their limits take about half."""
OPEN_FILES = 64
REPORT_MAX_BYTES = 8 << 20
