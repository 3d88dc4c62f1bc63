"""The `easel` command: its sub-commands, and how it ends.

To add a command, write a function with typer annotations in a module of its own and register it below. Modules that
define commands import httpx, rich, tenacity and the like inside functions, so that `easel --help` stays quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from cli import accounts, community, dead_letters, search_index
from cli.demo import demo
from cli.doctor import doctor
from cli.ending import ended
from cli.errors import EXIT_CODE_HELP, CommandFailed, ExitCode, Interrupted, UsageInvalid
from cli.get import get
from cli.output import print_failure
from cli.publish import publish
from cli.pull import pull
from cli.rescan import rescan
from cli.scan import scan
from cli.search import search
from cli.up import up

EPILOG = (
    "EASEL_URL is the hub (default http://127.0.0.1:8000), EASEL_TOKEN your API key.  Exit codes: "
    + ", ".join(f"{int(code)} {text}" for code, text in EXIT_CODE_HELP.items())
    + "."
)

app = typer.Typer(
    name="easel",
    help="Publish, find, fetch and look after generative-AI models on an Easel hub.",
    epilog=EPILOG,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(publish)
app.command()(search)
app.command()(get)
app.command()(pull)
app.command()(scan)
app.command()(doctor)
app.command()(up)
app.command()(demo)
app.command()(community.review)
app.command()(community.report)
app.command()(community.takedown)
app.command()(community.restore)
app.command()(community.delete)
app.command()(rescan)
app.add_typer(accounts.account, name="account")
app.add_typer(accounts.key, name="key")
app.add_typer(dead_letters.dead_letters, name="dead-letters")
app.add_typer(search_index.search_index, name="search-index")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (`cli.errors.ExitCode`); never raises for a failed command."""
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    json_only = "--json" in given
    return ended(lambda: _run(given, json_only=json_only), json_only=json_only)


def _run(given: list[str], *, json_only: bool) -> int:
    try:
        result = app(args=given, prog_name="easel", standalone_mode=False)
    except typer.TyperException as error:
        hint = "See `easel --help`, or `--help` after a command."
        print_failure(UsageInvalid(error.format_message(), hint=hint), json_only=json_only)
        return error.exit_code
    except typer.Abort as abort:
        raise CommandFailed("not confirmed, so nothing was done") from abort
    code = result if isinstance(result, int) else ExitCode.OK
    if code == ExitCode.INTERRUPTED:
        raise Interrupted("interrupted")
    return code


if __name__ == "__main__":
    sys.exit(main())
