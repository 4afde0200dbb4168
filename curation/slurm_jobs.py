"""Slurm's commands, and the job arrays of one stage.

    arrays = make_executor(step, ExecutorSettings(kind="slurm", partition="cpu"), name="score", tasks=2000, …)
    arrays.hand_over()                       # what the tasks load
    ids = arrays.submit(after="17")          # ("18", "19"): tasks 0–1000 and 1001–1999, once job 17 has ended well

datatrove's executor runs the tasks. What it submits is ours: its arrays beyond the longest are chained, and only the
last of them is waited for.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datatrove.executor.slurm import SlurmPipelineExecutor

from curation.errors import CurationError
from curation.task import pickle_executor

Live = Mapping[tuple[str, int | None], str]
"""(job, index in its array, None for a job that is none) -> state, such as ``PENDING``, of what has not ended."""


class SlurmArrays(SlurmPipelineExecutor):
    """The tasks of one stage, as one array or several."""

    def hand_over(self) -> None:
        """Write what the tasks load. Those that were submitted beyond the number of tasks end at once."""
        with self.logging_dir.open("ranks_to_run.json", "w") as file:
            json.dump(list(range(self.tasks)), file)
        with self.logging_dir.open("executor.pik", "wb") as file:
            file.write(pickle_executor(self))

    def submit(self, after: str | None) -> tuple[str, ...]:
        """Submit all tasks; returns the arrays' job ids.

        Args:
            after: a job without whose success they are cancelled.

        Raises:
            CurationError: if Slurm refuses one; none is left then.
        """
        longest = self.max_array_size if self.max_array_size > 0 else max(1, self.tasks)
        command = ["launch_pickled_pipeline", self.logging_dir.resolve_paths("executor.pik")]
        ids: list[str] = []
        try:
            for number, first in enumerate(range(0, self.tasks, longest)):
                last = min(longest, self.tasks - first) - 1
                options = {
                    **self._options("%A_%a.out"),
                    "array": f"0-{last}{f'%{self.workers}' if self.workers > 0 else ''}",
                    "export": f"{self._exported()},RUN_OFFSET={number}",
                }
                needs = [f"afterok:{after}"] if after else []
                if ids and self.workers > 0:  # side by side, each would have as many tasks at a time
                    needs.append(f"afterany:{ids[-1]}")
                ids.append(_sbatch(self._script(command), options, needs))
        except CurationError:
            scancel(ids)
            raise
        return tuple(ids)

    def submit_one(self, command: Sequence[str], name: str, after: str | None, ended: Sequence[str]) -> str:
        """Submit one job beside the arrays; returns its id.

        Args:
            command: what it runs.
            name: of the job.
            after: a job without whose success it is cancelled.
            ended: jobs that must have ended, well or not.
        """
        needs = [f"afterok:{after}"] if after else []
        if ended:
            needs.append("afterany:" + ":".join(ended))
        options = self._options("%j.out") | {"job-name": name, "export": self._exported()}
        return _sbatch(self._script(command), options, needs)

    def _options(self, log: str) -> dict[str, Any]:
        options = self.get_sbatch_args()
        del options["array"]
        printed = f"{Path(self.slurm_logs_folder).absolute()}/{log}"
        # Requeued jobs append: what the first start said may be why there is a second.
        return options | {"output": printed, "error": printed, "open-mode": "append"}

    def _exported(self) -> str:
        return f"ALL,OMP_NUM_THREADS={self.cpus_per_task},CURATION_THREADS={self.cpus_per_task}"

    def _script(self, command: Sequence[str]) -> str:
        # A step does not inherit the cores of its job.
        srun = ["srun", "-l", "-n", str(self.nodes_per_task), f"--cpus-per-task={self.cpus_per_task}"]
        return self.get_launch_file_contents({}, shlex.join([*srun, *command]))


def _sbatch(script: str, options: Mapping[str, Any], needs: Sequence[str]) -> str:
    given = [
        f"--{name}" if value is True or value in (None, "") else f"--{name}={value}" for name, value in options.items()
    ]
    if needs:
        given += [f"--dependency={','.join(needs)}", "--kill-on-invalid-dep=yes"]
    done = _run(["sbatch", "--parsable", *given], script)
    if done.returncode:
        raise CurationError(f"Slurm takes no job {options['job-name']}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.split(";")[0].strip()


def live(ids: Sequence[str]) -> Live | None:
    """Which of these jobs have not ended, each task of an array by itself; None where there is no Slurm to be asked.

    Raises:
        CurationError: if Slurm does not answer.
    """
    if shutil.which("squeue") is None:
        return None
    if not ids:
        return {}
    done = _run(["squeue", "-h", "-r", "-o", "%F %K %T", "-j", ",".join(ids)])
    if done.returncode and "Invalid job id" not in done.stderr:  # said of a single job that ended long ago
        raise CurationError(f"Slurm does not answer: {done.stderr.strip()}")
    rows = (line.split() for line in done.stdout.splitlines())
    return {(job, int(index) if index.isdigit() else None): state for job, index, state in rows}


def scancel(ids: Sequence[str]) -> None:
    """Cancel jobs."""
    if ids:
        _run(["scancel", *ids])


def _run(command: Sequence[str], given: str = "") -> subprocess.CompletedProcess[str]:
    # Where `curate run` is itself a job, what that job was given is not for those that it submits.
    kept = ("SLURM_CONF", "SLURM_CLUSTERS")
    environment = {name: value for name, value in os.environ.items() if name in kept or not name.startswith("SLURM_")}
    return subprocess.run(command, input=given, capture_output=True, text=True, env=environment, check=False)
