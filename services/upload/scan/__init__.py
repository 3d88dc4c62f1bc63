"""The scan engine: decides from a file's bytes alone whether it may be served, and what it is.

`scan.scan_file` and `scan.scan_stream` do the work in this process; `child.scan_isolated` does it in a confined child.
Nothing here knows of Kafka, HTTP or S3, and nothing here ever unpickles, imports a named module or loads a model.
"""

SCANNER_VERSION = "2"
"""Changes with the code that reads files; stored with every report."""

RULES_VERSION = "2026-11-25"
"""Changes with the allow-lists and limits; a change means that every file is scanned again."""
