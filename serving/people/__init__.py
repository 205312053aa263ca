"""Persons: who may be scored, what is held of one, and how one is forgotten."""
