"""What a scan says: the report, its parts, and how findings add up to one verdict."""

from __future__ import annotations

from typing import Literal

import msgspec

from services.upload.scan import RULES_VERSION, SCANNER_VERSION

Verdict = Literal["clean", "dangerous", "invalid", "failed"]
Assessment = Literal["allowed", "suspicious", "dangerous"]

MAX_FINDINGS = 200
MAX_IMPORTS = 1_000
MAX_TEXT = 1_000
INFO = "info."
"""How codes of findings begin that condemn nothing."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing found. `location` is "" for the whole file, else `member > offset` or the tensor's name."""

    code: str
    location: str = ""
    message: str


class PickleImport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A global named by a pickle. "suspicious" is unknown to every list; it condemns the file like "dangerous" does."""

    module: str
    name: str
    assessment: Assessment
    location: str

    @property
    def qualified_name(self) -> str:
        """`module.name`, as people write it."""
        return f"{self.module}.{self.name}"


class HeaderFacts(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the header of a safetensors or GGUF file tells about the model, without reading a tensor.

    `family` is a public family ("sd1", "sdxl", "flux1" …), else the free text in which the file names its own
    architecture, else None. Ranks are those of the adapter's layers; `alpha` is the layers' own, else what the
    trainer wrote down.
    """

    kind: str
    family: str | None
    tensor_count: int
    parameter_count: int
    dtypes: dict[str, int]
    """Bytes by dtype, as the file spells it."""
    precision: str | None
    components: tuple[str, ...] = ()
    """Which parts a checkpoint holds: "unet", "transformer", "vae", "text_encoder"."""
    variant: str | None = None
    """"inpainting", "pix2pix", "refiner" or None."""
    prediction_type: str | None = None
    rank: int | None = None
    """Most frequent rank of the layers."""
    rank_min: int | None = None
    rank_max: int | None = None
    alpha: float | None = None
    vectors: int | None = None
    """Number of vectors of an embedding."""
    resolution: str | None = None
    trigger_words: tuple[str, ...] = ()
    top_tags: tuple[str, ...] = ()
    base_model: str | None = None
    base_model_sha256: str | None = None
    """SHA256 of the checkpoint that an adapter was trained on, in lower case."""
    title: str | None = None
    metadata: dict[str, str] = {}
    """Chosen keys of the header's metadata; written by strangers, cut in length, never HTML."""
    notes: tuple[str, ...] = ()
    """Disagreements and oddities that the creator should see."""


class Antivirus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the antivirus says of a file. `found` names the sample; `message` says why it has not scanned."""

    status: Literal["clean", "infected", "not-scanned"]
    engine: str = ""
    signatures: str = ""
    """Version and date of the signatures; "" where none but own ones are loaded."""
    windows: int = 0
    """In how many overlapping pieces it saw the file."""
    found: str | None = None
    message: str | None = None


class ScanReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The result of one scan. `hashes` is empty when the file could not be read to its end."""

    verdict: Verdict
    format: str
    size_bytes: int
    hashes: dict[str, str]
    findings: tuple[Finding, ...]
    imports: tuple[PickleImport, ...]
    facts: HeaderFacts | None
    antivirus: Antivirus | None = None
    """None: this hub has no antivirus."""
    scanner_version: str = SCANNER_VERSION
    rules_version: str = RULES_VERSION


class Refusal(Exception):
    """Raised by a validator at the first thing that rules the file out. Not a fault of the scanner."""

    def __init__(self, code: str, location: str, message: str, *, is_dangerous: bool = False) -> None:
        super().__init__(message)
        self.is_dangerous = is_dangerous
        self.finding = Finding(code=code, location=printable(location), message=printable(message))


class Analysis:
    """Collects what the validators of one file find. Nothing removes a finding; a file without one is clean.

    Findings whose code begins with "info." condemn nothing: they say what a person should know. `additions` are the
    imports, as (module, name), that this hub allows beside the engine's own list.
    """

    def __init__(self, additions: frozenset[tuple[str, str]] = frozenset()) -> None:
        self.additions = additions
        self.findings: list[Finding] = []
        self.imports: list[PickleImport] = []
        self.facts: HeaderFacts | None = None
        self.sidecars: set[str] = set()
        """Paths of files beside this one that hold a part of it."""
        self.checksums: dict[tuple[int, int], int] = {}
        """CRC32 of parts of the file by (offset, size), known before its validator runs."""
        self._verdict: Verdict = "clean"
        self._import_names: set[tuple[str, str]] = set()

    @property
    def verdict(self) -> Verdict:
        """ "dangerous" wins over "invalid", and that over "clean"."""
        return self._verdict

    def add(self, code: str, location: str, message: str, *, is_dangerous: bool = False) -> None:
        """Record a finding; beyond MAX_FINDINGS only the verdict moves."""
        if is_dangerous:
            self._verdict = "dangerous"
        elif self._verdict == "clean":
            self._verdict = "invalid"
        if len(self.findings) == MAX_FINDINGS:
            if not is_dangerous:
                return
            self.findings.pop()  # what is dangerous is always named
        self.findings.append(Finding(code=code, location=printable(location), message=printable(message)))

    def note(self, code: str, location: str, message: str) -> None:
        """Record what condemns nothing, once, if there is room. The code begins with "info."."""
        known = {(found.code, found.message) for found in self.findings}
        if len(self.findings) < MAX_FINDINGS and (code, message := printable(message)) not in known:
            self.findings.append(Finding(code=code, location=printable(location), message=message))

    def add_refusal(self, refusal: Refusal) -> None:
        """Record what a validator raised."""
        found = refusal.finding
        self.add(found.code, found.location, found.message, is_dangerous=refusal.is_dangerous)

    def take(self, other: Analysis) -> None:
        """Record all that another analysis of the same bytes has found."""
        for found in other.findings:
            if found.code.startswith(INFO):
                self.note(found.code, found.location, found.message)
                continue
            self.add(found.code, found.location, found.message, is_dangerous=other.verdict == "dangerous")
        for imported in other.imports:
            self.add_import(imported)

    def add_import(self, found: PickleImport) -> None:
        """Record an import where it is named first, up to MAX_IMPORTS."""
        name = (found.module, found.name)
        if len(self.imports) < MAX_IMPORTS and name not in self._import_names:
            self._import_names.add(name)
            self.imports.append(found)


def printable(text: str, limit: int = MAX_TEXT) -> str:
    """`text` cut to `limit` characters, with what cannot be shown (control or half characters) escaped."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in cut)


def failed_report(size_bytes: int, code: str, message: str) -> ScanReport:
    """The report of a scan that could not be done: to be tried again, and the file stays unserved."""
    analysis = Analysis()
    analysis.add(code, "", message)
    return ScanReport(
        verdict="failed", format="unknown", size_bytes=size_bytes, hashes={}, findings=tuple(analysis.findings),
        imports=(), facts=None,
    )  # fmt: skip
