import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikemesh.report.figures import load_grid


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_every_flit_on_a_real_link_is_drawn_once(cols, rows, seed):
    flits = np.random.default_rng(seed).integers(0, 9, (rows, cols, 4))
    flits[:, -1, 0] = flits[:, 0, 1] = 0  # no link leaves the mesh
    flits[0, :, 2] = flits[-1, :, 3] = 0
    grid, text = load_grid(flits.reshape(-1, 4), cols, rows)
    assert grid.shape == (2 * rows - 1, 2 * cols - 1)
    assert np.nansum(grid) == flits.sum()
    assert np.isfinite(grid).sum() == rows * (cols - 1) + cols * (rows - 1)
    assert np.array_equal(text != "", np.isfinite(grid))


def test_a_link_shows_both_directions():
    flits = np.zeros((4, 4))
    flits[0, 0], flits[1, 1] = 7, 2  # (0,0) east and (1,0) west
    grid, text = load_grid(flits, 2, 2)
    assert grid[0, 1] == 9
    assert text[0, 1] == "(0, 0) to (1, 0): 7 flits<br>back: 2"
