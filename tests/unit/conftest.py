"""How hypothesis runs here: a machine that does other things at the same time must not fail a test by being slow."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("easel", deadline=None)
settings.load_profile("easel")
