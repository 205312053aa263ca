"""What `check` looks at, a table or a question a file."""
