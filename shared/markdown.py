"""What Markdown may cost. Its parser takes seconds for a page of nothing but brackets, and texts come from anybody."""

from __future__ import annotations

from typing import Final

from markupsafe import escape

_COSTLY: Final = "[*_~`|"
"""Characters that open something: each is looked at again for each of the others that was not closed."""
_MOST: Final = 3_000
"""So many of each take 100 ms or less; a description of 100,000 characters in earnest has a few hundred."""


def is_cheap(text: str) -> bool:
    """Whether the text can be parsed in milliseconds."""
    return all(text.count(mark) <= _MOST for mark in _COSTLY)


def as_words(text: str) -> str:
    """HTML that shows a text as it was written."""
    return f"<p>{escape(text)}</p>"
