"""`easel account` and `easel key`: who may use the hub, and with which keys."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.output import JsonFlag, Output

account = typer.Typer(help="Accounts of the hub (administrators).")
key = typer.Typer(help="Your own API keys.")

Username = Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")]
Role = Annotated[
    str, typer.Option("--role", help="member (reads, reviews), creator (publishes), moderator or administrator.")
]
KeyName = Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.")]
KeyId = Annotated[str, typer.Argument(metavar="ID", help="As `easel key list` shows it.")]


@account.command("create")
def create_account(name: Username, role: Role = "creator", json_only: JsonFlag = False) -> None:
    """Create an account; its first API key is shown once, now."""
    from cli.client import HubClient

    with HubClient.from_environment() as client:
        made = client.create("/api/hub/accounts", {"username": name, "role": role}, dict[str, Any])
    out = Output(json_only=json_only)
    out.document(made)
    out.note(f"account {made['id']}: {made['username']} ({made['role']}). Its key, shown only now:")
    out.line(str(made["key"]))


@key.command("create")
def create_key(name: KeyName, json_only: JsonFlag = False) -> None:
    """Create another key for your account; it is shown once, now."""
    from cli.client import HubClient

    with HubClient.from_environment() as client:
        made = client.create("/api/hub/keys", {"name": name}, dict[str, Any])
    out = Output(json_only=json_only)
    out.document(made)
    out.note(f"key {made['id']}: {made['name']}. Shown only now:")
    out.line(str(made["key"]))


@key.command("list")
def list_keys(json_only: JsonFlag = False) -> None:
    """List your keys, without the secrets."""
    from cli.client import HubClient

    with HubClient.from_environment() as client:
        keys = client.get("/api/hub/keys", dict[str, Any])["items"]
    out = Output(json_only=json_only)
    out.document({"items": keys})
    rows = [(str(each["id"]), str(each["name"]), str(each.get("createdAt") or "")) for each in keys]
    out.table(("id", "name", "created"), rows, empty="You have no keys.")


@key.command("revoke")
def revoke_key(key_id: KeyId, json_only: JsonFlag = False) -> None:
    """Make a key useless at once."""
    from urllib.parse import quote

    from cli.client import HubClient

    with HubClient.from_environment() as client:
        client.delete(f"/api/hub/keys/{quote(key_id, safe='')}")
    out = Output(json_only=json_only)
    out.document({"id": key_id, "revoked": True})
    out.line(f"key {key_id} is revoked")
