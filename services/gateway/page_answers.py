"""How pages are answered: headers, the frame of a request, errors as pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from litestar import MediaType, Request, Response
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException, PermissionDeniedException
from litestar.response import Redirect
from litestar.types import ExceptionHandlersMap
from litestar.utils.scope.state import ScopeState

from services.gateway.identify import caller_of
from services.gateway.pages import render_problem
from services.gateway.rendering import CONTENT_SECURITY_POLICY, THEME_COOKIE, Frame, read_theme
from shared.errors import answer, to_problem
from shared.problems import Forbidden, Unauthorized, Unavailable
from shared.telemetry import correlation_id, logger

log = logger(__name__)
AnyRequest = Request[Any, Any, Any]
_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "vary": "cookie",
    "cache-control": "private, no-cache",  # whose page it is, and the token of its forms
}


def html(
    text: str, status: int = 200, *, is_private: bool = False, cookies: list[Cookie] | None = None
) -> Response[str]:
    """A page. A private one is kept by nobody, the browser's history included."""
    headers = {**_HEADERS, "cache-control": "no-store"} if is_private else _HEADERS
    return Response(text, status_code=status, media_type=MediaType.HTML, headers=headers, cookies=cookies)


def see_other(path: str, cookies: list[Cookie] | None = None) -> Redirect:
    """Where to go after a form was taken."""
    return Redirect(path, status_code=303, cookies=cookies)


def frame_of(request: AnyRequest) -> Frame:
    """Who looks at the page, and the token for its forms (none at addresses that are no page's)."""
    token = ScopeState.from_scope(request.scope).csrf_token
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return Frame(
        theme=read_theme(request.cookies.get(THEME_COOKIE)),
        viewer=caller_of(request).actor.username or None,
        csrf_token=token if isinstance(token, str) else "",
        path=path if request.method == "GET" else "/",
    )


async def field(request: AnyRequest, name: str) -> str:
    """One text field of a form; empty where it is missing."""
    value = (await request.form()).get(name, "")
    return value if isinstance(value, str) else ""


async def fields(request: AnyRequest, name: str) -> list[str]:
    """All values of a field that may come several times."""
    return [value for value in (await request.form()).getall(name, []) if isinstance(value, str)]


def _form_page(path: str) -> str:
    """The page that has the form which is sent to `path`."""
    parts = path.strip("/").split("/")
    if parts[0] == "files":
        return f"/files/{parts[1]}/scan"
    is_own_page = parts[:2] in (["account", "keys"], ["account", "notifications"]) or parts[0] == "models"
    return "/" + "/".join(parts[:2] if is_own_page else parts[:1])


def problem_page(request: AnyRequest, error: Exception) -> Response[Any]:
    """An error as a page; who would only have to sign in is led there."""
    problem = to_problem(error)
    if isinstance(error, PermissionDeniedException):  # the form's token; our own Forbidden is no such error
        problem = Forbidden("This form was open for too long, or cookies are off. Go back and send it again.")
    if isinstance(problem, Unauthorized):
        return see_other(f"/sign-in?next={quote(frame_of(request).path, safe='/')}")
    if problem.status_code >= 500 and not isinstance(problem, Unavailable):
        log.error("page failed", path=request.url.path, exc_info=error)
    text = render_problem(
        problem.status_code, problem.title or "", problem.detail, correlation_id(), frame=frame_of(request),
        back_href=None if request.method == "GET" else _form_page(request.url.path),
    )  # fmt: skip
    page = html(text, problem.status_code)
    page.headers.update(problem.headers or {})
    return page


def lost(request: AnyRequest, error: Exception) -> Response[Any]:
    """An error at an address that is no page's, an unknown one say: a page for browsers, else a problem document."""
    is_browser = "text/html" in request.headers.get("accept", "")
    if is_browser and not request.url.path.startswith(("/api/", "/store/")):
        return problem_page(request, error)
    return answer(request, error)


# The framework's own errors are named as well: its application has a handler for them, which would come first.
PAGE_ERRORS: ExceptionHandlersMap = {HTTPException: problem_page, Exception: problem_page}
