"""What may be asked of the service and what it answers, as closed models."""
