"""The process of a job: ``python -m serving.batch.work VAR JOB``."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # XGBoost loads scikit-learn where it is installed, for a second, and no score needs it.
    sys.modules.setdefault("sklearn", None)  # type: ignore[arg-type]
    from serving.batch.base_job import main

    main(*sys.argv[1:])
