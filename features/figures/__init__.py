"""The figures of retention of a period, each with its definition."""
