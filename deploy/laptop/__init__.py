"""A whole hub on one machine: embedded engines and all services as processes, kept by supervisor."""
