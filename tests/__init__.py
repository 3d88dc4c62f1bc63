"""Tests: `unit` needs no engine, `integration` one part and its real engines, `e2e` a whole hub through its front door."""
