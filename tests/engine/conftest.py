"""One local Ray for all tests of this folder that need one."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from spatialgen.config.models import RayConfig


@pytest.fixture(scope="session")
def local_ray() -> Iterator[None]:
    """A local Ray of eight logical CPUs and one logical GPU, which runs in this process join as it is."""
    from spatialgen.engine.ray import ray_session

    os.environ["PYTHONPATH"] = str(Path(__file__).parent)  # where Ray's workers find the stages of tests
    with ray_session(RayConfig(num_cpus=8, num_gpus=1), pools=1):
        yield
