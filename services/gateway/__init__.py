"""Gateway: accounts, the public API, the pages, the store relay."""
