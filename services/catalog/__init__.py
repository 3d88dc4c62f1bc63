"""Catalog: models, versions, files, tags, pictures; the documents everybody reads."""
