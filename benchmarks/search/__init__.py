"""Search measured: quality on judged queries, speed by size."""
