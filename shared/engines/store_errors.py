"""What can go wrong with the object store.

Apart from the store's client, which takes 0.3 s and 15 MB to import: every process answers for these errors, but only
those that touch files need the client.
"""

from __future__ import annotations


class NoSuchObject(Exception):
    """There is no object (or upload) of that key in that bucket."""


class StoreRefused(Exception):
    """The store answered, and refused; the message has its reason."""


class StoreDown(Exception):
    """The store cannot be reached or is failing; the same call will work later."""
