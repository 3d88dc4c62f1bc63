"""HTTP of the catalog, for the gateway alone."""

from services.catalog.routes.drafts import Drafts
from services.catalog.routes.reads import Reads

ROUTES = (Drafts, Reads)
__all__ = ["ROUTES"]
