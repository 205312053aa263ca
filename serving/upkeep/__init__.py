"""What keeps a record over the years: backups, what is restored of them, what time lets go."""
