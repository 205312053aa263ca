"""The report of retention: a page that stands alone, and the same figures for machines."""
