"""Releases: which bundles are served, and how they come to be."""
