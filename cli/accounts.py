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
AccountId = Annotated[int, typer.Argument(metavar="ID", min=1, help="As `easel account list` shows it.")]
NewRole = Annotated[str | None, typer.Option("--role", help="member, creator, moderator or administrator.")]
Restrict = Annotated[bool | None, typer.Option("--restrict/--allow", help="Stop its keys and sessions, or let it in.")]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope", help="read, publish, community, moderate or administer; repeatable. Default: all you have."
    ),
]
Days = Annotated[int | None, typer.Option("--days", min=1, help="Days until it ends. Default: it does not.")]
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


@account.command("list")
def list_accounts(json_only: JsonFlag = False) -> None:
    """List all accounts (administrators)."""
    from cli.client import HubClient

    items: list[dict[str, Any]] = []
    cursor = "0"
    with HubClient.from_environment() as client:
        while cursor:
            page = client.get("/api/hub/accounts", dict[str, Any], query=[("cursor", cursor), ("limit", 200)])
            items += page["items"]
            cursor = page.get("nextCursor", "")
    out = Output(json_only=json_only)
    out.document({"items": items})
    rows = [
        (str(each["id"]), each["username"], each["role"], "restricted" if each["restricted"] else "") for each in items
    ]
    out.table(("id", "name", "role", ""), rows)


@account.command("change")
def change_account(
    account_id: AccountId, role: NewRole = None, restrict: Restrict = None, json_only: JsonFlag = False
) -> None:
    """Change an account's role, or restrict it: its keys and sessions stop working at once (administrators)."""
    from cli.client import HubClient

    body = {name: value for name, value in (("role", role), ("restricted", restrict)) if value is not None}
    with HubClient.from_environment() as client:
        changed = client.send("PATCH", f"/api/hub/accounts/{account_id}", body=body).json()
    out = Output(json_only=json_only)
    out.document(changed)
    out.line(
        f"account {changed['id']}: {changed['username']} ({changed['role']}"
        f"{', restricted' if changed['restricted'] else ''})"
    )


@account.command("password")
def set_password(json_only: JsonFlag = False) -> None:
    """Set the password that you sign in with on the hub's pages; it is asked for, or read from a pipe."""
    import sys

    from cli.client import HubClient

    if sys.stdin.isatty():
        password = typer.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    with HubClient.from_environment() as client:
        client.send("POST", "/api/hub/me/password", body={"password": password})
        name = client.get("/api/hub/me", dict[str, Any])["username"]
    out = Output(json_only=json_only)
    out.document({"username": name, "passwordSet": True})
    out.line(f"the password of {name} is set; sign in with it at {client.url}/sign-in")


@key.command("create")
def create_key(name: KeyName, scope: Scopes = None, days: Days = None, json_only: JsonFlag = False) -> None:
    """Create another key for your account; it is shown once, now."""
    from datetime import UTC, datetime, timedelta

    from cli.client import HubClient

    body: dict[str, object] = {"name": name}
    if scope:
        body["scopes"] = scope
    if days is not None:
        body["expiresAt"] = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    with HubClient.from_environment() as client:
        made = client.create("/api/hub/keys", body, dict[str, Any])
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
    rows = [
        (
            str(each["id"]), str(each["name"]), str(each.get("createdAt") or ""),
            ", ".join(each.get("scopes") or ["everything"]), str(each.get("expiresAt") or ""),
        )
        for each in keys
    ]  # fmt: skip
    out.table(("id", "name", "created", "may", "ends"), rows, empty="You have no keys.")


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
