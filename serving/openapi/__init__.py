"""The description of the interface in OpenAPI 3.1: of the routes there are, and their models."""
