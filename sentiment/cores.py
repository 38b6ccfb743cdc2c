"""available_cores: how many processor cores this process may use."""

import math
import os
from pathlib import Path

QUOTA_FILE = Path("/sys/fs/cgroup/cpu.max")


def available_cores() -> int:
    """Cores that affinity allows, but no more than the quota of the control group (cgroup v2), as in a container.

    macOS has neither, so all its cores are available.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = QUOTA_FILE.read_text().split()
        return cores if quota == "max" else max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):
        return cores
