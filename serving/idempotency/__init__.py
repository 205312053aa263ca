"""Calls that bear an Idempotency-Key: the same again is answered the same."""
