"""`easel publish`: from files on disk to a published version, resumable at every step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import UsageInvalid
from cli.output import JsonFlag, Output

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="The files; the weights first.")]
ModelName = Annotated[str | None, typer.Option("--model-name", help="Name of the new model.")]
ModelType = Annotated[str | None, typer.Option("--type", help="Type of the new model: Checkpoint, LORA, VAE, …")]
ModelId = Annotated[int | None, typer.Option("--model", min=1, metavar="ID", help="Add a version to this model.")]
BaseModel = Annotated[str, typer.Option("--base-model", help="What it is made for: 'SD 1.5', 'SDXL 1.0', …")]
VersionName = Annotated[str | None, typer.Option("--version-name", help="Default: v1.0, v2.0, …")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="A tag of the new model; repeatable.")]
TrainedWords = Annotated[list[str] | None, typer.Option("--trained-word", help="A trigger word; repeatable.")]
Description = Annotated[str | None, typer.Option("--description", help="Of the new model, or of its new version.")]
BaseVersion = Annotated[int | None, typer.Option("--base-version", min=1, help="Version id this is to be used with.")]
Wait = Annotated[bool, typer.Option("--wait", help="Return when it is published and found by search, or refused.")]
Timeout = Annotated[float, typer.Option("--timeout", min=1, help="Seconds that --wait waits at most.")]


def publish(
    files: Files,
    *,
    base_model: BaseModel,
    model_name: ModelName = None,
    model_type: ModelType = None,
    model: ModelId = None,
    version_name: VersionName = None,
    tag: Tags = None,
    trained_word: TrainedWords = None,
    description: Description = None,
    base_version: BaseVersion = None,
    wait: Wait = False,
    timeout: Timeout = 900.0,
    json_only: JsonFlag = False,
) -> None:
    """Publish files as a new model, or as a new version of one (--model).

    The hub examines every file before anything becomes public. After a break, run the same command again: it goes
    on with the same draft and sends only what is missing.
    """
    from cli.client import HubClient
    from cli.draft import Submission, with_known_values
    from cli.local_file import inspect_files
    from cli.publication import publish_submission

    _require_model_or_name(model, model_name, model_type, tag)
    submission = Submission(
        files=inspect_files(files),
        base_model=_required("--base-model", base_model),
        model_name=model_name.strip() if model_name else None,
        model_type=model_type,
        model_id=model,
        version_name=version_name.strip() if version_name else None,
        description=description,
        base_version_id=base_version,
        tags=tuple(tag or ()),
        trained_words=tuple(trained_word or ()),
    )
    out = Output(json_only=json_only)
    with HubClient.from_environment() as client:
        report = publish_submission(client, with_known_values(client, submission), out, timeout if wait else None)
    out.document(report)
    out.line(f"model {report['modelId']}, version {report['versionId']}: {report['status']}")
    if report["url"]:
        out.line(str(report["url"]))


def _require_model_or_name(
    model_id: int | None, model_name: str | None, model_type: str | None, tags: list[str] | None
) -> None:
    """A new model needs a name and a type; an existing one has them already."""
    if model_id is None:
        _required("--model-name", model_name)
        _required("--type", model_type)
        return
    given = {"--model-name": model_name, "--type": model_type, "--tag": tags}
    for option, value in given.items():
        if value:
            raise UsageInvalid(
                f"{option} cannot be combined with --model",
                hint=f"--model {model_id} adds a version to a model that has its own; leave {option} out.",
            )


def _required(option: str, value: str | None) -> str:
    text = (value or "").strip()
    if not text:
        raise UsageInvalid(f"{option} is missing", hint="See `easel publish --help`.")
    return text
