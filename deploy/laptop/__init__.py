"""A whole hub on one machine: embedded engines and all services as processes, kept by supervisor."""

HOST = "127.0.0.1"
"""Where everything listens; the gateway alone can be told otherwise."""
