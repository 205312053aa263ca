"""Where the scores of a whole customer base go: a Parquet or CSV file, or a database's table."""
