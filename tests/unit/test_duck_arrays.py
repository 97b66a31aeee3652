"""xarray knows the arrays of other libraries as soon as these are imported."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
import numpy as np
import xarray as xr
from pdsim._duck_arrays import spare_imports

spare_imports()
spare_imports()
plain = xr.DataArray(np.arange(3.0), dims="x", coords={"x": [1, 2, 3]})
print(bool(plain.notnull().all()), {"dask", "pint"} & set(sys.modules))
import dask.array
import pint
lazy = xr.DataArray(dask.array.arange(3.0, chunks=2), dims="x")
masked = dask.array.ma.masked_equal(dask.array.arange(3.0, chunks=2), 1.0)
print(lazy.chunks, type((plain + lazy).data).__name__, lazy.load().values, plain.chunk(2).chunks)
print(xr.DataArray(masked, dims="x").values)
print(xr.DataArray(pint.Quantity(np.arange(2.0), "m"), dims="x").to_numpy())
"""


def test_libraries_are_known_once_they_are_used(root):
    done = subprocess.run([sys.executable, "-c", CODE], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "True set()",
        "((2, 1),) Array [0. 1. 2.] ((2, 1),)",
        "[ 0. nan  2.]",
        "[0. 1.]",
    ]
