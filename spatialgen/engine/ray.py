"""The executor on Ray Data, locally or on a cluster: actor pools that units flow through.

A row is a unit. Rows carry nothing but the unit's number where one pool does everything; between pools they carry
the unit's records. Results are a few hundred bytes a unit, so that the driver's memory does not grow with the images.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import pyarrow as pa
import ray
import ray.data
from ray._private import ray_constants

from spatialgen.engine.plan import Cluster, Pool, workers_that_fit
from spatialgen.engine.worker import Fatal, Job, Message, Worker
from spatialgen.errors import SpatialgenError
from spatialgen.reports import UnitDone

_ANSWER_S = 20.0
_TOKEN_HINT = (
    "; this cluster wants a token: set RAY_AUTH_MODE=token, and have its token in ~/.ray/auth_token or RAY_AUTH_TOKEN"
)
_MAX_BLOCKS = 10_000
_FUSED_STORE_BYTES = 128 * 2**20
_POOLED_STORE_BYTES = 2 * 2**30


class RaySettings(Protocol):
    """What this module needs to know of the configuration."""

    @property
    def address(self) -> str | None: ...
    @property
    def num_cpus(self) -> int | None: ...
    @property
    def num_gpus(self) -> float | None: ...
    @property
    def object_store_bytes(self) -> int | None: ...


@contextmanager
def ray_session(settings: RaySettings, pools: int) -> Iterator[Cluster]:
    """Join the cluster of the config or of RAY_ADDRESS, else start a local Ray; yield what it has.

    A local Ray listens on loopback only, has no dashboard, and ends with the context. A Ray that this process has
    joined already is used as it is. Raises SpatialgenError where no cluster answers.
    """
    if ray.is_initialized():
        yield _cluster()
        return
    address = settings.address or os.environ.get("RAY_ADDRESS") or "local"
    _refuse_silence(address)
    before = signal.getsignal(signal.SIGTERM)
    with _on_loopback(address == "local"):
        _join(address, _init_options(settings, address, pools))
        try:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, before)  # ray.init puts its own in place
            yield _cluster()
        finally:
            ray.shutdown()


def _init_options(settings: RaySettings, address: str, pools: int) -> dict[str, Any]:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address != "local":
        return quiet
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    store = _FUSED_STORE_BYTES if pools == 1 else _POOLED_STORE_BYTES
    return quiet | {
        "include_dashboard": False,
        "_node_ip_address": "127.0.0.1",
        "num_cpus": settings.num_cpus,
        "num_gpus": settings.num_gpus,
        "object_store_memory": settings.object_store_bytes or store,
    }


def _join(address: str, options: dict[str, Any]) -> None:
    """Call ray.init. Raises SpatialgenError with what Ray's C++ part has printed, which is not shown otherwise."""
    with tempfile.TemporaryFile() as printed:
        try:
            with _errors_to(printed.fileno()):
                ray.init(address=address, **options)
        except Exception as error:  # Ray raises bare ones where a process of its own does not come up
            printed.seek(0)
            said = printed.read().decode("utf-8", "replace")
            what = "no Ray starts here" if address == "local" else f"no Ray cluster can be joined at {address}"
            why = _TOKEN_HINT if "AuthToken" in said else "".join(f"\n  {line}" for line in said.splitlines()[-3:])
            raise SpatialgenError(f"{what} (ray.address or RAY_ADDRESS): {error}{why}") from error


@contextmanager
def _errors_to(descriptor: int) -> Iterator[None]:
    sys.stderr.flush()
    real = os.dup(2)
    os.dup2(descriptor, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(real, 2)
        os.close(real)


def _refuse_silence(address: str) -> None:
    """Raise SpatialgenError where nothing listens at `host:port`: Ray itself would try for many minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()
    except OSError as error:
        raise SpatialgenError(f"no Ray cluster answers at {address} (ray.address or RAY_ADDRESS): {error}") from error


@contextmanager
def _on_loopback(local: bool) -> Iterator[None]:
    """Have a Ray started within, and its processes, listen on loopback only, or let it be reached.

    Ray turns a loopback `_node_ip_address` into the address of the machine unless clusters are switched off, which
    it reads from the environment when it is imported. What was set before is set again afterwards.
    """
    name = ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR
    before, enabled = os.environ.get(name), ray_constants.ENABLE_RAY_CLUSTER
    os.environ[name] = "0" if local else "1"
    ray_constants.ENABLE_RAY_CLUSTER = not local
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = enabled
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _cluster() -> Cluster:
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    return Cluster(tuple((float(n.get("CPU", 0.0)), float(n.get("GPU", 0.0))) for n in nodes))


class _Actor:
    """A Worker behind the interface of map_batches: one row in, one row out."""

    def __init__(self, job: Job, pool: Pool, index: int, last: bool) -> None:
        self._worker = Worker(job, pool.steps, index, last)

    def __call__(self, batch: pa.Table) -> pa.Table:
        units = batch["unit"].to_pylist()
        messages = batch["message"].to_pylist() if "message" in batch.column_names else [None] * len(units)
        results = [self._worker(u, None if m is None else _unpacked(m)) for u, m in zip(units, messages, strict=True)]
        packed = pa.array([pickle.dumps(r, protocol=5) for r in results], pa.large_binary())
        return pa.table({"unit": batch["unit"], "message": packed})


def _unpacked(data: bytes) -> Message:
    message: Message = pickle.loads(data)  # noqa: S301 (written by a worker of this run)
    return message


def run_on_ray(job: Job, pools: Sequence[Pool], units: Sequence[int], cluster: Cluster) -> Iterator[UnitDone]:
    """Make `units` and yield what was done, in no particular order. Raises what concerns the whole run."""
    if not units:
        return
    for message in _messages(_dataset(job, pools, units, cluster)):
        if isinstance(message, Fatal):
            raise message.error()
        if isinstance(message, UnitDone):
            yield message


def _messages(dataset: ray.data.Dataset) -> Iterator[Message]:
    try:
        for batch in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            table: pa.Table = batch
            yield from map(_unpacked, table["message"].to_pylist())
    except ray.exceptions.RayError as error:
        raise SpatialgenError(
            f"Ray ended the run; what is committed stays, and the same command goes on from there: {error}"
        ) from error


def _dataset(job: Job, pools: Sequence[Pool], units: Sequence[int], cluster: Cluster) -> ray.data.Dataset:
    _quiet()
    # Made on the driver and not read by tasks: those would wait for ever for a CPU where the pools take them all.
    dataset: ray.data.Dataset = ray.data.from_items(
        [{"unit": u} for u in units], override_num_blocks=min(len(units), _MAX_BLOCKS)
    )
    for index, pool in enumerate(pools):
        most = workers_that_fit(pool, pools, cluster, len(units))
        dataset = dataset.map_batches(
            _Actor,
            fn_constructor_args=(job, pool, index, index == len(pools) - 1),
            compute=ray.data.ActorPoolStrategy(
                min_size=pool.min_workers, max_size=most, initial_size=most, max_tasks_in_flight_per_actor=2
            ),
            batch_size=1,
            batch_format="pyarrow",
            num_cpus=None if pool.gpus and not pool.cpus else pool.cpus,
            num_gpus=pool.gpus or None,
            udf_modifying_row_count=False,
        )
    return dataset


def _quiet() -> None:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = -1  # a unit of slow networks on a CPU may take long
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
