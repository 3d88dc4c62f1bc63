"""Checks the plain texts that go with models: configurations, captions, wildcards, workflows."""

from __future__ import annotations

import json
import re

from services.upload.scan.agreement import extension_of
from services.upload.scan.machine import walk_pickle
from services.upload.scan.report import Refusal

MAX_TEXT_BYTES = 16 << 20

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
# YAML loaders of Python make any object that such a tag names.
_PYTHON_TAG = re.compile(r"!!?python/|tag:yaml\.org,2002:python/|!<[^>]*python", re.IGNORECASE)


def check_text(data: bytes, name: str) -> None:
    """A text is UTF-8 without control characters, no pickle, and what its extension says.

    Raises:
        Refusal: it is not.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal("text.encoding", f"byte {error.start}", f"{name} is not UTF-8. Save it as UTF-8.") from None
    if found := _CONTROL.search(text):
        raise Refusal("text.control", f"character {found.start()}", f"{name} holds control characters. Remove them.")
    walk = walk_pickle(data)
    if walk.imports and (walk.has_called or walk.is_complete):
        raise Refusal("text.pickle", "", f"{name} is a Python pickle that reads like a text.", is_dangerous=True)
    extension = extension_of(name)
    if extension in (".yaml", ".yml") and _PYTHON_TAG.search(text):
        raise Refusal("text.python_tag", "", f"{name} asks a YAML loader to make Python objects.", is_dangerous=True)
    if extension == ".json":
        try:
            json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Refusal("text.json", "", f"{name} is not valid JSON ({error}). Correct it.") from None
