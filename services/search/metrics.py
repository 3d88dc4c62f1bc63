"""Prometheus metrics of the search service."""

from prometheus_client import Counter, Gauge, Histogram

DOCUMENTS = Gauge("easel_search_documents", "Documents in the index, counted by the last comparison with the rows.")
WRITES = Counter("easel_search_writes_total", "Rows written into the index.", ["outcome"])
FLUSH_SECONDS = Histogram("easel_search_flush_seconds", "Time of one bulk write with its refresh.")
FINDABLE_SECONDS = Histogram(
    "easel_search_findable_seconds",
    "Time from a model event's creation until a search finds its effect.",
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60),
)
DRIFT = Counter("easel_search_drift_total", "Differences found between index and rows.", ["kind"])
SEARCHES_MATCHED = Counter("easel_search_saved_matches_total", "Models found for those who saved a search.")
COMPARISONS = Counter("easel_search_comparisons_total", "Comparisons of the whole index with the rows.")
QUERY_SECONDS = Histogram("easel_search_query_seconds", "Time of one search, all its passes included.", ["mode"])
