"""Publishing: drafts, files, and the request to publish."""

from __future__ import annotations

from litestar import Controller, delete, get, patch, post
from litestar.status_codes import HTTP_202_ACCEPTED
from msgspec import UNSET

from services.catalog.domain import drafts, publishing
from services.catalog.domain.model import Component, Model, Version
from services.catalog.domain.owner_view import hub_model, hub_version
from services.catalog.repository import Repository
from shared.actor import Actor
from shared.api.hub import ComponentLink, HubModel, HubVersion, ModelChange, NewModel, NewVersion, VersionChange
from shared.api.inside import AttachFile, FilePlace, VersionRights
from shared.clock import now
from shared.events.models import ModelDeleted
from shared.events.payload import Payload
from shared.problems import Forbidden, NotFound, Unauthorized


def _visible_to(model: Model, actor: Actor) -> Model:
    if model.deleted or not (model.is_visible or drafts.may_see(model, actor)):
        raise NotFound(f"There is no model with id {model.id}.")
    return model


def _may_publish(actor: Actor) -> None:
    if not actor.is_known:
        raise Unauthorized("Send an API key: Authorization: Bearer <key>.")
    if actor.role == "member":
        raise Forbidden("Your account may read and review. Ask an administrator for the role 'creator' to publish.")


class Drafts(Controller):
    """`/hub/…`: what the publish API of the gateway stands on."""

    path = "/hub"

    @post("/models")
    async def create_model(self, data: NewModel, actor: Actor, models: Repository) -> HubModel:
        """A new draft."""
        _may_publish(actor)
        drafts.new_model(1, data, actor, now())  # refuse before an id is spent
        model = drafts.new_model(await models.next_id("model"), data, actor, now())
        await models.insert(model)
        return hub_model(model)

    @get("/models/{model_id:int}")
    async def get_model(self, model_id: int, actor: Actor, models: Repository) -> HubModel:
        """A model with its drafts for those who may see them, else its published versions."""
        model = _visible_to(await models.get(model_id), actor)
        shown = hub_model(model)
        if drafts.may_see(model, actor):
            return shown
        versions = [version for version in shown.versions if version.status == "Published"]
        return HubModel(**{name: getattr(shown, name) for name in shown.__struct_fields__} | {"versions": versions})

    @patch("/models/{model_id:int}")
    async def change_model(self, model_id: int, data: ModelChange, actor: Actor, models: Repository) -> HubModel:
        """Change what is said of a model."""

        def change(model: Model) -> tuple[Model, list[Payload]]:
            drafts.require_owner(model, actor)
            after = drafts.change_model(model, data, now())
            return after, drafts.visibility_events(model, after)

        return hub_model(await models.change(model_id, change))

    @delete("/models/{model_id:int}")
    async def delete_model(self, model_id: int, actor: Actor, models: Repository) -> None:
        """Delete a model: gone from everywhere; its row stays, so that its ids are never used again."""

        def change(model: Model) -> tuple[Model, list[ModelDeleted]]:
            drafts.require_owner(model, actor)
            return drafts.replace(model, deleted=True, updated_at=now()), [ModelDeleted(model_id=model.id)]

        await models.change(model_id, change)

    @post("/models/{model_id:int}/versions")
    async def create_version(self, model_id: int, data: NewVersion, actor: Actor, models: Repository) -> HubVersion:
        """A new draft version."""
        drafts.require_owner(await models.get(model_id), actor)
        version_id = await models.next_id("version")
        model = await models.change(model_id, lambda model: (drafts.new_version(model, version_id, data, now()), []))
        return hub_version(model, _version(model, version_id))

    @get("/versions/{version_id:int}")
    async def get_version(self, version_id: int, actor: Actor, models: Repository) -> HubVersion:
        """A version, drafts for those who may see them."""
        model = _visible_to(await models.get_by_version(version_id), actor)
        version = _version(model, version_id)
        if not version.is_published and not drafts.may_see(model, actor):
            raise NotFound(f"There is no version with id {version_id}.")
        return hub_version(model, version)

    @patch("/versions/{version_id:int}")
    async def change_version(
        self, version_id: int, data: VersionChange, actor: Actor, models: Repository
    ) -> HubVersion:
        """Change what is said of a version, and who may download it."""
        model = await models.get_by_version(version_id)
        drafts.require_owner(model, actor)
        components = None if data.components is UNSET else [await _component(models, each) for each in data.components]

        def change(before: Model) -> tuple[Model, list[Payload]]:
            after = drafts.change_version(before, version_id, data, components, now())
            return after, drafts.visibility_events(before, after)

        return hub_version(changed := await models.change(model.id, change), _version(changed, version_id))

    @get("/files/{file_id:int}")
    async def file_place(self, file_id: int, actor: Actor, models: Repository) -> FilePlace:
        """Where a file belongs whose report the actor may see: everybody's, once it was published."""
        model = await models.find_by_file(file_id)
        found = drafts.find_file(model, file_id, actor) if model is not None else None
        if model is None or found is None:
            raise NotFound(f"There is no file with id {file_id}.")
        return FilePlace(
            file_id=file_id, version_id=found.id, model_id=model.id, model_name=model.name, version_name=found.name,
            is_own=actor.is_known and actor.account_id == model.owner_id,
        )  # fmt: skip

    @get("/versions/{version_id:int}/rights")
    async def rights(self, version_id: int, actor: Actor, models: Repository) -> VersionRights:
        """Whether the actor may add files now; a problem if not."""
        _may_publish(actor)
        model = await models.get_by_version(version_id)
        drafts.require_owner(model, actor)
        drafts.require_open(model, version_id)
        return VersionRights(version_id=version_id, model_id=model.id)

    @post("/versions/{version_id:int}/files")
    async def attach_file(self, version_id: int, data: AttachFile, actor: Actor, models: Repository) -> HubVersion:
        """A file whose upload has been opened."""
        model = await models.get_by_version(version_id)
        drafts.require_owner(model, actor)
        model = await models.change(model.id, lambda model: (drafts.attach_file(model, version_id, data, now()), []))
        return hub_version(model, _version(model, version_id))

    @delete("/versions/{version_id:int}/files/{file_id:int}")
    async def remove_file(self, version_id: int, file_id: int, actor: Actor, models: Repository) -> None:
        """Take a file out of a draft."""
        model = await models.get_by_version(version_id)
        drafts.require_owner(model, actor)
        await models.change(model.id, lambda model: (drafts.remove_file(model, version_id, file_id, now()), []))

    @post("/versions/{version_id:int}/uploaded/{file_id:int}")
    async def file_uploaded(self, version_id: int, file_id: int, actor: Actor, models: Repository) -> HubVersion:
        """The upload service has all bytes: said at once, so that a publish right after it finds the file complete."""
        model = await models.get_by_version(version_id)
        drafts.require_owner(model, actor)
        model = await models.change(model.id, lambda model: publishing.file_uploaded(model, version_id, file_id, now()))
        return hub_version(model, _version(model, version_id))

    @post("/versions/{version_id:int}/publish", status_code=HTTP_202_ACCEPTED)
    async def publish_version(self, version_id: int, actor: Actor, models: Repository) -> HubVersion:
        """Publish as soon as every file is clean."""
        _may_publish(actor)
        model = await models.get_by_version(version_id)
        drafts.require_owner(model, actor)
        model = await models.change(model.id, lambda model: publishing.ask_to_publish(model, version_id, now()))
        return hub_version(model, _version(model, version_id))


async def _component(models: Repository, ask: ComponentLink) -> Component:
    giver = await models.find_by_version(ask.version_id)
    return drafts.link_component(ask, giver, giver.version(ask.version_id) if giver is not None else None)


def _version(model: Model, version_id: int) -> Version:
    version = model.version(version_id)
    if version is None:
        raise NotFound(f"There is no version with id {version_id}.")
    return version
