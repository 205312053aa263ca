"""The report of retention: its figures, its pictures and its page."""
