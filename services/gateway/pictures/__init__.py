"""Pictures in the sizes that pages and tools ask for, made on first request and kept for a while."""
