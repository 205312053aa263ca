"""Databases of their own on a real PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import psycopg
import pytest


@pytest.fixture
def new_database(postgres: str) -> Callable[[], str]:
    """What makes an empty database and gives its URL."""

    def made() -> str:
        name = f"upkeep_{uuid.uuid4().hex}"
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = postgres.replace("postgresql://", "postgresql+psycopg://")
        return url.replace("/postgres?", f"/{name}?")

    return made
