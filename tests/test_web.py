"""The simulated web site, its slow motion, and the pictures of the crawler notebook."""

import doctest
import pickle
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, ThreadPoolExecutor, wait

import numpy as np
import pytest

from course.sim import web
from course.viz import crawling


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


def test_pictures_say_what_they_show():
    rng = np.random.default_rng(0)
    tree, seconds = web.tree(rng, 40, slow=2)
    runs = {"waves": True, "rolling": False}
    runs = {name: web.schedule(tree, seconds, 4, on) for name, on in runs.items()}
    titles = [ax.get_title("left") for ax in crawling.lanes(runs).axes]
    for title, (name, spans) in zip(titles, runs.items(), strict=True):
        assert title.startswith(f"{name}: done after {max(s.stop for s in spans):g} s")
    storm = {"in step": web.herd(100, False, rng)}
    title = crawling.storms(storm).axes[0].get_title("left")
    assert title == "in step: 200 refused, 100 served by 31 s"
    result = {"every": 5, "workers": 2, "again": [1, 2, 6]}
    assert "at most 6" in crawling.crashes(result).axes[0].get_title("left")


def test_jitter_serves_everybody_sooner():
    for seed in range(5):
        served = {
            jitter: web.herd(200, jitter, np.random.default_rng(seed))[1]
            for jitter in (True, False)
        }
        assert sum(served[True]) == 200 > sum(served[False])
        assert max(served[True]) == 20


def test_a_race_is_lost_only_without_a_lock():
    orders = ["".join(order) for order in ("AAABBB", "ABABAB", "BBAABA", "BABABA")]
    for program, worst in (("check, then add", 2), ("under a lock", 1)):
        ends = [web.race(program, order)[1][-1].shared[-1] for order in orders]
        assert max(ends) == str(worst)
        assert min(ends) == "1"


def test_false_alarms_are_as_many_as_predicted():
    rng = np.random.default_rng(0)
    for bits, hashes in ((4, 2), (8, 5), (10, 7)):
        predicted = (1 - np.exp(-hashes / bits)) ** hashes
        measured = web.false_alarms(3000, 3000 * bits, hashes, rng)
        assert abs(measured - predicted) < 0.2 * predicted + 0.002
