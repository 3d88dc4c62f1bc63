"""Rules of passwords (NIST SP 800-63B: long, and nothing about kinds of characters)."""

from __future__ import annotations

from shared.problems import FieldError, Invalid

MIN_PASSWORD = 10
MAX_PASSWORD = 256


def require_good_password(password: str, username: str) -> str:
    """The password, if it may be set; Invalid says what is wrong with it."""
    reason = None
    if len(password) < MIN_PASSWORD:
        reason = f"A password has {MIN_PASSWORD} characters or more."
    elif len(password) > MAX_PASSWORD:
        reason = f"A password has {MAX_PASSWORD} characters at most."
    elif len(set(password)) < 4:
        reason = "This password is the same few characters again and again."
    elif username.lower() in password.lower() and len(password) < len(username) + MIN_PASSWORD:
        reason = "This password is little more than the account's name."
    if reason:
        raise Invalid(reason, errors=[FieldError("password", reason)])
    return password
