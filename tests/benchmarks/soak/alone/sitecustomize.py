"""No network and no MLflow, for every process that Python starts with this folder on its path.

A connection beyond the loopback, a look-up of a name and an import of MLflow are refused, and put
down in the file that ``ALONE_TOLD`` names.
"""

import os
import sys

_LOOPBACK = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "", None)
_AWAY = ("mlflow", "optuna")


def _refuse(told: str) -> None:
    with open(os.environ["ALONE_TOLD"], "a") as file:  # noqa: PTH123 (nothing may be imported)
        file.write(told + "\n")


def _watch(event: str, given: tuple) -> None:
    if event == "import" and given[0].partition(".")[0] in _AWAY:
        _refuse(f"import {given[0]}")
        raise ModuleNotFoundError(given[0])
    if event == "socket.getaddrinfo" and given[0] not in _LOOPBACK:
        _refuse("look-up")
        raise OSError("no network")
    if event in ("socket.connect", "socket.sendto"):
        where = given[1]
        if isinstance(where, tuple) and where[0] not in _LOOPBACK:
            _refuse("connection")
            raise OSError("no network")


sys.addaudithook(_watch)
