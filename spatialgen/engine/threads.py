"""One thread a worker, everywhere: the same sums in the same order, and no two workers fighting for a core."""

from __future__ import annotations

import os
import sys

_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)


def single_thread() -> None:
    """Hold torch, BLAS, OpenMP, OpenCV and Arrow to one thread in this process.

    Libraries imported later read the environment; those already loaded are told. Call it again when more may have
    been imported. onnxruntime takes its thread counts by session, where the backends set them.
    """
    os.environ.update(dict.fromkeys(_VARIABLES, "1"))
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import pyarrow as pa
    import threadpoolctl

    threadpoolctl.threadpool_limits(1)
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
