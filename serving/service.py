"""The BentoML service: our application, behind its guard.

BentoML reads this file in its parent as well, which answers no call: what answers them is loaded
by the worker alone.
"""

from __future__ import annotations

import sys
from typing import Any

import bentoml


class _Guarded(bentoml.Service):
    """A service whose guard stands outside of BentoML's own layers.

    A middleware of BentoML's stands within those that count and log, and these would keep every
    path that a caller makes up. They also cost a call a quarter of a millisecond, so it goes
    straight to the application; BentoML starts and ends it, and answers its own probes.
    """

    def to_asgi(self, is_main: bool = True) -> Any:
        # XGBoost loads scikit-learn where it is installed, for a second, and no score needs it.
        sys.modules.setdefault("sklearn", None)  # type: ignore[arg-type]
        from serving import settings
        from serving.app import application
        from serving.guard import connection
        from serving.guard.call import BODY_SECONDS
        from serving.guard.door import Guard
        from serving.memory import settled
        from serving.releases.package import served

        connection.install(lambda: min(BODY_SECONDS, settings.read().config.serving.timeout))
        app = application(served)
        self.mount_asgi_app(app)
        return settled(Guard(app, super().to_asgi(is_main), settings.read))


@bentoml.service(
    name="stamkunde",
    service_class=_Guarded,
    # The guard's log has a call's route and no caller's data.
    logging={"access": {"enabled": False}},
)
class Stamkunde:
    """Scores customers; all of it is in the application."""

    def __init__(self) -> None:
        from serving.server import end_with_parent

        end_with_parent()
