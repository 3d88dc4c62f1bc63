"""HTTP of the gateway: everything the world sees."""

from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router

from services.gateway.pages import STATIC_DIRECTORY
from services.gateway.routes.accounts import Accounts, MyAccount
from services.gateway.routes.community import Moderation, Reviews
from services.gateway.routes.docs import asyncapi
from services.gateway.routes.downloads import Downloads
from services.gateway.routes.huggingface import HubFiles, HubModels
from services.gateway.routes.images import Images
from services.gateway.routes.pages import Pages
from services.gateway.routes.publishing import Models, Uploads
from services.gateway.routes.relay import Relay
from services.gateway.routes.v1 import V1

# Addresses carry a hash of the content, so a browser may keep them for good.
_static = create_static_files_router(
    path="/static",
    directories=[STATIC_DIRECTORY],
    cache_control=CacheControlHeader(public=True, max_age=31_536_000, immutable=True),
    include_in_schema=False,
)

ROUTES = (
    V1,
    Downloads,
    HubModels,
    Models,
    Uploads,
    Reviews,
    Moderation,
    Accounts,
    MyAccount,
    Relay,
    Images,
    Pages,
    HubFiles,
    asyncapi,
    _static,
)
__all__ = ["ROUTES"]
