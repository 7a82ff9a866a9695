"""songid: which known recordings were heard, where, when and for how long."""

import os
from importlib.metadata import PackageNotFoundError, version

# Read by numpy's BLAS when it is loaded. The matrix products here are small; spread over
# threads they cost several times the processor time, and work is spread over processes.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

try:
    __version__ = version("songid-airplay")
except PackageNotFoundError:  # a bare source tree on sys.path
    __version__ = "0+source"
