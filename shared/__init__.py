"""Contracts between services and the plumbing under them. No business rule; imports no service."""
