"""The report of retention."""
