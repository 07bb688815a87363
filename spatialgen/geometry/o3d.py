"""open3d, imported late: it takes a second, 200 MB, and a system library that many machines lack."""

from __future__ import annotations

import ctypes
import functools
from types import ModuleType


@functools.cache
def load_open3d() -> ModuleType:
    """Return the module `open3d`.

    Its wheel links to libusb-1.0, which a fresh Debian or Ubuntu does not have; the wheel `libusb-package` carries
    that library, and once it is loaded by its soname the linker is content. Raises ImportError that says what to do.
    """
    try:
        import open3d
    except ModuleNotFoundError as error:
        raise ImportError("open3d is not installed; run: pip install 'spatialgen[full]'") from error
    except (ImportError, OSError):
        open3d = _with_bundled_libusb()
    return open3d


def _with_bundled_libusb() -> ModuleType:
    try:
        import libusb_package

        ctypes.CDLL(str(libusb_package.get_library_path()), mode=ctypes.RTLD_GLOBAL)
        import open3d
    except (ImportError, OSError) as error:
        raise ImportError(
            f"open3d needs a system library that is missing ({error}); "
            "on Debian or Ubuntu run: apt-get install libusb-1.0-0 libgl1 libgomp1"
        ) from error
    return open3d
