"""A job's process that says how to end it, and waits for that."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from serving.batch.jobs import Jobs, instant

signal.alarm(60)  # a test that fails leaves no process behind
held = Jobs(Path(sys.argv[1]))
job = held.get(sys.argv[2])
assert job is not None
held.write(replace(job, state="running", began_at=instant(), done=os.getpid()))
signal.pause()
