"""HTTP of the gateway: everything the world sees."""

from litestar import Router
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import CacheControlHeader
from litestar.middleware import DefineMiddleware
from litestar.middleware.csrf import CSRFMiddleware
from litestar.static_files import create_static_files_router

from services.gateway.page_answers import PAGE_ERRORS, AnyRequest
from services.gateway.rendering import STATIC_DIRECTORY
from services.gateway.routes.account_pages import AccountPages
from services.gateway.routes.accounts import Accounts, MyAccount
from services.gateway.routes.collection_pages import CollectionPages, SinglePages
from services.gateway.routes.collections import HubCollections, OwnLists
from services.gateway.routes.community import Moderation, Reviews
from services.gateway.routes.docs import api_reference, asyncapi
from services.gateway.routes.downloads import Downloads
from services.gateway.routes.huggingface import HubFiles, HubModels
from services.gateway.routes.images import Images
from services.gateway.routes.notifications import NotificationPages, Notifications
from services.gateway.routes.opinions import Opinions
from services.gateway.routes.pages import Pages
from services.gateway.routes.publishing import Models, Pictures, Uploads
from services.gateway.routes.relay import Relay
from services.gateway.routes.saved_searches import SavedSearches, SavedSearchForms
from services.gateway.routes.scan_pages import ScanPages
from services.gateway.routes.scans import ScanDecisions, Scans
from services.gateway.routes.search import Search
from services.gateway.routes.sign_in import SignIn
from services.gateway.routes.v1 import V1
from services.gateway.routes.v1_collections import V1Collections
from services.gateway.routes.v1_images import V1Images
from services.gateway.routes.v1_people import V1People
from services.gateway.routes.v1_vault import V1Vault
from services.gateway.routes.v1_versions import V1Versions
from services.gateway.sessions import Cookies
from services.gateway.settings import GatewaySettings
from shared.problems import NotFound

_LONGEST_NAME = 200


def _possible_name(request: AnyRequest) -> None:
    """Raise NotFound for a name that no file system would look for."""
    if len(request.url.path) > _LONGEST_NAME or "\0" in request.url.path:
        raise NotFound("There is no such file.")


# Addresses carry a hash of the content, so a browser may keep them for good.
_static = create_static_files_router(
    path="/static",
    directories=[STATIC_DIRECTORY],
    cache_control=CacheControlHeader(public=True, max_age=31_536_000, immutable=True),
    include_in_schema=False,
    before_request=_possible_name,
)

ROUTES = (
    V1, V1Versions, V1Images, V1People, V1Collections, V1Vault,
    Search, SavedSearches, Downloads, HubModels, Models, Pictures, Uploads, Reviews, Moderation, Notifications, Scans,
    ScanDecisions, HubCollections, OwnLists, Accounts,
    MyAccount, Relay, Images, HubFiles,
    asyncapi, _static,
)  # fmt: skip
__all__ = ["ROUTES", "page_routes"]


def page_routes(settings: GatewaySettings, cookies: Cookies) -> Router:
    """The pages. Sessions are known here alone, and so every form here needs its token."""
    csrf = CSRFConfig(
        secret=f"easel-form:{settings.secret.get_secret_value()}",
        cookie_name=cookies.csrf,
        cookie_secure=cookies.are_secure,
        cookie_httponly=True,
        cookie_samesite="lax",
    )
    return Router(
        path="/",
        route_handlers=[
            Pages,
            CollectionPages,
            SinglePages,
            SignIn,
            AccountPages,
            NotificationPages,
            SavedSearchForms,
            ScanPages,
            Opinions,
            api_reference,
        ],
        opt={"session": True},
        middleware=[DefineMiddleware(CSRFMiddleware, config=csrf)],
        exception_handlers=PAGE_ERRORS,
        include_in_schema=False,
    )
