"""Task graphs run in slow motion as they should, and their timetables keep rules."""

import doctest
from collections import deque
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, ThreadPoolExecutor, wait

import numpy as np
import pytest

from course.sim import dag, web
from course.viz import serving as draw


def run_all(tasks, needs, workers, retries, when):
    """Run a graph whose tasks all succeed in the end."""
    done, left, flying = set(), dict(tasks), {}
    with ThreadPoolExecutor(workers) as pool:
        while left or flying:
            ready = [name for name in left if done.issuperset(needs[name])]
            for name in ready[: workers - len(flying)]:
                flying[pool.submit(left.pop(name))] = name
            for future in wait(flying, return_when=when).done:
                name = flying.pop(future)
                if future.exception() is None:
                    done.add(name)
                else:
                    left[name] = tasks[name]
    return len(done)


def graph_of(seed, **options):
    return dag.Graph.seeded(np.random.default_rng(seed), 30, **options)


def test_the_examples_in_docstrings_run():
    assert doctest.testmod(dag).failed == 0


def test_a_seeded_graph_is_the_same_again_and_has_no_cycle():
    one, other = (graph_of(5, slow=0.2, failing=0.2, retries=2) for _ in range(2))
    assert (one.needs, one.delays) == (other.needs, other.delays)
    assert one.failures == other.failures
    assert set(one.failures.values()) <= {1, 2, 3}
    done = set()
    while len(done) < len(one.needs):
        more = {name for name, needed in one.needs.items() if done.issuperset(needed)}
        assert more > done
        done = more


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_slow_motion_lets_a_rolling_run_pass(workers):
    graph = graph_of(3, slow=0.1)
    graph.failures, graph.retries = {"t4": 2, "t7": 1}, 2
    film = web.SlowMotion(graph, workers)
    tasks = graph.tasks(film.wait)
    run = film.run(lambda: run_all(tasks, graph.needs, workers, 2, FIRST_COMPLETED))
    assert (run.said, run.idle, run.left) == ("returned 30", "", 0)
    assert graph.early == []
    assert graph.calls.total() == len(run.spans) == 33
    failed = [name for name, *_ in graph.bars(run.spans) if name.endswith("×")]
    assert sorted(failed) == ["t4 ×", "t4 ×", "t7 ×"]


def test_slow_motion_sees_waves():
    graph = graph_of(3, slow=0.1)
    film = web.SlowMotion(graph, 3)
    tasks = graph.tasks(film.wait)
    run = film.run(
        lambda: run_all(tasks, graph.needs, 3, 0, ALL_COMPLETED), patience=0.05
    )
    assert run.idle.endswith("tasks to go")
    assert run.said == "returned 30"


def test_a_call_that_comes_too_early_is_noted():
    graph = dag.Graph({"a": [], "b": ["a"]}, failures={"a": 1})
    tasks = graph.tasks()
    with pytest.raises(dag.TaskError, match="a, call 1"):
        tasks["a"]()
    assert tasks["b"]() == "b is done"
    assert graph.early == ["b"]
    assert graph.due([]) == graph.due(["b"]) == 1
    assert graph.due(["a"]) == 0  # failed, and may not be called again


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_timetables_keep_to_the_graph_and_rolling_is_no_later(workers):
    graph = graph_of(2, slow=0.2, failing=0.3, retries=1)
    ends = []
    for waves in (True, False):
        spans = dag.schedule(graph, workers, waves)
        stops = {span.url: span.stop for span in spans}
        queue = deque(spans)
        while queue:
            span = queue.popleft()
            assert all(stops[one] <= span.start for one in graph.needs[span.url])
            lanes = [s.lane for s in spans if s.start <= span.start < s.stop]
            assert len(set(lanes)) == len(lanes) <= workers
        lost = {name for name, n in graph.failures.items() if n > 1}
        for name, needed in sorted(graph.needs.items()):
            assert name not in stops or not lost.intersection(needed)
        ends.append(max(stops.values()))
    assert ends[1] <= ends[0]


def test_the_picture_names_the_ends():
    needs = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}
    graph = dag.Graph(needs, delays={"b": 3})
    runs = {"rolling": graph.bars(dag.schedule(graph, 2))}
    runs = {"waves": runs["rolling"], **runs}
    result = {"needs": needs, "seconds": graph.seconds(), "runs": runs}
    titles = [ax.get_title("left") for ax in draw.plan(result).axes]
    assert titles[1:] == ["waves: done after 5 s", "rolling: done after 5 s"]
