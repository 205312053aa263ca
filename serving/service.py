"""The BentoML service: our application, behind its guard."""

from __future__ import annotations

from typing import Any

import bentoml

from serving import settings
from serving.app import application
from serving.guard.door import Guard
from serving.memory import settled
from serving.package import served
from serving.server import end_with_parent

app = application(served)


class _Guarded(bentoml.Service):
    """A service whose guard stands outside of BentoML's own layers.

    A middleware of BentoML's stands within those that count and log, and these would keep every
    path that a caller makes up. They also cost a call a quarter of a millisecond, so it goes
    straight to the application; BentoML starts and ends it, and answers its own probes.
    """

    def to_asgi(self, is_main: bool = True) -> Any:
        return settled(Guard(app, super().to_asgi(is_main), settings.read))


@bentoml.service(
    name="stamkunde",
    service_class=_Guarded,
    # The guard's log has a call's route and no caller's data.
    logging={"access": {"enabled": False}},
)
@bentoml.asgi_app(app, path="/")
class Stamkunde:
    """Scores customers; all of it is in the application."""

    def __init__(self) -> None:
        end_with_parent()
