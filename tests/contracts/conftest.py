"""Contracts are no tests of their own, but what they assert is told as a test's."""

import pytest

pytest.register_assert_rewrite("tests.contracts.engines")
