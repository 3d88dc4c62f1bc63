"""Models by the thousand, made by the catalog's own rules and kept by its own repository.

Each goes the way of a publisher's: model, versions, files, their scans, pictures. What is left out are the bytes (no
file is uploaded) and the events that would make renderers draw; search is told of each model, as always.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from benchmarks.report import say
from services.catalog.domain import drafts, events, publishing
from services.catalog.domain.base_models import base_models
from services.catalog.domain.model import Model
from services.catalog.domain.state import search_document
from services.catalog.domain.wire import Wire
from services.catalog.repository import Repository
from shared.actor import Actor
from shared.api.hub import FileFacts, NewModel, NewVersion
from shared.api.inside import AttachFile
from shared.engines.mongo import Mongo, Session
from shared.events.models import ModelState
from shared.events.previews import PreviewRendered
from shared.events.uploads import FileScanned
from shared.outbox import Outbox
from shared.settings import Settings

_BATCH = 50
_SAMPLE = 2_000
_CREATORS = 300
_STEP = 2_000
_BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
_WORDS = (
    "amber", "ash", "aurora", "birch", "bloom", "cedar", "cinder", "cloud", "cobalt", "copper", "coral",
    "crystal", "dawn", "dusk", "ember", "fern", "flint", "frost", "garnet", "glass", "grove", "harbor", "haze",
    "heather", "indigo", "iris", "ivory", "jade", "juniper", "lantern", "lilac", "linen", "lotus", "lunar",
    "maple", "marble", "meadow", "mist", "moss", "nova", "oak", "obsidian", "ochre", "onyx", "opal", "orchid",
    "pearl", "pine", "prism", "quartz", "raven", "ripple", "rose", "rust", "sable", "saffron", "sage", "sand",
    "scarlet", "shade", "silver", "slate", "smoke", "snow", "solar", "spruce", "stone", "storm", "sun", "tide",
    "topaz", "umber", "velvet", "violet", "willow",
)  # fmt: skip
_KINDS = ("Checkpoint", "LORA", "LORA", "LORA", "TextualInversion", "LoCon")


class Made(msgspec.Struct, frozen=True):
    """What can be asked for: ids of models and versions, hashes of files."""

    models: list[int]
    versions: list[int]
    hashes: list[str]


class _Ids:
    """Numbers in the order of the service's sequences."""

    def __init__(self, model: int, version: int, image: int) -> None:
        self.model, self.version, self.image = model, version, image


def make_model(ids: _Ids) -> Model:
    """A published model: one to three versions of one or two files and up to six pictures each."""
    ids.model += 1
    chance = random.Random(ids.model)
    moment = _BEGAN + timedelta(minutes=5 * ids.model)
    account = chance.randrange(1, _CREATORS)
    creator = Actor(account, f"{_WORDS[account % len(_WORDS)]}_{account}", "creator")
    words = chance.sample(_WORDS, 8)
    ask = NewModel(
        name=f"{' '.join(words[:3]).title()} {ids.model}", type=chance.choice(_KINDS), tags=words[3:],
        description="\n\n".join(" ".join(chance.choices(_WORDS, k=60)).capitalize() + "." for _ in range(3)),
    )  # fmt: skip
    model = drafts.new_model(ids.model, ask, creator, moment)
    family = chance.choice([base.name for base in base_models() if not base.hidden and not base.deprecated])
    for number in range(chance.choice((1, 1, 2, 3))):
        ids.version += 1
        version = NewVersion(name=f"v{number + 1}.0", base_model=family, trained_words=words[:2])
        model = drafts.new_version(model, ids.version, version, moment)
        model = _publish(model, ids.version, chance, moment + timedelta(hours=number))
        for index in range(chance.randrange(7)):
            ids.image += 1
            model, _ = events.preview_rendered(model, ids.image, _picture(model.id, ids, index, chance, moment))
    return model


def _publish(model: Model, version_id: int, chance: random.Random, moment: datetime) -> Model:
    files = range(10 * version_id, 10 * version_id + chance.choice((1, 1, 2)))
    for file_id in files:
        name, fact = f"{model.name.replace(' ', '_')}_{file_id}.safetensors", FileFacts(size="pruned", fp="fp16")
        ask = AttachFile(
            file_id=file_id, upload_id=str(file_id), name=name, type="Model", size_bytes=chance.randrange(1 << 33),
            metadata=fact,
        )  # fmt: skip
        model = drafts.attach_file(model, version_id, ask, moment)
        model, _ = publishing.file_uploaded(model, version_id, file_id, moment)
    model, _ = publishing.ask_to_publish(model, version_id, moment)
    for file_id in files:
        model, _ = publishing.file_scanned(model, _verdict(version_id, file_id, moment), moment)
    return model


