"""How the customers scored differ from those trained on, and what became of predictions."""
