"""What is known of Ray without a cluster; real ones are in ``tests/services/test_ray.py``."""

import pytest

from curation.errors import ConfigError
from curation.ray_executor import check_room

GIB = 1024**3
SMALL = {"CPU": 4.0, "memory": 8.0 * GIB, "object_store_memory": 1.0}
LARGE = {"CPU": 2.0, "GPU": 1.0, "memory": 64.0 * GIB}


@pytest.mark.parametrize(
    "asked",
    [
        {"CPU": 4, "GPU": 0, "memory": 8 * GIB},
        {"CPU": 2, "GPU": 1, "memory": 64 * GIB},
        {"CPU": 0, "GPU": 0, "memory": 0},
    ],
)
def test_a_task_that_one_node_can_hold_has_room(asked):
    check_room(asked, [SMALL, LARGE])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"CPU": 5, "GPU": 0, "memory": GIB}, "a task takes 5 CPUs, 0 GPUs and 1 GB of memory"),
        ({"CPU": 4, "GPU": 1, "memory": GIB}, "4 CPUs, 1 GPUs"),  # each is there, on two nodes
        ({"CPU": 1, "GPU": 0, "memory": 65 * GIB}, "65 GB of memory"),
    ],
)
def test_a_task_larger_than_every_node_is_refused_with_what_there_is(asked, told):
    with pytest.raises(ConfigError) as refused:
        check_room(asked, [SMALL, LARGE])
    assert told in str(refused.value)
    assert "at most 4 CPUs, 1 GPUs and 64 GB of memory, over 2 nodes" in str(refused.value)
    assert "cpus_per_task, gpus_per_task or mem_per_cpu_gb" in str(refused.value)


def test_a_cluster_without_nodes_has_no_room():
    with pytest.raises(ConfigError, match="over 0 nodes"):
        check_room({"CPU": 1, "GPU": 0, "memory": 1}, [])
