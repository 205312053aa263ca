"""The whole base scored at once, and what is told of the latest time."""
