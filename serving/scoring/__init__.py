"""Scores: customers assessed by a release's bundles, and what is said of each."""
