"""The render service: previews of published models."""
