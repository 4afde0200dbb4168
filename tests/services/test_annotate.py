"""`annotate` with ``vllm:``: killed with everything that watches over the server, and started again."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from services.real_vllm import ROOT, api_server, documents, is_alive, kill, session, wait_until

NUMBER = 300
RUN = """
import json, sys
from curation import annotate
from curation.annotation.judging import Judging
source, model, output, options = sys.argv[1:]
if __name__ == "__main__":
    short, options = {"max_tokens": 64}, json.loads(options)
    judging = Judging(constrain="regex", concurrency=16, generation=short, judge_options=options)
    annotate(source, prompt="finemath_5pt", judge=f"vllm:{model}", output=output, judging=judging)
"""


def test_a_killed_run_leaves_no_server_and_goes_on_where_it_was(tmp_path, model, options, own_temporary_folder):
    rows = [{"id": f"d{row}", "text": text} for row, text in enumerate(documents(NUMBER))]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "documents.parquet")
    (tmp_path / "run.py").write_text(RUN)
    output = tmp_path / "out"
    command = [sys.executable, tmp_path / "run.py", tmp_path / "documents.parquet", model, output, json.dumps(options)]

    first = subprocess.Popen(command, cwd=ROOT)
    wait_until(lambda: recorded(output) >= 50 or first.poll() is not None, 400)
    assert first.poll() is None
    orphans = kill_all_that_watch(own_temporary_folder, first)
    assert any(map(is_alive, orphans))  # vLLM's engine does not notice
    assert 50 <= recorded(output) < NUMBER

    subprocess.run(command, cwd=ROOT, check=True, timeout=500)
    assert not any(map(is_alive, orphans))
    wait_until(lambda: api_server(model) is None)
    labels = pq.read_table(output / "annotate" / "data").to_pylist()
    assert {row["id"] for row in labels} == {row["id"] for row in rows}
    assert all(row["label"] in range(6) for row in labels)
    assert recorded(output) == NUMBER  # no reply was asked for twice


def recorded(output):
    """Replies in the journal."""
    return sum(len(path.read_bytes().splitlines()) for path in output.glob("annotate/journal/*"))


def kill_all_that_watch(folder, run):
    """Kill the run, its worker, the guard and the API server at once; the other processes of the server."""
    (record,) = (json.loads(path.read_text()) for path in Path(folder).glob("curation-*/*.json"))
    client, guard, server = (record[name][0] for name in ("client", "guard", "server"))
    others = [pid for pid in session(server) if pid != server]
    kill(guard, client, run.pid, server)
    run.wait()
    return others
