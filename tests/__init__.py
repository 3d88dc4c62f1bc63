"""Tests: `unit` without engines, `integration` one part on its real engines, `e2e` a whole hub by its front door."""
