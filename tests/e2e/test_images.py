"""Pictures by address, in every form that tools write."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import random
from concurrent.futures import ThreadPoolExecutor

import httpx
import msgspec
import pytest
from PIL import Image, ImageFilter
from PIL.PngImagePlugin import PngInfo

from shared.engines.s3 import Store
from shared.settings import Settings
from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver, Json, eventually

BROWSER = {"accept": "image/avif,image/webp,*/*;q=0.8"}
FOR_GOOD = "public, max-age=31536000, immutable"


class Stored(msgspec.Struct, frozen=True):
    """A large picture in the hub's store, as the renderer keeps one."""

    key: str
    data: bytes

    def path(self, options: str, name: str = "7.png") -> str:
        return f"/image/{self.key}/{options}/{name}"


def large_png(seed: int, width: int = 1024, height: int = 1536) -> bytes:
    pixels = random.Random(seed).randbytes(64 * 96 * 3)
    image = Image.frombytes("RGB", (64, 96), pixels).resize((width, height), Image.Resampling.BICUBIC)
    info = PngInfo()
    info.add_text("parameters", "a harbour at dusk\nSteps: 20, Seed: 7")
    buffer = io.BytesIO()
    image.filter(ImageFilter.SHARPEN).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def store_picture(hub: HubDriver, data: bytes) -> Stored:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in hub.running.hub.environment().items():
            patch.setenv(name, value)
        store = Store(Settings())
    key = f"{hashlib.sha256(data).hexdigest()}.png"
    asyncio.run(store.put(store.images, key, data, "image/png"))
    return Stored(key, data)


@pytest.fixture(scope="module")
def dusk(hub: HubDriver) -> Stored:
    return store_picture(hub, large_png(1))


