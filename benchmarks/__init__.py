"""Measurements of a hub. Each is run as `python -m benchmarks.NAME`; README.md says what each one measures."""
