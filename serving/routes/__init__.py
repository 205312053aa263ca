"""The service's routes, a file for each thing that is asked about."""
