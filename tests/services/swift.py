"""A real S3 server for tests: OpenStack Swift with its s3api, its rings made on the spot in a folder that goes away.

    with swift(Path(os.environ["CURATION_SWIFT_BIN"])) as server:
        os.environ.update(server.environment)  # keys and address, as any S3 client reads them

The environment variable names the ``bin`` folder of an environment with ``pip install swift`` in it. By hand, to run
until Ctrl-C: ``python tests/services/swift.py BIN``, which prints the variables to export.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import s3fs

KEY, SECRET = "test:tester", "not-a-word-of-any-vocabulary"
_PARTS = ("account", "container", "object")
_COMMON = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
swift_dir = {folder}
user = {user}
log_udp_host = 127.0.0.1
log_udp_port = {log_port}
"""
_STORAGE = """
devices = {folder}/devices
mount_check = false
disable_fallocate = true

[pipeline:main]
pipeline = {part}-server

[app:{part}-server]
use = egg:swift#{part}
"""
_PROXY = f"""
[pipeline:main]
pipeline = catch_errors cache listing_formats s3api tempauth copy slo dlo proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true

[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = us-east-1

[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = {SECRET} .admin
"""
_FILTERS = ("catch_errors", "listing_formats", "copy", "slo", "dlo")
# A cache that no server stands behind: each look-up goes to the rings' servers, of which there is one.
_CACHE = "\n[filter:cache]\nuse = egg:swift#memcache\nmemcache_servers = 127.0.0.1:1\n"
_IDENTITY = """
[swift-hash]
swift_hash_path_prefix = curation
swift_hash_path_suffix = tests

[storage-policy:0]
name = only
default = yes
"""
_READY_SECONDS = 120.0  # 2 s on an idle machine


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, and its folder."""

    url: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a client is to find in its environment."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@contextlib.contextmanager
def swift(bin_folder: Path) -> Iterator[Server]:
    """A server with an empty account, until the block ends.

    Args:
        bin_folder: of an environment in which swift is installed.

    Raises:
        RuntimeError: if it does not answer in time; with the end of what its programs said.
    """
    folder = Path(tempfile.mkdtemp(prefix="curation-swift-"))
    programs: list[subprocess.Popen[bytes]] = []
    try:
        ports = _free_ports(len(_PARTS) + 2)
        _write_settings(bin_folder, folder, ports)
        for part in (*_PARTS, "proxy"):
            with (folder / f"{part}.log").open("wb") as log:
                command = [bin_folder / f"swift-{part}-server", folder / f"{part}.conf"]
                programs.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, start_new_session=True))
        server = Server(f"http://127.0.0.1:{ports[-2]}", folder)
        _wait(server, programs)
        yield server
    finally:
        for program in programs:
            with contextlib.suppress(ProcessLookupError):
                program.send_signal(signal.SIGKILL)
            program.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _write_settings(bin_folder: Path, folder: Path, ports: list[int]) -> None:
    """One device, one copy of everything, and a file of settings for each of the four programs."""
    (folder / "devices" / "d1").mkdir(parents=True)
    (folder / "swift.conf").write_text(_IDENTITY)
    common = {"folder": folder, "user": Path(folder).owner(), "log_port": ports[-1]}
    for part, port in zip(_PARTS, ports, strict=False):
        (folder / f"{part}.conf").write_text((_COMMON + _STORAGE).format(part=part, port=port, **common))
        builder = folder / f"{part}.builder"
        for arguments in (["create", "4", "1", "0"], ["add", f"r1z1-127.0.0.1:{port}/d1", "100"], ["rebalance"]):
            done = subprocess.run([bin_folder / "swift-ring-builder", builder, *arguments], capture_output=True)
            if done.returncode > 1:  # 1 is a warning
                raise RuntimeError(f"swift-ring-builder {arguments}: {done.stdout.decode()}{done.stderr.decode()}")
    filters = "".join(f"\n[filter:{name}]\nuse = egg:swift#{name}\n" for name in _FILTERS)
    proxy = _COMMON.format(port=ports[-2], **common) + _PROXY + filters + _CACHE
    (folder / "proxy.conf").write_text(proxy)


def _wait(server: Server, programs: list[subprocess.Popen[bytes]]) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until and all(program.poll() is None for program in programs):
        try:
            urllib.request.urlopen(server.url, timeout=5).close()
        except urllib.error.HTTPError:
            return  # it asks who we are
        except OSError:
            time.sleep(0.1)
    said = {log.name: log.read_text(errors="replace")[-1500:] for log in server.folder.glob("*.log")}
    raise RuntimeError(f"swift does not answer at {server.url}: {said}")


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@contextlib.contextmanager
def bucket(bin_folder: Path, name: str) -> Iterator[s3fs.S3FileSystem]:
    """The file system of a server that runs meanwhile, with a bucket; keys and address are in the environment."""
    with swift(bin_folder) as server, pytest.MonkeyPatch.context() as patch:
        for key, value in server.environment.items():
            patch.setenv(key, value)
        s3fs.S3FileSystem.clear_instance_cache()
        files = s3fs.S3FileSystem()
        files.mkdir(name)
        yield files
        s3fs.S3FileSystem.clear_instance_cache()


if __name__ == "__main__":
    with swift(Path(sys.argv[1])) as running:
        for name, value in running.environment.items():
            print(f"export {name}={value}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
