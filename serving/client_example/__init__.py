"""Calls of the service as a caller would write them, in the names of a customer base."""
