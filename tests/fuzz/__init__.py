"""Bounded fuzzing of what reads strangers' bytes; not part of the tests, run by `make fuzz`."""
