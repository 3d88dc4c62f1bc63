"""What `easel demo` does: publish the demo models through the public API, and show what became of them."""

from __future__ import annotations

import io
import pickletools
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from cli.errors import CommandFailed, NotFound, RefusedByScan
from cli.up import say

if TYPE_CHECKING:
    from cli.client import HubClient
    from cli.draft import Submission
    from deploy.laptop.hub import RunningHub

DEMO = Path(__file__).resolve().parents[1] / "demo"
_BASE_MODEL = "Other"  # the demo models belong to no public family
_FINDABLE_SECONDS = 60.0
_PREVIEW_SECONDS = 300.0
_HASHES = ("SHA256", "AutoV1", "AutoV2", "AutoV3", "CRC32", "BLAKE3")


class DemoModel(msgspec.Struct, frozen=True, rename="camel"):
    """One entry of demo/models.json."""

    file: str
    name: str
    type: str
    tags: list[str]
    trained_words: list[str]
    description: str


class Shown(msgspec.Struct, kw_only=True):
    """What the closing table says of one model."""

    model_id: int
    version_id: int
    name: str
    findable: str
    verdict: str = ""
    hashes: dict[str, str] = {}
    previews: str = ""


def show_demo(hub: RunningHub) -> None:
    """Publish what is missing, offer a dangerous file, wait for the previews, print the table."""
    from cli.client import HubClient

    with HubClient(hub.hub.url("gateway"), hub.hub.admin_key_file.read_text().strip()) as client:
        models = msgspec.json.decode((DEMO / "models.json").read_bytes(), type=list[DemoModel])
        shown = [publish_model(client, model) for model in models]
        refused = offer_dangerous_file(client)
        wait_for_previews(client, shown)
    print_table(shown, refused)


def _submission(path: Path, model: DemoModel) -> Submission:
    from cli.draft import Submission
    from cli.local_file import inspect_files

    return Submission(
        files=inspect_files([path]),
        base_model=_BASE_MODEL,
        model_name=model.name,
        model_type=model.type,
        version_name="v1.0",
        description=model.description,
        tags=tuple(model.tags),
        trained_words=tuple(model.trained_words),
    )


def publish_model(client: HubClient, model: DemoModel) -> Shown:
    """Publish one model, unless the hub has its file already, and measure how long it takes to be found."""
    from cli.local_file import sha256_of
    from cli.output import Output
    from cli.publication import publish_submission

    path = DEMO / "models" / model.file
    try:
        found = client.get(f"/api/v1/model-versions/by-hash/{sha256_of(path)}", dict)
    except NotFound:
        say(f"publishing {model.name} ({path.stat().st_size / 1e6:.1f} MB) …")
        report: dict[str, Any] = publish_submission(client, _submission(path, model), Output(json_only=True), None)
        seconds = seconds_until_found(client, report["modelId"], model.name)
        return Shown(
            model_id=report["modelId"], version_id=report["versionId"], name=model.name, findable=f"{seconds:.2f} s"
        )
    return Shown(model_id=found["modelId"], version_id=found["id"], name=model.name, findable="already there")


def seconds_until_found(client: HubClient, model_id: int, name: str) -> float:
    """Seconds from the accepted publish request (scan included) until a search by name finds the model."""
    started = time.monotonic()
    while time.monotonic() - started < _FINDABLE_SECONDS:
        found = client.get("/api/v1/models", dict, [("query", name), ("limit", 20)])
        if any(item["id"] == model_id for item in found["items"]):
            return time.monotonic() - started
        time.sleep(0.03)
    raise CommandFailed(f"{name} was not found by search within {_FINDABLE_SECONDS:.0f} s")


def write_dangerous_file(folder: Path) -> Path:
    """A file in the form of a torch checkpoint whose pickle would run a (harmless) command when loaded.

    Written opcode by opcode; nothing is imported or run to make it.
    """
    path = folder / "tiny-trojan.ckpt"
    stream = b"\x80\x02cposix\nsystem\nX" + len(b"echo harmless").to_bytes(4, "little") + b"echo harmless\x85R."
    pickletools.dis(stream, out=io.StringIO())  # a check that the stream is well formed
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("tiny-trojan/data.pkl", stream)
        archive.writestr("tiny-trojan/version", b"3\n")
    return path


def offer_dangerous_file(client: HubClient) -> str:
    """Try to publish a pickle that runs code; what the hub says. The draft is removed again."""
    from cli.output import Output
    from cli.publication import publish_submission

    say("offering a dangerous pickle …")
    model = DemoModel(
        file="", name="Tiny Trojan", type="Checkpoint", tags=[], trained_words=[], description="Must be refused."
    )
    with tempfile.TemporaryDirectory(prefix="easel-demo-") as folder:
        path = write_dangerous_file(Path(folder))
        try:
            publish_submission(client, _submission(path, model), Output(json_only=True), _FINDABLE_SECONDS)
        except RefusedByScan as refusal:
            client.delete(f"/api/hub/models/{refusal.extra['modelId']}")
            files: Any = refusal.extra["files"]
            return f"{path.name}: {files[0]['verdict']}, {files[0]['findings'][0]['message']}"
    raise CommandFailed("the hub published a dangerous file")


def wait_for_previews(client: HubClient, shown: list[Shown]) -> None:
    """Wait until the previews of every model are drawn (or have ended with a reason), with a bar."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    say("drawing previews …")
    ends = time.monotonic() + _PREVIEW_SECONDS
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks = {model.version_id: bars.add_task(model.name, total=4) for model in shown}
        waiting = list(shown)
        while waiting and time.monotonic() < ends:
            for model in list(waiting):
                version = client.get(f"/api/hub/versions/{model.version_id}", dict)
                previews = version["previews"]
                bars.update(tasks[model.version_id], completed=previews["done"], total=previews["total"] or 4)
                _note(model, version)
                if previews["status"] in ("done", "failed"):
                    waiting.remove(model)
            time.sleep(0.5)


def _note(model: Shown, version: dict[str, Any]) -> None:
    file, previews = version["files"][0], version["previews"]
    model.verdict = file["state"]
    model.hashes = file["hashes"]
    model.previews = f"{previews['done']} of {previews['total']}"
    if previews["reason"]:
        model.previews += f" ({previews['reason']})"


def print_table(shown: list[Shown], refused: str) -> None:
    """The closing table; full hashes, so that they can be copied."""
    say(f"\n{'id':>4}  {'model':<14}{'verdict':<11}{'findable after':<16}previews")
    for model in shown:
        say(f"{model.model_id:>4}  {model.name:<14}{model.verdict:<11}{model.findable:<16}{model.previews}")
        hashes = {name: model.hashes.get(name, "-") for name in _HASHES}
        short = "  ".join(f"{name} {hashes[name]}" for name in ("AutoV1", "AutoV2", "AutoV3", "CRC32"))
        say(f"      SHA256 {hashes['SHA256']}\n      BLAKE3 {hashes['BLAKE3']}\n      {short}")
    say(f"\nrefused, as it must be: {refused}")
