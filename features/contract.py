"""The canonical tables, and what is refused at their door."""


class StamkundeError(Exception):
    """The root of all errors that a user's own doing can cause; its text says what to do."""
