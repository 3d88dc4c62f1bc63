"""Clients of the engines, one module each; the only places that import an engine's driver."""
