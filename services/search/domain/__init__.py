"""Rules of search, pure: text, recognised queries, index documents, engine queries, cursors."""
