import numpy as np
import pytest
from scipy.sparse import csr_array

from sentiment.training.factorization import COLUMNS_AT_ONCE, factorize


@pytest.mark.parametrize("cores", [1, 3])
def test_the_factors_are_those_of_lapack_and_do_not_depend_on_the_cores(
    cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    strong = 10 * generator.normal(size=(60, 4)) @ generator.normal(size=(4, 90))
    matrix = csr_array((strong + generator.normal(size=strong.shape)).astype(np.float32))
    size = COLUMNS_AT_ONCE  # and some beside, so that no product is made at once
    on_all_cores = factorize(matrix, size)
    monkeypatch.setattr("sentiment.training.factorization.available_cores", lambda: cores)
    left, values, right = factorize(matrix, size)
    assert all(np.array_equal(*pair) for pair in zip(on_all_cores, (left, values, right), strict=True))
    expected_left, expected_values, expected_right = np.linalg.svd(matrix.toarray())
    assert values[:4] == pytest.approx(expected_values[:4], rel=1e-4)
    for found, expected in ((left, expected_left), (right, expected_right.T)):
        assert np.abs(np.sum(found[:, :4] * expected[:, :4], axis=0)) == pytest.approx(np.ones(4), abs=1e-3)