def opened(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    image = Image.open(io.BytesIO(answer.content))
    image.load()
    return image


def test_the_original_is_the_stored_bytes_with_the_recipe_inside(hub: HubDriver, dusk: Stored) -> None:
    answer = hub.anonymous.get(dusk.path("original=true"), headers=BROWSER)
    assert answer.content == dusk.data
    assert answer.headers["content-type"] == "image/png"
    assert opened(answer).info["parameters"].startswith("a harbour at dusk")


@pytest.mark.parametrize(("asked", "width"), [(64, 96), (96, 96), (300, 320), (450, 450), (500, 512), (799, 800)])
def test_a_width_is_served_at_the_next_listed_one(hub: HubDriver, dusk: Stored, asked: int, width: int) -> None:
    image = opened(hub.anonymous.get(dusk.path(f"width={asked}")))
    assert (image.format, image.size) == ("PNG", (width, width * 3 // 2))
    assert "parameters" not in image.info


def test_a_picture_is_never_enlarged(hub: HubDriver, dusk: Stored) -> None:
    for width in (1200, 1600, 2200, 99_999):
        assert hub.anonymous.get(dusk.path(f"width={width}")).content == dusk.data


@pytest.mark.parametrize(
    "options",
    [
        "anim=false,transcode=true,width=450,optimized=true", "transcode=true,width=450", "width=450,unknown=1,,x",
        "fit=cover,skip=9,width=450,original=false", "WIDTH=450", "width=450,gravity=auto,metadata=keep,background=red",
    ],
)  # fmt: skip
def test_every_combination_gets_a_picture(hub: HubDriver, dusk: Stored, options: str) -> None:
    assert opened(hub.anonymous.get(dusk.path(options))).width == 450


@pytest.mark.parametrize("options", ["nothing", "anim=false", "width=none", "%20", "original=true,width=96", "a=b=c,é"])
def test_options_that_ask_for_no_change_get_the_original(hub: HubDriver, dusk: Stored, options: str) -> None:
    assert hub.anonymous.get(dusk.path(options)).content == dusk.data


def test_a_box_can_be_filled_or_padded(hub: HubDriver, dusk: Stored) -> None:
    for fit, size in (("cover", (450, 300)), ("crop", (450, 300)), ("pad", (450, 300)), ("scale-down", (200, 300))):
        assert opened(hub.anonymous.get(dusk.path(f"width=450,height=300,fit={fit}"))).size == size, fit


def test_small_pictures_are_webp_for_browsers_and_stay_png_for_tools(hub: HubDriver, dusk: Stored) -> None:
    path = dusk.path("width=450")
    browser, tool = hub.anonymous.get(path, headers=BROWSER), hub.anonymous.get(path)
    assert (browser.headers["content-type"], tool.headers["content-type"]) == ("image/webp", "image/png")
    assert (opened(browser).format, opened(tool).format) == ("WEBP", "PNG")
    assert browser.headers["etag"] != tool.headers["etag"]
    assert browser.headers["vary"].lower() == tool.headers["vary"].lower() == "accept"
    assert len(browser.content) < len(tool.content) < len(dusk.data)
    assert opened(hub.anonymous.get(dusk.path("width=800", "7.jpeg"))).format == "JPEG"
    assert opened(hub.anonymous.get(dusk.path("width=800,optimized=true"), headers=BROWSER)).format == "WEBP"
    assert opened(hub.anonymous.get(dusk.path("width=800"), headers=BROWSER)).format == "PNG"


def test_quality_and_blur_are_heard(hub: HubDriver, dusk: Stored) -> None:
    low, high = (hub.anonymous.get(dusk.path(f"width=800,quality={q}", "7.jpg")).content for q in (30, 95))
    assert len(low) < len(high) / 2
    clear, blurred = (hub.anonymous.get(dusk.path(f"width=450,blur={blur}", "7.jpg")).content for blur in (0, 200))
    assert len(blurred) < len(clear) / 2


@pytest.mark.parametrize("options", ["original=true", "width=450", "width=1200"])
def test_a_picture_may_be_kept_for_good_and_a_copy_is_confirmed(hub: HubDriver, dusk: Stored, options: str) -> None:
    got = hub.anonymous.get(dusk.path(options))
    assert got.headers["cache-control"] == FOR_GOOD
    assert got.headers["x-content-type-options"] == "nosniff"
    head = hub.anonymous.head(dusk.path(options))
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "content-type", "etag", "cache-control"):
        assert head.headers[name] == got.headers[name], name
    assert int(head.headers["content-length"]) == len(got.content)
    again = hub.anonymous.get(dusk.path(options), headers={"if-none-match": got.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    weakened = hub.anonymous.get(dusk.path(options), headers={"if-none-match": f'"another", W/{got.headers["etag"]}'})
    assert (weakened.status_code, weakened.content) == (304, b"")
    assert again.headers["etag"] == got.headers["etag"]


@pytest.mark.parametrize("options", ["original=true", "width=450"])
@pytest.mark.parametrize(
    "key", ["0" * 64 + ".png", "0" * 63 + ".png", "0" * 64, "0" * 64 + ".svg", "..%2f..%2fsecrets", "A" * 64 + ".png"]
)
def test_what_is_no_picture_of_the_hub_is_not_found(hub: HubDriver, key: str, options: str) -> None:
    answer = hub.anonymous.get(f"/image/{key}/{options}/7.png")
    assert answer.status_code == 404
    assert "immutable" not in answer.headers.get("cache-control", "")


def test_an_object_that_is_no_sound_picture_is_served_as_it_is_and_not_for_good(hub: HubDriver) -> None:
    broken = store_picture(hub, b"\x89PNG\r\n\x1a\n" + os.urandom(64))
    answer = hub.anonymous.get(broken.path("width=450"))
    assert (answer.status_code, answer.content) == (200, broken.data)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "public, max-age=60"


def made(hub: HubDriver) -> dict[str, float]:
    """How many renditions were made, shared and taken from the cache so far."""
    lines = hub.anonymous.get("/metrics").text.splitlines()
    counts = [line for line in lines if line.startswith("easel_picture_renditions_total{")]
    return {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in counts}


def test_a_rendition_is_made_once_however_many_ask(hub: HubDriver) -> None:
    picture = store_picture(hub, large_png(2))
    before = made(hub)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: httpx.get(hub.url + picture.path("width=512")), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    after = made(hub)
    assert after["made"] - before.get("made", 0) == 1
    assert sum(after.values()) - sum(before.values()) == 16


def images_of(hub: HubDriver, version_id: int) -> list[Json]:
    """Those that were drawn."""
    images: list[Json] = hub.anonymous.get(f"/api/v1/model-versions/{version_id}").json()["images"]
    return [image for image in images if image["hasMeta"]]


def test_a_drawn_preview_has_its_recipe_in_the_original_and_not_in_a_rendition(hub: HubDriver, shapes: Shared) -> None:
    hub.wait_previews(shapes.version_id)
    shown = eventually(lambda: images_of(hub, shapes.version_id)[0])
    original = opened(httpx.get(shown["url"]))
    recipe = json.loads(original.info["easel"])
    assert recipe["seed"] == shown["meta"]["seed"]
    assert original.info["parameters"].startswith(recipe["prompt"])
    small = opened(httpx.get(shown["url"].replace("original=true", "width=96")))
    assert small.size == (96, 96)
    assert not {"easel", "parameters"} & set(small.info)
