"""Is each object what the API server of the named version would take? Findings are sentences; none is good."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache

import kubernetes_validate
from jsonschema import Draft202012Validator

from tests.unit.deploy.manifests import K8S, Manifest, title

KUBERNETES_VERSION = "1.35"


@cache
def _custom_resource_validator(api_version: str, kind: str) -> Draft202012Validator | None:
    path = K8S / "schemas" / f"{api_version.replace('/', '_')}_{kind}.json"
    return Draft202012Validator(json.loads(path.read_text())) if path.exists() else None


@cache
def _findings(document: str) -> tuple[str, ...]:
    """Keyed by the text of the object: the same one is in several sets, and each validation reads large schemas."""
    manifest = json.loads(document)
    custom = _custom_resource_validator(manifest["apiVersion"], manifest["kind"])
    if custom is not None:
        return tuple(f"{title(manifest)}: {error.json_path}: {error.message}" for error in custom.iter_errors(manifest))
    try:
        kubernetes_validate.validate(manifest, KUBERNETES_VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        return (f"{title(manifest)}: {'.'.join(map(str, error.path))}: {error.message}",)
    except kubernetes_validate.SchemaNotFoundError:
        return (f"{title(manifest)}: no schema of {manifest['apiVersion']}; put one in deploy/k8s/schemas",)
    return ()


def schema_findings(manifests: list[Manifest]) -> Iterator[str]:
    """Unknown fields, wrong types, missing fields, kinds of no known version."""
    for manifest in manifests:
        yield from _findings(json.dumps(manifest, sort_keys=True, default=str))
