"""Collections on the real engines: who sees them, what is counted, and what of a model shows through."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.actor import NOBODY, Actor
from shared.events.models import ModelState, ModelStateRemoved
from shared.events.reviews import ModelCollected
from tests.integration.inner_service import InnerService, until_true
from tests.integration.reviews.test_http import READER, version, version_published, visible  # noqa: F401
from tests.unit.search.search_documents import a_model

OTHER = Actor(account_id=4, username="other", role="member")


async def create(reviews: InnerService, actor: Actor = READER, **said: Any) -> dict[str, Any]:
    answer = await reviews.call("POST", "/collections", actor=actor, json={"name": "Kept", **said})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def read(reviews: InnerService, collection_id: int, actor: Actor = READER) -> dict[str, Any]:
    answer = await reviews.call("GET", f"/collections/{collection_id}", actor=actor)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def put(reviews: InnerService, path: str, actor: Actor = READER, status: int = 204) -> None:
    answer = await reviews.call("PUT", path, actor=actor)
    assert answer.status_code == status, answer.text


async def test_a_collection_is_its_owners_until_it_is_opened(reviews: InnerService) -> None:
    made = await create(reviews, name="  Ships ", description="Boats too")
    path = f"/collections/{made['id']}"
    assert (made["name"], made["isPublic"], made["itemCount"], made["nsfwLevel"]) == ("Ships", False, 0, 0)
    for actor in (NOBODY, OTHER):
        assert (await reviews.call("GET", path, actor=actor)).status_code == 404
    assert (await reviews.call("PATCH", path, actor=OTHER, json={"name": "Mine"})).status_code == 404
    answer = await reviews.call("PATCH", path, actor=READER, json={"isPublic": True, "name": "Sails"})
    assert (answer.json()["name"], answer.json()["description"], answer.json()["isPublic"]) == (
        "Sails",
        "Boats too",
        True,
    )
    assert (await read(reviews, made["id"], NOBODY))["name"] == "Sails"
    assert (await reviews.call("DELETE", path, actor=OTHER)).status_code == 404
    assert (await reviews.call("DELETE", path, actor=READER)).status_code == 204
    assert (await reviews.call("GET", path, actor=READER)).status_code == 404


async def test_what_is_kept_is_counted_once_for_each_collection(
    reviews: InnerService, version: tuple[int, int]  # noqa: F811
) -> None:  # fmt: skip
    model_id, _ = version
    first, second = await create(reviews), await create(reviews, OTHER)
    for _ in range(2):
        await put(reviews, f"/collections/{first['id']}/models/{model_id}")
    await put(reviews, f"/collections/{second['id']}/models/{model_id}", OTHER)
    await put(reviews, f"/own/favorites/{model_id}")
    await put(reviews, f"/own/hidden/{model_id}")  # is no sign of liking it
    await reviews.call("DELETE", f"/collections/{first['id']}/models/{model_id}", actor=READER)
    await reviews.call("DELETE", f"/collections/{second['id']}", actor=OTHER)
    mine = lambda event: isinstance(event, ModelCollected) and event.model_id == model_id  # noqa: E731
    assert [event.collected for event in await reviews.told("easel.reviews", count=5, of=mine)] == [1, 2, 3, 2, 1]
    assert (await reviews.call("GET", "/own/favorites", actor=READER)).json() == [model_id]
    assert (await reviews.call("GET", "/own/favorites", actor=OTHER)).json() == []
    await put(reviews, f"/collections/{first['id']}/models/2000000000", status=404)


async def test_a_collection_shows_what_lists_show_of_its_models(
    reviews: InnerService, version: tuple[int, int]  # noqa: F811
) -> None:  # fmt: skip
    model_id, _ = version
    other = model_id + 500_000
    await reviews.tell(version_published(other, other))
    await visible(reviews, other)
    made = await create(reviews, isPublic=True)
    for each in (model_id, other):
        await put(reviews, f"/collections/{made['id']}/models/{each}")

    async def shows(count: int, level: int, cover: int | None) -> None:
        async for attempt in until_true():
            with attempt:
                found = await read(reviews, made["id"], NOBODY)
                assert (found["itemCount"], found["nsfwLevel"], found["coverModelId"]) == (count, level, cover)

    await shows(0, 0, None)
    await reviews.tell(ModelState(model_id=model_id, seq=5, document=a_model(nsfw_level=1)))
    await shows(1, 1, model_id)
    await reviews.tell(ModelState(model_id=other, seq=3, document=a_model(nsfw_level=12)))
    await shows(2, 13, other)
    await reviews.tell(ModelStateRemoved(model_id=model_id, seq=4))  # older than what is known
    await reviews.tell(ModelStateRemoved(model_id=other, seq=4))
    await shows(1, 1, model_id)
    assert (await reviews.call("GET", f"/collections/{made['id']}/models")).json() == [model_id]


async def test_public_collections_are_paged_filtered_and_sorted(reviews: InnerService) -> None:
    mark = f"Listed {datetime.now(UTC).timestamp()}"
    made = [await create(reviews, name=f"{mark} {number}", isPublic=True) for number in range(3)]
    await create(reviews, name=f"{mark} closed")
    ids: list[int] = []
    params: dict[str, Any] = {"limit": 2, "like": mark.upper(), "levels": 1}
    while True:
        page = (await reviews.call("GET", "/collections/public", params=params)).json()
        ids += [each["id"] for each in page["items"]]
        if "nextCursor" not in page:
            break
        params["begin"] = page["nextCursor"]
    assert ids == [each["id"] for each in reversed(made)]
    for _ in range(2):
        await put(reviews, f"/collections/{made[0]['id']}/follow", OTHER)
    page = (
        await reviews.call("GET", "/collections/public", params={"limit": 2, "like": mark, "sort": "Most Followers"})
    ).json()
    assert [(each["id"], each["followers"]) for each in page["items"]] == [(made[0]["id"], 1), (made[2]["id"], 0)]
    assert (await reviews.call("DELETE", f"/collections/{made[0]['id']}/follow", actor=OTHER)).status_code == 204
    assert (await read(reviews, made[0]["id"]))["followers"] == 0
