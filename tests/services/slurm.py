"""A real one-node Slurm on this machine for tests: its own munged, slurmctld and slurmd, in a folder that goes away.

    with slurm() as cluster:
        os.environ.update(cluster.environment)  # then sbatch, squeue and scontrol speak to it

Needs Debian's packages ``slurm-wlm`` and ``munge``, and root, because slurmd starts jobs for others. By hand, to run
until Ctrl-C: ``python tests/services/slurm.py``, which prints the variables to export.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
NODE, PARTITION = "localhost", "cpu"
_READY_SECONDS = 60.0  # 2 s on an idle machine
_SETTINGS = """
ClusterName=curation
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,batch_sched_delay=0,bf_interval=2
SchedulerType=sched/builtin
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
KillWait=2
SlurmctldPort={controller_port}
SlurmdPort={node_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={node} NodeAddr=127.0.0.1 CPUs=2 RealMemory=16000 State=UNKNOWN
PartitionName={partition} Nodes={node} Default=YES MaxTime=INFINITE State=UP
"""


@dataclass(frozen=True)
class Cluster:
    """A running Slurm: its folder."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What Slurm's commands are to find in their environment."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def tell(self, *arguments: str) -> str:
        """What ``scontrol`` or another of Slurm's commands answers."""
        done = subprocess.run(
            arguments, capture_output=True, text=True, env=os.environ | self.environment, check=False, timeout=60
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()


def why_not() -> str:
    """Why no Slurm can be started here; empty if one can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"no Slurm here: {', '.join(missing)} is missing (Debian: apt-get install slurm-wlm munge)"
    return "" if os.geteuid() == 0 else "a Slurm is started by root only"


@contextlib.contextmanager
def slurm() -> Iterator[Cluster]:
    """A cluster of one node with two cores, until the block ends; jobs that are left are killed.

    Raises:
        RuntimeError: if the node is not idle in time; with the end of what the programs said.
    """
    folder = Path(tempfile.mkdtemp(prefix="curation-slurm-"))
    folder.chmod(0o755)
    programs: list[subprocess.Popen[bytes]] = []
    cluster = Cluster(folder)
    try:
        _write_settings(folder)
        for name, arguments in _commands(folder).items():
            with (folder / f"{name}.out").open("wb") as log:
                command = [str(shutil.which(name)), *arguments]
                environment = os.environ | cluster.environment
                programs.append(
                    subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
                )
            if name == "munged":
                _wait(lambda: (folder / "munge.socket").exists(), cluster)
        _wait(lambda: cluster.tell("sinfo", "-h", "-o", "%T") == "idle", cluster)
        yield cluster
    finally:
        _end(cluster, programs)
        shutil.rmtree(folder, ignore_errors=True)


def _commands(folder: Path) -> dict[str, list[str]]:
    munge = [f"--{name}={folder}/munge.{end}" for name, end in (("socket", "socket"), ("key-file", "key"))]
    munge += [f"--{name}={folder}/munge.{name.split('-')[0]}" for name in ("pid-file", "log-file", "seed-file")]
    return {
        "munged": ["--foreground", "--force", *munge],
        "slurmctld": ["-D", "-c", "-f", f"{folder}/slurm.conf"],
        "slurmd": ["-D", "-c", "-N", NODE, "-f", f"{folder}/slurm.conf"],
    }


def _write_settings(folder: Path) -> None:
    ports = _free_ports(2)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "munge.key").write_bytes(secrets.token_bytes(128))
    (folder / "munge.key").chmod(0o600)
    settings = _SETTINGS.format(
        folder=folder, controller_port=ports[0], node_port=ports[1], node=NODE, partition=PARTITION
    )
    (folder / "slurm.conf").write_text(settings)


def _wait(ready: object, cluster: Cluster) -> None:
    end, said = time.monotonic() + _READY_SECONDS, ""
    while time.monotonic() < end:
        try:
            if ready():  # type: ignore[operator]
                return
        except RuntimeError as error:
            said = str(error)
        time.sleep(0.1)
    logs = [path.read_text(errors="replace")[-800:] for path in sorted(cluster.folder.glob("*.[lo][ou][gt]"))]
    raise RuntimeError(f"Slurm did not start: {said}\n" + "\n".join(logs))


def _end(cluster: Cluster, programs: list[subprocess.Popen[bytes]]) -> None:
    with contextlib.suppress(RuntimeError, subprocess.TimeoutExpired):
        cluster.tell("scancel", "--user=root", "--signal=KILL")
        _wait_for_none(cluster)
    for program in reversed(programs):
        with contextlib.suppress(ProcessLookupError):
            program.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(timeout=10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()


def _wait_for_none(cluster: Cluster) -> None:
    end = time.monotonic() + 10
    while cluster.tell("squeue", "-h") and time.monotonic() < end:
        time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


if __name__ == "__main__":
    with slurm() as running:
        for name, value in running.environment.items():
            print(f"export {name}={value}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
