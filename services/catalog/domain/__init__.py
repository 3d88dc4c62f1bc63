"""Rules of the catalog: values in, values and events out. No I/O, no clock, no randomness."""
