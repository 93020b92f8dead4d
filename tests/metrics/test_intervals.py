"""95 % intervals: published values, symmetry, coverage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikemesh.metrics import mean_interval, paired_difference, wilson_interval

answers = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), p. 857, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_matches_published_intervals(successes: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(0, 300), st.integers(0, 300))
def test_wilson_holds_the_proportion_and_is_symmetric(a: int, b: int) -> None:
    low, high = wilson_interval(a, a + b)
    assert 0 <= low <= high <= 1
    if a + b:
        assert low <= a / (a + b) <= high
    mirrored = wilson_interval(b, a + b)
    assert mirrored == pytest.approx((1 - high, 1 - low))


@given(st.integers(1, 300), st.data())
def test_wilson_ends_solve_the_score_equation(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    for end in wilson_interval(successes, n):
        z = abs(successes / n - end)
        assert z == pytest.approx(1.959963984540054 * math.sqrt(end * (1 - end) / n), abs=1e-12)


def test_wilson_knows_nothing_without_samples_and_refuses_nonsense() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
    for successes, n in ((3, 2), (-1, 2), (0, -1)):
        with pytest.raises(ValueError, match="successes"):
            wilson_interval(successes, n)


@given(answers)
def test_paired_difference_holds_the_difference_and_is_antisymmetric(pairs: list[tuple[bool, bool]]) -> None:
    a, b = np.array(pairs, bool).T
    difference, low, high = paired_difference(a, b)
    assert difference == pytest.approx(a.mean() - b.mean())
    assert -1 - 1e-12 <= low <= difference + 1e-12
    assert difference - 1e-12 <= high <= 1 + 1e-12
    back = paired_difference(b, a)
    assert back == pytest.approx((-difference, -high, -low))


def test_agreement_narrows_the_interval() -> None:
    rng = np.random.default_rng(0)
    a = rng.random(400) < 0.9
    alike, unlike = a.copy(), rng.permutation(a)
    alike[:4] = ~alike[:4]

    def width(b: np.ndarray) -> float:
        _, low, high = paired_difference(a, b)
        return high - low

    assert width(alike) < 0.5 * width(unlike)


def test_the_paired_interval_covers_the_truth_95_times_in_100() -> None:
    rng = np.random.default_rng(1)
    hard = rng.random(1_000_000) + 0.1 * rng.standard_normal(1_000_000)
    truth = (hard < 0.85).mean() - (hard < 0.75).mean()
    n, runs, held = 60, 2000, 0
    for _ in range(runs):
        hard = rng.random(n)
        a, b = hard + 0.1 * rng.standard_normal(n) < 0.85, hard + 0.1 * rng.standard_normal(n) < 0.75
        _, low, high = paired_difference(a, b)
        held += low <= truth <= high
    # 2000 runs at 0.95 spread by 0.005; the method is a little wide, never narrow
    assert 0.94 <= held / runs <= 0.995


def test_paired_answers_must_belong_together() -> None:
    for a, b in (([True], [True, False]), ([], []), ([[True]], [[True]])):
        with pytest.raises(ValueError, match="one length"):
            paired_difference(a, b)


def test_mean_interval_is_students() -> None:
    # Student's data on two soporifics, Biometrika 6 (1908), p. 20: differences of mean 1.58, 95 % interval by t of 9 degrees
    slept = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    assert mean_interval(slept) == pytest.approx((1.58, 0.7001, 2.4599), abs=1e-4)
    alone = mean_interval([3.0])
    assert alone[0] == 3.0 and math.isnan(alone[1]) and math.isnan(alone[2])
    for wrong in ([], [[1.0]]):
        with pytest.raises(ValueError, match="flat"):
            mean_interval(wrong)
