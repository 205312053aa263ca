"""What is served at present, and how another release takes its place."""

from __future__ import annotations

from dataclasses import dataclass

from serving.online import Online


@dataclass
class Served:
    """What answers calls; a call reads it once, so that no answer mixes two releases.

    Parameters
    ----------
    online : Online
    """

    online: Online