def _verdict(version_id: int, file_id: int, moment: datetime) -> FileScanned:
    sha256 = hashlib.sha256(str(file_id).encode()).hexdigest().upper()
    hashes = {
        "SHA256": sha256, "AutoV1": sha256[50:58], "AutoV2": sha256[:10], "AutoV3": sha256[20:32],
        "CRC32": sha256[40:48], "BLAKE3": hashlib.blake2s(sha256.encode()).hexdigest().upper(),
    }  # fmt: skip
    return FileScanned(
        file_id=file_id, version_id=version_id, verdict="clean", format="safetensors", size_bytes=1, hashes=hashes,
        sha256=sha256.lower(), findings=[], imports=[], facts=None, scanned_at=moment, scanner_version="1",
        rules_version="1",
    )  # fmt: skip


def _picture(model_id: int, ids: _Ids, index: int, chance: random.Random, moment: datetime) -> PreviewRendered:
    prompt = ", ".join(chance.choices(_WORDS, k=20))
    return PreviewRendered(
        job_id=str(ids.image), model_id=model_id, version_id=ids.version, index=index, image_key=f"picture-{ids.image}",
        sha256="", size_bytes=300_000, width=832, height=1216, blurhash="LEHV6nWB2yk8pyo0adR*.7kCMdnj",
        meta={"prompt": prompt, "negativePrompt": "blurry", "seed": ids.image, "steps": 20, "cfgScale": 7},
        rendered_at=moment + timedelta(seconds=index),
    )  # fmt: skip


def fill(mongo_url: str, count: int, each: Callable[[], None] = lambda: None) -> Made:
    """Make models until the catalog holds so many; what can be asked for then, a sample of each kind.

    `each` is called after every 2,000 models: it may wait until others have come as far.
    """
    with asyncio.Runner() as runner:
        while (missing := runner.run(_fill(mongo_url, count))) > 0:
            say(f"filling the catalog: {missing} of {count} models to go …")
            each()
        return runner.run(_sampled(mongo_url))


async def _fill(mongo_url: str, count: int) -> int:
    mongo = Mongo(Settings(mongo_url=mongo_url), "catalog")
    wire, outbox = Wire(), Outbox(mongo, "catalog")
    repository = Repository(mongo, outbox, wire)
    await mongo.start()
    try:
        ids = _Ids(*[await _last(mongo, kind) for kind in ("model", "version", "image")])
        missing = count - await mongo["models"].count_documents({"visible": True})
        for done in range(0, min(missing, _STEP), _BATCH):
            models = [make_model(ids) for _ in range(min(_BATCH, missing - done))]

            async def keep(session: Session, models: list[Model] = models) -> None:
                for model in models:
                    await repository.insert(model, session)
                    await outbox.add(
                        [ModelState(model_id=model.id, seq=0, document=search_document(model, wire))], session
                    )

            await mongo.transact(keep)
        for kind in ("model", "version", "image"):
            values = {"$max": {"value": getattr(ids, kind)}}
            await mongo["sequences"].update_one({"_id": kind}, values, upsert=True)
        return max(0, missing - _STEP)
    finally:
        await mongo.stop()


async def _last(mongo: Mongo, kind: str) -> int:
    row = await mongo["sequences"].find_one({"_id": kind})
    return int(row["value"]) if row else 0


async def _sampled(mongo_url: str) -> Made:
    mongo = Mongo(Settings(mongo_url=mongo_url), "catalog")
    await mongo.start()
    try:
        return await _sample(mongo)
    finally:
        await mongo.stop()


async def _sample(mongo: Mongo) -> Made:
    rows = mongo["models"].aggregate(
        [
            {"$match": {"visible": True}},
            {"$sample": {"size": _SAMPLE}},
            {"$project": {"versions.id": 1, "versions.state": 1, "hashes": 1}},
        ]
    )
    found = [row async for row in rows]
    return Made(
        models=[row["_id"] for row in found],
        versions=[row["versions"][0]["id"] for row in found],
        hashes=[next(value for value in row["hashes"] if len(value) == 64) for row in found],
    )
