import os
from pathlib import Path

import pytest

from sentiment import cores


@pytest.mark.parametrize(
    ("quota", "available"), [("max 100000", 8), ("250000 100000", 3), ("10000 100000", 1), ("nonsense", 8)]
)
def test_a_quota_bounds_the_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str, available: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    monkeypatch.setattr(cores, "QUOTA_FILE", tmp_path / "cpu.max")
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)), raising=False)
    assert cores.available_cores() == available


def test_where_the_system_knows_no_affinity_all_cores_are_available(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cores, "QUOTA_FILE", tmp_path / "none")
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert cores.available_cores() == os.cpu_count()
