"""Where each object of an instance map is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from spatialgen.geometry.crops import bounds_of
from spatialgen.records import I32


@given(arrays(np.int32, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.integers(-1, 5)))
def test_bounds_are_those_of_scipy(ids: I32) -> None:
    assert bounds_of(ids, 4) == ndimage.find_objects(np.where(ids > 4, 0, ids), max_label=4)


def test_bounds_of_a_strided_map() -> None:
    ids = np.zeros((20, 30), np.int32)
    ids[4:11, 6:21] = 2
    assert bounds_of(ids[::2, ::3], 3) == [None, (slice(2, 6), slice(2, 7)), None]
