"""The record: what is put on it, in which bytes, and how it is read again."""
