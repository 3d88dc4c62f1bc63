"""Moderation: reports, decisions and the log of both."""
