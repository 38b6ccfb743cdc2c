from pathlib import Path

import pytest

from sentiment import cores


@pytest.mark.parametrize(
    ("quota", "available"), [("max 100000", 8), ("250000 100000", 3), ("10000 100000", 1), ("nonsense", 8)]
)
def test_a_quota_bounds_the_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str, available: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    monkeypatch.setattr(cores, "QUOTA_FILE", tmp_path / "cpu.max")
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)))
    assert cores.available_cores() == available
