"""Storage of the catalog: one document per model, changed as a whole together with its events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from services.catalog.domain.events import end_early_access
from services.catalog.domain.hashes import AskedHashes
from services.catalog.domain.model import Model
from services.catalog.domain.repos import id_in_name, repo_key, slug
from services.catalog.domain.state import state_event
from services.catalog.domain.wire import Wire
from services.catalog.projections import Projections
from services.catalog.stored_model import to_document, to_model, without_origin_marks
from services.catalog.unlisted import UnlistedWanted
from shared.engines.mongo import ASCENDING, DESCENDING, IndexModel, Mongo, Session
from shared.events.payload import Payload
from shared.outbox import Outbox
from shared.problems import NotFound

Change = Callable[[Model], tuple[Model, Sequence[Payload]]]
Loaded = tuple[Model, str | None]
"""A model, and the layout that it was projected with."""


def _is_public(version: dict[str, Any]) -> bool:
    return version["state"] == "published" and version.get("availability") != "Private"


class Repository:
    """Models by id, by version, by hash, by the name of their repository."""

    def __init__(self, mongo: Mongo, outbox: Outbox, wire: Wire) -> None:
        self._mongo = mongo
        self._models = mongo["models"]
        self._repos = mongo["repos"]
        self._outbox = outbox
        self._wire = wire
        self.projections = Projections(mongo, wire)
        self.all_projected = False
        """Whether nothing waited for its projection when it was last looked for."""
        mongo.index(
            {
                "models": [
                    IndexModel([("versions.id", ASCENDING)], unique=True, sparse=True),
                    IndexModel([("versions.files.id", ASCENDING)]),
                    IndexModel([("versions.images.id", ASCENDING)]),
                    IndexModel([("projected", ASCENDING)]),
                    IndexModel([("hashes", ASCENDING)]),
                    IndexModel([("visible", ASCENDING), ("last_version_at", -1), ("_id", -1)]),
                    IndexModel([("owner_id", ASCENDING)]),
                    IndexModel([("versions.early_access_until", ASCENDING)]),
                ],
                "repos": [IndexModel([("model_id", ASCENDING)])],
            }
        )

    async def next_id(self, kind: str) -> int:
        """The next id of a kind: model, version, image."""
        return await self._mongo.next_id(kind)

    async def insert(self, model: Model, session: Session | None = None) -> None:
        """Keep a new model."""

        model = without_origin_marks(model)

        async def work(session: Session) -> None:
            await self._models.insert_one(self._document(model), session=session)
            await self.projections.update(None, None, model, session)

        await (work(session) if session is not None else self._mongo.transact(work))

    def _document(self, model: Model) -> dict[str, Any]:
        return to_document(model) | {"projected": self.projections.layout}

    async def _load(self, wanted: dict[str, Any], session: Session) -> Loaded | None:
        document = await self._models.find_one(wanted, session=session)
        return (to_model(document), document.get("projected")) if document else None

    async def find(self, model_id: int, session: Session | None = None) -> Model | None:
        """The model of that id."""
        document = await self._models.find_one({"_id": model_id}, session=session)
        return to_model(document) if document else None

    async def get(self, model_id: int, session: Session | None = None) -> Model:
        """The model of that id; raises NotFound."""
        found = await self.find(model_id, session)
        if found is None:
            raise NotFound(f"There is no model with id {model_id}.")
        return found

    async def find_by_version(self, version_id: int, session: Session | None = None) -> Model | None:
        """The model that has this version."""
        document = await self._models.find_one({"versions.id": version_id}, session=session)
        return to_model(document) if document else None

    async def get_by_version(self, version_id: int, session: Session | None = None) -> Model:
        """The model that has this version; raises NotFound."""
        found = await self.find_by_version(version_id, session)
        if found is None:
            raise NotFound(f"There is no version with id {version_id}.")
        return found

    async def list_with(self, ids: Sequence[int], version_ids: Sequence[int]) -> list[Model]:
        """The visible ones of the models of these ids, or with these versions."""
        wanted: dict[str, Any] = {"$or": [{"_id": {"$in": list(ids)}}, {"versions.id": {"$in": list(version_ids)}}]}
        return [to_model(document) async for document in self._models.find(wanted | {"visible": True})]

    async def list_visible(self, ids: Sequence[int]) -> list[Model]:
        """The visible ones of these models, in the order asked for."""
        found = {
            document["_id"]: to_model(document)
            async for document in self._models.find({"_id": {"$in": list(ids)}, "visible": True})
        }
        return [found[model_id] for model_id in ids if model_id in found]

    async def list_newest(self, limit: int, before: tuple[datetime, int] | None) -> list[Model]:
        """Visible models, newest first; `before` is the time and id of the last one already shown."""
        wanted: dict[str, Any] = {"visible": True}
        if before is not None:
            moment, model_id = before
            wanted["last_version_at"] = {"$lte": moment}  # lets the index begin there
            wanted["$or"] = [
                {"last_version_at": {"$lt": moment}},
                {"last_version_at": moment, "_id": {"$lt": model_id}},
            ]
        rows = self._models.find(wanted).sort([("last_version_at", -1), ("_id", -1)]).limit(limit)
        return [to_model(document) async for document in rows]

    async def list_unlisted(self, wanted: UnlistedWanted, skip: int, limit: int) -> list[Model]:
        """Models whoever may see them, by falling id."""
        rows = self._models.find(wanted.condition()).sort("_id", DESCENDING).skip(skip).limit(limit)
        return [to_model(document) async for document in rows]

    async def list_by_hash(self, asked: AskedHashes) -> list[Model]:
        """Visible models with a public file of that hash, of whichever kind."""
        wanted = {"hashes": {"$in": list(asked.values)}, "visible": True}
        return [to_model(document) async for document in self._models.find(wanted)] if asked.values else []

    async def find_repo(self, owner: str, name: str) -> Model | None:
        """The model that a repository's name means (`domain/repos.py`), in any letter case."""
        model_id = id_in_name(name)
        if model_id is None:
            claim = await self._repos.find_one({"_id": repo_key(owner, name.lower())})
            model_id = claim["model_id"] if claim else None
        model = await self.find(model_id) if model_id is not None else None
        return model if model is not None and model.owner.lower() == owner.lower() else None

    async def _claim_name(self, before: Model, after: Model, session: Session) -> None:
        """A model that becomes visible, or gets another name, has that name for good, unless one had it before."""
        if after.deleted:
            await self._repos.delete_many({"model_id": after.id}, session=session)
        elif after.is_visible and not (before.is_visible and slug(before.name) == slug(after.name)):
            key = repo_key(after.owner, slug(after.name))
            await self._repos.update_one(
                {"_id": key}, {"$setOnInsert": {"model_id": after.id}}, upsert=True, session=session
            )

    async def list_by_sha256(self, hashes: Sequence[str]) -> list[Model]:
        """Visible models with a public file of one of these SHA-256, in upper case."""
        wanted = {"hashes": {"$in": list(hashes)}, "visible": True}
        return [to_model(document) async for document in self._models.find(wanted)]

    async def list_matches(self, hashes: Sequence[str]) -> list[tuple[int, int, str]]:
        """The same as model id, version id and hash, without reading whole models: there may be thousands."""
        asked = set(hashes)
        fields = (
            "versions.id",
            "versions.state",
            "versions.availability",
            "versions.files.state",
            "versions.files.hashes.SHA256",
        )
        rows = self._models.find({"hashes": {"$in": list(asked)}, "visible": True}, dict.fromkeys(fields, 1))
        return sorted(
            {
                (row["_id"], version["id"], file["hashes"]["SHA256"])
                async for row in rows
                for version in row["versions"]
                for file in version["files"]
                if _is_public(version) and file["state"] == "clean"
                if file["hashes"].get("SHA256") in asked
            }
        )

    async def list_published(self, version_ids: Sequence[int]) -> set[int]:
        """Those of these versions that everybody may use: public ones, not in early access."""
        fields = ("versions.id", "versions.state", "versions.availability", "versions.early_access_until")
        wanted = {"versions.id": {"$in": list(version_ids)}, "visible": True}
        rows = self._models.find(wanted, dict.fromkeys(fields, 1))
        published = {
            version["id"]
            async for row in rows
            for version in row["versions"]
            if _is_public(version) and version.get("early_access_until") is None
        }
        return published & set(version_ids)

    async def find_by_file(self, file_id: int) -> Model | None:
        """The model that has this file."""
        document = await self._models.find_one({"versions.files.id": file_id})
        return to_model(document) if document else None

    async def find_by_image(self, image_id: int) -> Model | None:
        """The model that has this picture."""
        document = await self._models.find_one({"versions.images.id": image_id})
        return to_model(document) if document else None

    async def change(self, model_id: int, change: Change, session: Session | None = None) -> Model:
        """Apply a pure change to a model and keep it with its events, in one transaction. Raises NotFound."""

        async def work(session: Session) -> Model:
            loaded = await self._load({"_id": model_id}, session)
            if loaded is None:
                raise NotFound(f"There is no model with id {model_id}.")
            return await self._save(loaded, change(loaded[0]), session)

        return await work(session) if session is not None else await self._mongo.transact(work)

    async def change_version(self, version_id: int, change: Change, session: Session | None = None) -> Model | None:
        """The same, for the model that has this version; None (and no change) when no model has it any more."""

        async def work(session: Session) -> Model | None:
            loaded = await self._load({"versions.id": version_id}, session)
            return await self._save(loaded, change(loaded[0]), session) if loaded is not None else None

        return await work(session) if session is not None else await self._mongo.transact(work)

    async def _save(self, loaded: Loaded, changed: tuple[Model, Sequence[Payload]], session: Session) -> Model:
        before, layout = loaded
        after, events = changed
        if after == before and not events:
            return before
        after = without_origin_marks(msgspec.structs.replace(after, seq=before.seq + 1))
        state = state_event(before, after, self._wire)
        await self._models.replace_one({"_id": after.id, "seq": before.seq}, self._document(after), session=session)
        await self.projections.update(before, layout, after, session)
        await self._claim_name(before, after, session)
        await self._outbox.add([*events, *([state] if state is not None else [])], session)
        return after

    async def project_waiting(self, most: int = 100) -> int:
        """Project models whose rows are of another layout or missing: after an update of the hub, say. How many."""
        waiting = self._models.find({"projected": {"$ne": self.projections.layout}}, {"_id": 1}).limit(most)
        ids = [document["_id"] async for document in waiting]
        for model_id in ids:
            await self._mongo.transact(partial(self._project, model_id))
        self.all_projected = not ids
        return len(ids)

    async def _project(self, model_id: int, session: Session) -> None:
        loaded = await self._load({"_id": model_id}, session)
        if loaded is not None and loaded[1] != self.projections.layout:
            model, layout = loaded
            # Written first: a change at the same time then conflicts with this, instead of being overwritten.
            mark = {"$set": {"projected": self.projections.layout}, "$inc": {"seq": 1}}
            await self._models.update_one({"_id": model_id}, mark, session=session)
            await self.projections.update(model, layout, model, session)
            # Search is told too: what is said of a model there may have grown along with the rows.
            state = state_event(model, msgspec.structs.replace(model, seq=model.seq + 1), self._wire)
            await self._outbox.add([state] if state is not None else [], session)

    async def end_early_access(self, now: datetime) -> None:
        """Take the mark of early access off the versions whose time is over."""
        over = {"versions": {"$elemMatch": {"early_access_until": {"$lte": now}}}}
        rows = self._models.find(over, {"_id": 1}).limit(100)
        for model_id in [row["_id"] async for row in rows]:
            await self.change(model_id, lambda model: end_early_access(model, now))
