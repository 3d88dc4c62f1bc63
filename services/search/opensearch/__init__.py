"""The adapter for production: OpenSearch, on one node or several."""
