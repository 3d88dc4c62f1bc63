"""Shapes between the gateway and the services."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from shared.api.hub import Ask, FileFacts, FilePreferences, FileState, Previews


class Inside(msgspec.Struct, frozen=True, kw_only=True):
    """Base of inner answers."""


class AttachFile(Ask, frozen=True, kw_only=True):
    """gateway → catalog: the upload service opened an upload for this version."""

    file_id: int
    upload_id: str
    name: str
    type: str
    size_bytes: int
    metadata: FileFacts = FileFacts()


class OpenUpload(Ask, frozen=True, kw_only=True):
    """gateway → upload: a version that the actor may add files to."""

    version_id: int
    name: str
    size_bytes: int
    type: str


class RateContent(Ask, frozen=True, kw_only=True):
    """gateway → moderation: a rating, and the model that its subject belongs to."""

    model_id: int
    subject_type: Literal["model", "image"]
    subject_id: int
    level: int
    reason: str


class VersionRights(Inside, frozen=True, kw_only=True):
    """catalog → gateway: the actor may add files to this version."""

    version_id: int
    model_id: int


class DownloadTarget(Inside, frozen=True, kw_only=True):
    """catalog → gateway: a clean file of a published version. `object_key` is in the models bucket."""

    model_id: int
    version_id: int
    file_id: int
    name: str
    object_key: str
    size_bytes: int
    sha256: str
    state: FileState
    scanned_at: datetime


class Wish(FilePreferences, frozen=True, kw_only=True):
    """Which file a download asks for: an exact file, a type, and preferences that must not be contradicted.

    `saved` are those that the caller has kept for every download; they decide, but nothing contradicts them.
    """

    file_id: int | None = None
    type: str | None = None
    saved: FilePreferences = FilePreferences()


class DocumentAsk(msgspec.Struct, frozen=True, array_like=True):
    """gateway → catalog: one public document, as JSON with `v1.ORIGIN_MARK`.

    A model or a version by id, the version that has a file of a hash, or the file that a download of a version means
    (`DownloadTarget`).
    """

    kind: Literal["model", "version", "hash", "download"]
    of: int | str
    wish: Wish = Wish()


class NewestPage(Inside, frozen=True, kw_only=True):
    """catalog → gateway: an array of listed models, and the place of the last one if more follow."""

    items: bytes
    next: str | None


class RepoFile(Inside, frozen=True, kw_only=True):
    """One file of a repository: its path there, and where its bytes are."""

    path: str
    target: DownloadTarget


class Repo(Inside, frozen=True, kw_only=True):
    """catalog → gateway: a model as a repository of files, at one revision."""

    creator: str
    name: str
    model_id: int
    version_id: int
    commit: str
    type: str
    base_model: str
    tags: list[str]
    downloads: int
    likes: int
    created_at: datetime
    updated_at: datetime
    files: list[RepoFile]


NO_SUCH_REVISION = "no-such-revision"
"""Slug of the catalog's 404 for a repository that exists but not at that revision."""

DOWNLOADS_DISABLED = "downloads-disabled"
LOGIN_NEEDED = "login-needed"
EARLY_ACCESS = "early-access"
"""Slugs of the catalog's refusals of a download. The detail of the last one is when early access ends."""


SIZE_BANDS: Final = ("up to 50 MB", "up to 500 MB", "up to 2.5 GB", "up to 8 GB", "over 8 GB")
"""Values of the facet `sizes`, small ones first."""


FACET_VALUES: Final = 30
"""How many values of a facet are counted, the most frequent first."""
LONG_FACET_VALUES: Final = 300
"""How many of a facet that is asked for at length."""


class FacetValue(Inside, frozen=True, kw_only=True):
    """A value of a facet, and how many models a list would have that also (or only) has this value chosen."""

    value: str
    count: int
    chosen: bool = False


class Facet(Inside, frozen=True, kw_only=True):
    """The values of one filter, most frequent first; chosen ones are always among them."""

    name: str
    values: list[FacetValue]


class Hiding(Inside, frozen=True, kw_only=True):
    """A filter, and how many results there would be without it."""

    filter: str
    count: int


class SearchPage(Inside, frozen=True, kw_only=True):
    """search → gateway: ids of one page, best first."""

    ids: list[int]
    total: int
    next_cursor: str | None = None
    fallback: str | None = None
    """Why the hits are not what was typed: `split` (a word was taken apart), `misspelt`, `some-words` (not all)."""
    corrected: str | None = None
    """The query as it would be spelt, where the fallback is `misspelt` or nothing was found with these filters."""
    facets: list[Facet] = []
    hidden_by: list[Hiding] = []
    """Where nothing was found: filters without which there would be results."""
    popular: list[int] = []
    """Where nothing was found: popular models inside the same filters."""


class Suggestions(Inside, frozen=True, kw_only=True):
    """search → gateway: what begins as somebody types. `models` are ids, best first."""

    models: list[int]
    creators: list[NamedCount]
    tags: list[NamedCount]


class PreviewStates(Inside, frozen=True, kw_only=True):
    """render → gateway: progress by version id."""

    versions: dict[int, Previews]


class NamedCount(Inside, frozen=True, kw_only=True):
    """A creator or a tag, and how many visible models it has."""

    name: str
    models: int


class NamesPage(Inside, frozen=True, kw_only=True):
    """catalog → gateway: creators or tags. `total` is a lower bound when they were searched for."""

    items: list[NamedCount]
    total: int
    has_more: bool


class FileHeader(Inside, frozen=True, kw_only=True):
    """catalog → gateway: a public file whose header may be read. `object_key` is in the models bucket."""

    object_key: str
    size_bytes: int
    format: str


class FilePlace(Inside, frozen=True, kw_only=True):
    """catalog → gateway: a file whose scan report the actor may see, and where it belongs."""

    file_id: int
    version_id: int
    model_id: int
    model_name: str
    version_name: str
    is_own: bool
    """Whether the actor may appeal for it."""
