"""`easel search`: find published models."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.output import JsonFlag, Output

Query = Annotated[str, typer.Argument(help="Words to look for; an empty text lists the best rated models.")]
Types = Annotated[list[str] | None, typer.Option("--type", help="Only this type, e.g. LORA; repeatable.")]
BaseModels = Annotated[list[str] | None, typer.Option("--base-model", help="Only for this base model; repeatable.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100, help="At most so many models.")]
Mature = Annotated[bool, typer.Option("--nsfw", help="Include mature models.")]


def search(
    query: Query,
    *,
    types: Types = None,
    base_models: BaseModels = None,
    limit: Limit = 20,
    nsfw: Mature = False,
    json_only: JsonFlag = False,
) -> None:
    """Search models by words, type and base model.

    --json prints the hub's answer as it is: {"items": [...], "metadata": {...}}.
    """
    from cli.client import HubClient

    parameters: list[tuple[str, str | int]] = [("limit", limit)]
    if query.strip():
        parameters.append(("query", query))
    parameters += [("types", kind) for kind in types or ()]
    parameters += [("baseModels", base_model) for base_model in base_models or ()]
    if nsfw:
        parameters.append(("nsfw", "true"))
    out = Output(json_only=json_only)
    with HubClient.from_environment() as client:
        page = client.get("/api/v1/models", dict[str, Any], parameters)
    out.document(page)
    columns = ("id", "name", "type", "base model", "creator", "downloads", "up")
    out.table(columns, [_row(model) for model in page["items"]], empty="Nothing found.")


def _row(model: dict[str, Any]) -> tuple[str, ...]:
    stats = model.get("stats") or {}
    versions = model.get("modelVersions") or [{}]
    return (
        str(model["id"]),
        model["name"],
        model.get("type", ""),
        versions[0].get("baseModel", ""),
        str((model.get("creator") or {}).get("username") or ""),
        str(stats.get("downloadCount") or 0),
        str(stats.get("thumbsUpCount") or 0),
    )
