"""The reference shows what the OpenAPI document says, all of it."""

from __future__ import annotations

from typing import Any

import pytest

from services.gateway.app import create_app
from services.gateway.rendering import render
from services.gateway.views.api_reference import OperationView, Piece, ReferenceView, reference_view


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EASEL_SECRET", "s" * 32)
        made: dict[str, Any] = create_app().openapi_schema.to_schema()
        return made


@pytest.fixture(scope="module")
def view(document: dict[str, Any]) -> ReferenceView:
    return reference_view(document)


def operation(view: ReferenceView, method: str, path: str) -> OperationView:
    found = [each for group in view.groups for each in group.operations if (each.method, each.path) == (method, path)]
    assert len(found) == 1
    return found[0]


def test_every_operation_and_shape_is_there_once(document: dict[str, Any], view: ReferenceView) -> None:
    shown = [(each.method.lower(), each.path) for group in view.groups for each in group.operations]
    wanted = [(method, path) for path, methods in document["paths"].items() for method in methods if method != "head"]
    assert sorted(shown) == sorted(wanted)
    anchors = [each.anchor for group in view.groups for each in group.operations] + [s.anchor for s in view.shapes]
    assert len(anchors) == len(set(anchors))
    assert {shape.name for shape in view.shapes} == set(document["components"]["schemas"])


@pytest.mark.parametrize(
    ("method", "path", "needs"),
    [
        ("GET", "/api/v1/models", "Open to everybody"),
        ("GET", "/api/hub/models/{model_id}", "Open to everybody; a key shows more"),
        ("POST", "/api/hub/models", "Key with the scope publish"),
        ("POST", "/api/hub/keys", "Key that is not limited to some scopes"),
    ],
)
def test_it_says_who_may(view: ReferenceView, method: str, path: str, needs: str) -> None:
    assert operation(view, method, path).needs == needs


def test_bodies_and_answers_lead_to_their_shapes(view: ReferenceView) -> None:
    made = operation(view, "POST", "/api/hub/models")
    assert made.title == "Create model"
    assert made.body == (Piece(text="NewModel", href="#shape-NewModel"),)
    assert made.answers[0].status == "201"
    assert made.answers[0].type == (Piece(text="HubModel", href="#shape-HubModel"),)


def test_the_page_is_made_from_it(view: ReferenceView) -> None:
    html = render("api_reference.html.jinja", view=view)
    for group in view.groups:
        for each in group.operations:
            assert f'id="{each.anchor}"' in html
    assert "<script>" not in html
