"""HTTP of the catalog, for the gateway alone."""

from services.catalog.routes.drafts import Drafts
from services.catalog.routes.images import Galleries
from services.catalog.routes.lookups import Lookups
from services.catalog.routes.ratings import Ratings
from services.catalog.routes.reads import Reads
from services.catalog.routes.unlisted import Unlisted

ROUTES = (Drafts, Reads, Lookups, Galleries, Ratings, Unlisted)
__all__ = ["ROUTES"]
