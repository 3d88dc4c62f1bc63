"""`easel review`, `report`, `takedown`, `restore` and `delete`: what people and moderators say about models."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.output import JsonFlag, Output

VersionId = Annotated[int, typer.Argument(metavar="VERSION_ID", min=1)]
ModelId = Annotated[int, typer.Argument(metavar="MODEL_ID", min=1)]
Recommended = Annotated[bool, typer.Option("--up/--down", help="Whether you recommend it.")]
Text = Annotated[str, typer.Argument(help="What you have to say about it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why.")]
ReportReason = Annotated[
    str,
    typer.Option("--reason", help="malware, stolen, illegal, mislabelled, real-person, minor-safety, spam or other."),
]
Details = Annotated[str | None, typer.Option("--details", help="More about it, for the moderators.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def review(version_id: VersionId, text: Text, recommended: Recommended, json_only: JsonFlag = False) -> None:
    """Recommend a version, or advise against it."""
    body = {"recommended": recommended, "text": text}
    made = _post(f"/api/hub/versions/{version_id}/reviews", body, json_only=json_only)
    Output(json_only=json_only).line(f"review {made['id']} of version {version_id} is posted")


def report(model_id: ModelId, reason: ReportReason, details: Details = None, json_only: JsonFlag = False) -> None:
    """Tell the moderators about a model."""
    body: dict[str, object] = {"subjectType": "model", "subjectId": model_id, "reason": reason}
    if details is not None:
        body["details"] = details
    made = _post("/api/hub/reports", body, json_only=json_only)
    Output(json_only=json_only).line(f"report {made.get('id', '')} about model {model_id} is with the moderators")


def takedown(model_id: ModelId, reason: Reason, json_only: JsonFlag = False) -> None:
    """Take a model down (moderators): neither it nor its files can be found or fetched any more."""
    _post("/api/hub/moderation/takedowns", {"modelId": model_id, "reason": reason}, json_only=json_only)
    Output(json_only=json_only).line(f"model {model_id} is being taken down")


def restore(model_id: ModelId, json_only: JsonFlag = False) -> None:
    """Undo a takedown (moderators)."""
    _delete(f"/api/hub/moderation/takedowns/{model_id}", {"modelId": model_id, "restored": True}, json_only=json_only)
    Output(json_only=json_only).line(f"model {model_id} is being restored")


def delete(model_id: ModelId, yes: Yes = False, json_only: JsonFlag = False) -> None:
    """Delete a model of yours with all its versions and files, draft or published."""
    if not yes:
        typer.confirm(f"Delete model {model_id} with all its versions?", abort=True, err=True)
    _delete(f"/api/hub/models/{model_id}", {"modelId": model_id, "deleted": True}, json_only=json_only)
    Output(json_only=json_only).line(f"model {model_id} is deleted")


def _post(path: str, body: dict[str, object], *, json_only: bool) -> dict[str, Any]:
    """Create something, print the hub's answer with `--json`, and return it (empty if the hub says nothing)."""
    from cli.client import HubClient

    with HubClient.from_environment() as client:
        response = client.send("POST", path, body=body, repeatable=False)
        answer: dict[str, Any] = response.json() if response.content else {}
    Output(json_only=json_only).document(answer or body)
    return answer


def _delete(path: str, report_document: dict[str, object], *, json_only: bool) -> None:
    from cli.client import HubClient

    with HubClient.from_environment() as client:
        client.delete(path)
    Output(json_only=json_only).document(report_document)
