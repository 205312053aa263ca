"""Segments: every way to tell customers apart found, kept, explained and drawn."""
