"""The simulated web site, its slow motion, and the pictures of the crawler notebook."""

import doctest
import pickle
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, ThreadPoolExecutor, wait

import numpy as np
import pytest

from course.sim import web


def crawl(film, seed, workers, when, size=None):
    """Fetch all pages of a site; a small crawler with a fault that can be chosen."""
    seen, waiting, running = {seed}, [seed], set()
    with ThreadPoolExecutor(size or workers) as pool:
        while waiting or running:
            while waiting and len(running) < workers:
                running.add(pool.submit(film.get_links, waiting.pop(0)))
            done, running = wait(running, return_when=when)
            for future in done:
                links = set(map(web.without_fragment, future.result())) - seen
                links = {link for link in links if web.host(link) == web.host(seed)}
                seen |= links
                waiting += sorted(links)
    return len(seen)


def test_the_examples_in_docstrings_run():
    assert doctest.testmod(web).failed == 0


def test_a_seeded_site_is_the_same_again_and_reachable():
    one, other = (web.Site.seeded(np.random.default_rng(5), 50) for _ in range(2))
    assert one.links == other.links
    assert one.delays == other.delays
    seen, waiting = {one.seed}, [one.seed]
    while waiting:
        for link in map(web.without_fragment, one.get_links(waiting.pop())):
            if link in one.links and link not in seen:
                seen.add(link)
                waiting.append(link)
    assert seen == set(one.links)


def test_failures_come_first_and_then_the_page():
    site = web.Site({"http://a.test/": ["/"]}, failures={"http://a.test/": [503, None]})
    assert site.fetch(site.seed).status == 503
    with pytest.raises(web.FetchError) as caught:
        site.get_links(site.seed)
    assert pickle.loads(pickle.dumps(caught.value)).status is None
    assert site.get_links(site.seed) == ["/"]
    assert site.fetch("http://a.test/none").status == 404
    assert site.fetches.total() == 4


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_slow_motion_lets_a_rolling_crawl_pass(workers):
    site = web.Site.seeded(np.random.default_rng(3), 60)
    film = web.SlowMotion(site, workers)
    run = film.run(lambda: crawl(film, site.seed, workers, FIRST_COMPLETED), watch=True)
    assert (run.said, run.idle, run.left) == ("returned 60", "", 0)
    assert (run.most, run.restless) == (workers, 0)
    assert run.seconds >= sum(site.delays.values()) / workers


def test_slow_motion_sees_idle_workers_and_too_many():
    site = web.Site.seeded(np.random.default_rng(3), 60)
    film = web.SlowMotion(site, 3)
    run = film.run(lambda: crawl(film, site.seed, 3, ALL_COMPLETED), patience=0.05)
    assert "of 3 workers" in run.idle
    assert run.said == "returned 60"
    film = web.SlowMotion(site, 2)
    run = film.run(lambda: crawl(film, site.seed, 9, FIRST_COMPLETED), linger=0.003)
    assert run.most > 2


def test_schedules_keep_to_their_workers_and_rolling_is_never_later():
    rng = np.random.default_rng(2)
    tree = [[] for _ in range(80)]
    for page in range(1, 80):
        tree[int(rng.integers(page))].append(page)
    seconds = np.where(rng.random(80) < 0.05, 10.0, 1.0)
    ends = {}
    for waves in (False, True):
        spans = web.schedule(tree, seconds, 4, waves)
        assert sorted(int(span.url) for span in spans) == list(range(80))
        for span in spans:
            at_once = [s for s in spans if s.start <= span.start < s.stop]
            assert len({s.lane for s in at_once}) == len(at_once) <= 4
        ends[waves] = max(span.stop for span in spans)
    assert ends[False] <= ends[True]
