"""The HTTP client: retries that end, waits as asked, and errors that people can read."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from email.utils import format_datetime

import httpx
import pytest

from cli.client import HubClient, hub_url, retry_after_seconds
from cli.errors import CommandFailed, HubUnavailable, NotAuthorised, NotFound, UsageInvalid
from cli.problems import failure_of
from tests.unit.cli.stand_in_hub import StandInHub

PROBLEM = "application/problem+json"


def answer(status: int, **content: object) -> httpx.Response:
    request = httpx.Request("GET", "http://hub.example/api/v1/models")
    return httpx.Response(status, request=request, **content)  # type: ignore[arg-type]


class TestReadableErrors:
    def test_a_problem_document_gives_detail_fields_and_type(self) -> None:
        body = {"type": "https://easel.dev/problems/invalid", "title": "Invalid", "detail": "The version is not valid.",
                "errors": [{"field": "baseModel", "message": "is unknown"}]}  # fmt: skip
        failure = failure_of(answer(400, json=body))
        assert isinstance(failure, UsageInvalid)
        assert failure.detail.startswith("The version is not valid.; baseModel: is unknown")
        assert failure.problem()["type"] == "https://easel.dev/problems/invalid"

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ({"error": "No model with id 7"}, "No model with id 7"),
            ({"error": "Unauthorized", "message": "The creator has disabled downloads"}, "The creator has disabled"),
            ({"message": "User not found"}, "User not found"),
            ({"error": {"name": "ZodError", "message": '[{"path":["limit"],"message":"Too big"}]'}}, "limit: Too big"),
            ([{"path": ["page"], "message": "Too small"}], "page: Too small"),
            ({"title": "Gone"}, "Gone"),
        ],
    )
    def test_every_form_of_the_compatible_api_is_understood(self, body: object, said: str) -> None:
        assert failure_of(answer(500, json=body)).detail.startswith(said)

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, UsageInvalid), (401, NotAuthorised), (403, NotAuthorised), (404, NotFound), (410, NotFound),
            (413, UsageInvalid), (422, UsageInvalid), (429, HubUnavailable), (500, CommandFailed),
            (502, HubUnavailable), (503, HubUnavailable), (504, HubUnavailable), (409, CommandFailed),
        ],
    )  # fmt: skip
    def test_the_status_decides_the_kind(self, status: int, kind: type[CommandFailed]) -> None:
        assert type(failure_of(answer(status))) is kind

    def test_a_page_of_a_proxy_is_not_poured_out(self) -> None:
        failure = failure_of(answer(502, html="<html>" + "x" * 5000))
        assert failure.detail == "Bad Gateway (502 to GET /api/v1/models)"


class TestRetries:
    def test_it_waits_as_long_as_the_hub_asks(self, hub: StandInHub) -> None:
        hub.faults.unavailable_times = 2
        waits: list[float] = []
        with HubClient(hub.url, None, sleep=waits.append) as client:
            client.get("/api/v1/models", dict)
        assert waits == [7.0, 7.0]

    def test_it_gives_up(self, hub: StandInHub) -> None:
        hub.faults.unavailable_times = 100
        waits: list[float] = []
        with HubClient(hub.url, None, sleep=waits.append) as client, pytest.raises(HubUnavailable, match="overloaded"):
            client.get("/api/v1/models", dict)
        assert len(waits) == 3

    def test_nobody_there_is_unavailable_and_names_the_address(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            with HubClient(url, None, sleep=lambda _: None) as client, pytest.raises(HubUnavailable, match=url):
                client.get("/api/v1/models", dict)

    def test_what_creates_is_not_repeated_after_a_broken_connection(self) -> None:
        """The hub may have done it: a second try could make a second model."""
        attempts = accept_and_hang_up()
        with HubClient(attempts.url, None, sleep=lambda _: None) as client:
            with pytest.raises(HubUnavailable) as raised:
                client.create("/api/hub/models", {}, dict)
            assert "look before you repeat" in (raised.value.hint or "")
            assert attempts.count == 1
            with pytest.raises(HubUnavailable):
                client.get("/api/v1/models", dict)
            assert attempts.count > 2
        attempts.close()

    @pytest.mark.parametrize(("value", "seconds"), [("3", 3.0), ("86400", 60.0), ("", None), ("soon", None)])
    def test_retry_after_in_seconds_is_bounded(self, value: str, seconds: float | None) -> None:
        assert retry_after_seconds(answer(503, headers={"Retry-After": value})) == seconds

    def test_retry_after_as_a_date_counts_from_the_date_of_the_answer(self) -> None:
        sent = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
        headers = {"Date": format_datetime(sent, usegmt=True), "Retry-After": "Sun, 01 Mar 2026 12:00:05 GMT"}
        assert retry_after_seconds(answer(503, headers=headers)) == 5.0


class TestTheAddress:
    def test_the_default_is_this_machine(self) -> None:
        assert hub_url({}) == "http://127.0.0.1:8000"
        assert hub_url({"EASEL_PORT": "9100"}) == "http://127.0.0.1:9100"
        assert hub_url({"EASEL_URL": "https://hub.example/"}) == "https://hub.example"

    @pytest.mark.parametrize("url", ["hub.example", "ftp://hub.example", "http://", "http://a:b:c"])
    def test_what_is_no_address_is_refused(self, url: str) -> None:
        with pytest.raises(UsageInvalid):
            hub_url({"EASEL_URL": url})

    def test_only_the_hubs_own_origin_is_trusted_with_the_key(self) -> None:
        with HubClient("http://hub.example", "key") as client:
            assert client.is_own("http://hub.example:80/x")
            for other in ("https://hub.example/x", "http://hub.example:9000/x", "http://hub.example.evil/x"):
                assert not client.is_own(other)


class accept_and_hang_up:  # noqa: N801 (reads as what it does)
    """A server that takes a request and closes the connection without an answer."""

    def __init__(self) -> None:
        import threading

        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.count = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.count += 1
            connection.recv(65536)
            connection.close()

    def close(self) -> None:
        self._server.close()
