"""Week 1, notebook 7: a crawler with threads, retries and a state that survives."""

# %% [md] title
# # Crawl a site: every page once, none forgotten
#
# By the end of this notebook you have a crawler that keeps all its workers busy,
# fetches no page twice, knows when it is done, and goes on where a crash stopped it.

# %% [md] able
# ## You will be able to
#
# * **write** a crawl of one site, first with one worker, then with many, without a race
# * **decide** which failures to retry, and when, so that a server can recover
# * **keep** the state of a crawl so that any worker may die at any moment

# %% [map]
# ## Map

# %% [md] asked
# ## Where this is asked
#
# "Write a crawler for one domain" is a favourite of the 45- to 60-minute coding round.
# You get `get_links(url)`; ten minutes later you are asked to use threads. The
# interviewer scores whether you see the race on the visited set, whether a slow page
# holds up the others, how your program knows that it is done, and what it does when
# a page fails.
#
# Not taught here: when two URLs are the same page, robots.txt, and politeness towards many hosts (week 2).

# %% [setup]
import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from course import check, desk, viz, widgets
from course.sim import threads, web
from course.viz import crawling, queues

desk.open("w1-crawler")

# %% [md] graph
# ## 1 · One worker, in the right order
#
# Pages are the nodes of a graph, links its arrows. A crawl starts at a page, the
# **seed**, and follows links as long as they stay on the same site.
#
# **Breadth-first** means: all pages that are one link away, then all that are two links
# away, and so on. A queue (`collections.deque`) does it: take the oldest URL out with
# `popleft`, fetch it, `append` what is new. With a stack in place of the queue the crawl runs down one path
# first: depth-first.

# %% [md] why-breadth
# For a crawler, breadth-first is the better habit: pages near the seed matter more, and a
# trap (a calendar with a link "next month" for ever) cannot swallow it before the rest is done.
#
# Here is a small site and the order in which a breadth-first crawl fetches its pages:

# %% small-site
ROOT = "http://site.test/"
SMALL = {
    ROOT: [ROOT + "b", ROOT + "a", "http://site.test.evil.test/", ROOT + "b#top"],
    ROOT + "a": [ROOT + "c", ROOT],
    ROOT + "b": [ROOT + "c", ROOT + "d", "http://www.site.test/"],
    ROOT + "c": [ROOT + "e", ROOT + "c"],
    ROOT + "d": [ROOT + "e", ROOT + "b"],
    ROOT + "e": [],
}
PLACES = {ROOT: (0, 1.5), ROOT + "b": (1.6, 2), ROOT + "a": (1.6, 1)}
PLACES |= {ROOT + "d": (3.2, 2), ROOT + "c": (3.2, 1), ROOT + "e": (4.8, 1.5)}
PLACES |= {"http://www.site.test/": (3.2, 3), "http://site.test.evil.test/": (0.6, 3)}
ORDER = [ROOT + name for name in ("", "b", "a", "c", "d", "e")]

figure, axes = viz.figure("wide", height=3.4)
crawling.site(SMALL, PLACES)(axes, ORDER)
axes.set_title("Breadth-first: the seed, then its links, then theirs")
viz.show(
    figure,
    alt="Six pages of one site, numbered 1 to 6 in breadth-first order: seed, b, a, "
    "c, d, e. Two pages of other hosts carry no number.",
)

# %% [md] once
# Look at three details, since each is a bug when forgotten:
#
# * `c` is linked from `a` and from `b`. Whoever marks a page as seen only when it is *fetched* puts it into the queue twice. Mark it when it is **found**.
# * `b#top` is page `b`: what follows `#`, the **fragment**, is a place inside the page, and is never sent to the server.
# * `c` links to itself, and `d` back to `b`. Without the seen set the crawl never ends.

# %% [md] host-words
# ### The same site, exactly
#
# "Same site" here means the same **host**: the name of the server, and its port if one is
# given. The course gives you `web.host(url)` and `web.without_fragment(url)`, so that you can concentrate on the crawl.
#
# Naive tests let strangers in. Below, eight links are judged by three tests: does the link *start* with the site, does it
# *contain* its name, is the *host* the same? Predict: of how many does `link.startswith("http://site.test")` say the wrong thing?

# %% guess-host
widgets.predict("naive", "Of how many of the eight links is startswith wrong?")

# %% host-measured
EIGHT = [ROOT + "a", "http://SITE.TEST/b", "http://site.test.evil.test/"]
EIGHT += ["http://site.test@evil.test/", "http://site.test:8080/"]
EIGHT += ["http://www.site.test/", "http://evil.test/?site.test", "mailto:me@site.test"]
naive = 0
print("right  starts  contains  host, link")
for link in EIGHT:
    right = web.host(link) == "site.test"
    starts = link.startswith("http://site.test")
    contains = "site.test" in link
    naive += starts != right
    told = [" yes" if answer else "  no" for answer in (right, starts, contains)]
    print("{}   {}    {}     ".format(*told), repr(web.host(link)), link)
widgets.reveal("naive", naive, explain="A prefix of text is not a prefix of meaning.")

# %% [md] host-read
# `site.test.evil.test` belongs to whoever owns `evil.test`. And `site.test@evil.test` is the user
# `site.test` on the host `evil.test`. A crawler that can be led to any host is a security hole, not only a
# nuisance; follow-up 6 comes back to it.

# %% [card] e1 minutes=12 core
# Breadth-first, one page at a time
#
# Return the URLs that could be fetched, in breadth-first order from `seed`; links of a page count in the order in which they
# stand there. Follow a link only if its `web.host` equals the seed's. Ask `get_links` for each URL at most once,
# always without fragment. If it raises `OSError`, the page is left out; any other error comes through.

# %% [hand] e1
# **By hand.** The seed `/` links to `b`, `a`, `b#top`; `b` links to `c` and to another host; `a` links to `c`;
# `c` fails with `OSError`. Asked for: `/`, `b`, `a`, `c`. Returned: `/`, `b`, `a`.

# %% [answer] e1
from collections import deque


def crawl(seed: str, get_links: Callable[[str], list[str]]) -> list[str]:
    """Return the pages of the seed's host that are reachable, in breadth-first order.

    `get_links(url)` returns the links of a page, absolute and as they are written; it
    raises OSError for a page that cannot be fetched, which is then left out.

    >>> crawl("http://a.test/#top", lambda url: ["http://a.test/", "http://b.test/"])
    ['http://a.test/']
    """
    ### BEGIN SOLUTION
    start = web.without_fragment(seed)
    home = web.host(start)
    seen, waiting = {start}, deque([start])
    pages = []
    while waiting:
        url = waiting.popleft()
        try:
            links = get_links(url)
        except OSError:
            continue
        pages.append(url)
        for link in map(web.without_fragment, links):
            if link not in seen and web.host(link) == home:
                seen.add(link)  # when found, not when fetched
                waiting.append(link)
    return pages
    ### END SOLUTION


# %% [look] e1
viz.beside(
    viz.attempt(threads.bounded, crawl, ROOT + "#top", web.Site(SMALL).get_links),
    ORDER,
    crawling.site(SMALL, PLACES),
    alt="The small site with its pages numbered in the order in which they are "
    "fetched, yours beside the expected order: seed, b, a, c, d, e.",
)

# %% [check] e1 points=1
site = web.Site({**SMALL, ROOT + "c": [ROOT + "gone", ROOT + "e"]})
shown = "crawl(ROOT + '#top', …) of the small site, where c links to a missing page"
got = check.within(crawl, ROOT + "#top", site.get_links, shown=shown)
check.equal(got, ORDER, shown=shown, hint="a queue: oldest first")
asked = {url: count for url, count in site.fetches.items() if count != 1}
check.equal(asked, {}, shown=shown + ": URLs asked for more than once")

# %% [grade] e1.order points=4 mode=split
# Breadth-first on random sites, against levels computed one by one.

# %% [grade] e1.scope points=5 mode=split
# Hosts that look alike, user names, ports, letter case, fragments, no host.

# %% [grade] e1.once points=4 mode=split
# Loops and copies, a chain of 3,000 pages, failures of several kinds.

# %% [hints] e1
# nudge: At which moment does a URL become "seen", and what could happen between that moment and the one you chose?
#
# idea: A `deque` of URLs to fetch and a set of URLs ever found. Every URL goes through the same gate before it enters either: fragment off, right host, not in the set.
#
# outline: Clean the seed, put it in both. While the queue has something: take the oldest; ask for its links, on `OSError` go on with the next; note the page; for each link, clean it, and if host and set allow, add it to both.

# %% [md] why-threads
# ## 2 · Many workers
#
# A crawler spends its time waiting for servers. While one thread waits for an answer, others can
# run (Python lets go of its lock during input and output), so eight workers are up to eight times as fast.
#
# A **pool** keeps a fixed number of threads. `submit` hands it a call and returns at once with a **future**, a
# place where the result will be. `wait` sleeps until something is there:

# %% futures
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

with ThreadPoolExecutor(max_workers=2) as pool:
    pending = {pool.submit(int, word): word for word in ("12", "x", "7")}
    while pending:
        done, _ = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            word = pending.pop(future)
            try:
                print(word, "->", future.result())
            except ValueError:
                print(word, "failed, and the others go on")

# %% [md] futures-read
# Two things to keep. `result()` raises what the call raised, *here*, in the thread that asks: catch it per future, or one bad page ends the crawl.
# And leaving the `with` block waits until every thread of the pool is gone.
#
# ### The race on the visited set
#
# Two workers fetch two pages that both link to page `x`. Each checks `x not in seen`, each adds it, each
# fetches it. Is that possible?
#
# Write down who makes each step: in `ABABAB` they take turns. How about `AAABBB`, `ABABAB`, `AABBAB` and `BAABBA`?

# %% guess-race
widgets.predict(
    "race",
    "Check, then add: in how many of the four orders is the page fetched twice?",
)


# %% [md] race-intro
# Step through each order, then do it under a lock. The grey line is what a worker does *next*:


# %% race
ORDERS = ["AAABBB", "ABABAB", "AABBAB", "BAABBA"]


def race_step(
    program: str = "check, then add", order: str = "ABABAB", step: int = 4
) -> tuple:
    programs, frames = web.race(program, order)
    return programs, frames[min(step, len(frames) - 1)], len(frames) - 1


widgets.explore(
    race_step,
    lambda result: queues.frame(*result),
    question="Between which two lines must nobody else come in?",
    alt="Two columns with the three lines of each worker; both have seen that the URL "
    "is new, and both have added it, so both will fetch it.",
    program=list(web.PROGRAMS),
    order=ORDERS,
    step=(0, 10, 1),
)

# %% race-counted
widgets.reveal(
    "race",
    sum("= 2" in web.race("check, then add", o)[1][-1].shared for o in ORDERS),
    explain="Both looked before either added. A set with safe methods does not help.",
)

# %% [md] race-cures
# The bug is called **check-then-act**: the answer of the check is old by the time of the act. Two cures:
#
# * **A lock** around check *and* add. Nothing slow inside: no fetch under the lock.
# * **One owner.** Only one thread, the coordinator, ever touches the set; workers fetch and hand back links. What one thread owns needs no lock.
#
# A thread-safe queue is no cure: it guards itself, not your set.

# %% [md] waves-words
# ### Waves or rolling?
#
# The obvious parallel breadth-first search goes level by level: fetch all pages of a level with the pool,
# *wait for all of them*, then start the next. Call this **waves**. The alternative is **rolling**: as soon as one page
# is done, its links may be fetched.
#
# In the simulation five workers crawl a tree of 60 pages; a page takes one second, three slow ones take ten. Without any idle
# worker that would be 17.4 seconds. How long do waves take, relative to rolling, in the mean of 20 such sites?

# %% guess-waves
widgets.predict("waves", "Time in waves, divided by time rolling?", unit="times")

# %% [md] waves-now
# Time is counted in simulated seconds, until the last page is done:


# %% waves-measured
def two_ways(workers: int = 5, slow: int = 3, site: int = 0) -> dict[str, list]:
    tree, seconds = web.tree(np.random.default_rng(site), 60, slow)
    return {
        "waves": web.schedule(tree, seconds, workers, waves=True),
        "rolling": web.schedule(tree, seconds, workers),
    }


def times_as_long(site: int) -> float:
    ends = {name: max(s.stop for s in ran) for name, ran in two_ways(site=site).items()}
    return ends["waves"] / ends["rolling"]


widgets.reveal(
    "waves",
    np.mean([times_as_long(site) for site in range(20)]),
    explain="At the end of each level everybody waits for the slowest page of it.",
)

# %% waves-figure
widgets.explore(
    two_ways,
    crawling.lanes,
    question="Without slow pages, where do waves leave gaps? And with eight?",
    alt="Two charts of five workers over simulated seconds. In waves, long gaps stand "
    "beside each slow page; rolling, the other workers go on while a slow page runs.",
    workers=(1, 12, 1),
    slow=(0, 8, 1),
    site=(0, 19, 1),
)

# %% [md] rolling-rule
# So the rule for the exercise is: **no worker is idle while a page is known that nobody has fetched or is fetching.** R. Graham
# (1966) showed that any schedule with this property takes at most twice as long as the best one.
#
# It also has a second half: never more than `workers` fetches at once. A thread for each URL would be rolling too,
# and a site with a million pages would kill it.

# %% [md] done-words
# ### How a crawl knows that it is done
#
# An empty queue does *not* mean done. A worker that finds it empty and goes home may miss everything that comes:
#
# | moment | waiting | in flight | done? |
# |---|---:|---:|---|
# | seed handed out | 0 | 1 | no: it will bring links |
# | seed came back with a, b, c | 3 | 0 | no |
# | a, b, c handed out | 0 | 3 | no |
# | a, b came back, nothing new | 0 | 1 | no: c may bring a hundred |
# | c came back, nothing new | 0 | 0 | **yes** |
#
# Done means: nothing waiting **and** nothing in flight. While one of the two is left, wait, asleep, for the next result.

# %% [md] slow-words
# ### Failing and hanging pages
#
# A page that fails is an entry in a list of errors, not the end of the crawl. A page that hangs holds up its own worker,
# nobody else. Can you give up on it after ten seconds? Not from outside: Python cannot end a thread that waits. The timeout
# belongs *inside* the fetch, on the socket, and comes back as one more exception (`TimeoutError`).

# %% result
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CrawlResult:
    """What a crawl found: pages that answered, and by URL why the others did not."""

    pages: set[str] = field(default_factory=set)
    errors: dict[str, Exception] = field(default_factory=dict)


# %% [card] e2 minutes=28 core
# Many pages at a time
#
# As before, but with up to `workers` calls of `get_links` at once, in threads, and never more. No page is asked for
# twice. No worker is idle while a known page has not been asked for. Any `Exception` of a
# page goes into `errors`, the others go on. Nothing spins while all pages are slow. When the function returns,
# its threads are gone. Order is free. `ValueError` if `workers < 1`.

# %% [hand] e2
# **By hand.** Two workers; `/` links to `a`, `b`, `c`; `a` takes 5 s, each other page 1 s; `c` links to `d`. From
# second 1: `a` and `b` run; at 2 `b` ends and `c` starts; at 3 `c` ends and `d` starts; at 4 `d` ends. One worker
# idles from then to 6, because no page is known that nobody fetches.


# %% [answer] e2
def crawl_concurrent(
    seed: str, get_links: Callable[[str], list[str]], *, workers: int
) -> CrawlResult:
    """Crawl the seed's host with at most `workers` calls of `get_links` at once.

    An Exception of `get_links` is kept in `errors`. Raises ValueError unless there is
    at least one worker.
    """
    ### BEGIN SOLUTION
    start = web.without_fragment(seed)
    home = web.host(start)
    # Only this thread touches what follows; the pool's threads do nothing but fetch.
    seen, waiting = {start}, deque([start])
    result = CrawlResult()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        running: dict[Future[list[str]], str] = {}
        while waiting or running:
            while waiting and len(running) < workers:
                url = waiting.popleft()
                running[pool.submit(get_links, url)] = url
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                url = running.pop(future)
                try:
                    links = future.result()
                except Exception as error:
                    result.errors[url] = error
                    continue
                result.pages.add(url)
                for link in map(web.without_fragment, links):
                    if link not in seen and web.host(link) == home:
                        seen.add(link)
                        waiting.append(link)
    return result
    ### END SOLUTION


# %% [look] e2
TREE, SECONDS = web.tree(np.random.default_rng(6), 30, slow=2)


def filmed() -> list[web.Span]:
    names = [ROOT + str(page) for page in range(30)]
    links = {names[page]: [names[n] for n in TREE[page]] for page in range(30)}
    delays = dict(zip(names, SECONDS, strict=True))
    film = web.SlowMotion(web.Site(links, delays=delays), workers=3)
    run = film.run(lambda: crawl_concurrent(names[0], film.get_links, workers=3))
    if run.error is not None:
        raise run.error
    return run.spans


viz.beside(
    viz.attempt(filmed),
    web.schedule(TREE, SECONDS, workers=3),
    crawling.workers,
    alt="Which of three workers fetches a page when, in simulated seconds, yours "
    "beside an expected schedule: no gap while pages are known, two slow pages.",
)

# %% [check] e2 points=2
site = web.Site({**SMALL, ROOT + "c": [ROOT + "gone", ROOT + "e"]})
shown = "crawl_concurrent(ROOT, …, workers=3) of the small site with a missing page"
got = check.within(crawl_concurrent, ROOT, site.get_links, workers=3, shown=shown)
check.equal(got.pages, set(ORDER), shown=shown + ": pages")
failed = {url: type(error).__name__ for url, error in got.errors.items()}
check.equal(failed, {ROOT + "gone": "FetchError"}, shown=shown + ": errors")

# %% [grade] e2.pages points=6 mode=shared
# Random sites, one to eight workers: the same pages as with one, each asked for once.

# %% [grade] e2.rolling points=9 mode=shared
# In slow motion: no worker is idle while a page is known; simulated seconds count.

# %% [grade] e2.bound points=3 mode=shared
# Never more calls at once than workers.

# %% [grade] e2.race points=6 mode=shared
# Pages that answer at the same moment and link to the same pages.

# %% [grade] e2.alone points=4 mode=shared
# Failing pages of all kinds; one that hangs until all others are done.

# %% [grade] e2.end points=4 mode=shared
# A queue that is empty for a moment; no thread stays behind.

# %% [grade] e2.idle points=2 mode=shared
# Lines that run while every page is slow are counted.

# %% [hints] e2
# nudge: Who may touch the set and the queue? And after which event can there be new work for an idle worker?
#
# idea: One coordinator owns everything. It keeps a dict from future to URL of what is in flight, fills it up to `workers`, sleeps until the *first* one is done, and takes in what it brought.
#
# outline: In a `with` block of a pool, loop while something waits or is in flight. Inner loop: while there is room, submit the oldest URL. Wait for FIRST_COMPLETED. For each future done: take it out of the dict; in a try, get the result, on Exception note it and go on; note the page; let new links in through the gate of exercise 1.

# %% [md] after-threads
# ### Could it be otherwise?
#
# * **Worker threads and a condition**: each worker takes a URL, fetches it outside the lock, adds the links and lowers the counter of pages in flight under it, and notifies all. Right too, and longer; a forgotten `notify_all` at the end hangs it.
# * **asyncio** with a client that is made for it: one thread, thousands of pages in flight. The race stays wherever an `await` stands between check and add.
#
# Say in an interview which one you choose and why; then say what limits it: here, the number of threads.

# %% [md] retry-words
# ## 3 · Try again, but not at once
#
# Some failures pass, some do not. A crawler that asks again for a page that does not exist wastes its time; one
# that gives up on a server which restarts loses pages.
#
# | answer | meaning | again? |
# |---|---|---|
# | none (timeout, reset) | the network, or an overloaded server | yes |
# | 429 | too many requests from you | yes, later |
# | 500, 502, 503, 504 | the server, or one behind it, is in trouble | yes |
# | 400, 401, 403, 404, 410, 501 … | you ask for what you will not get | no |

# %% [md] backoff
# How long to wait? A server in trouble needs *less* traffic, so each further attempt waits twice as long as
# the one before: `base`, 2 · `base`, 4 · `base` … up to a `cap`. This is **exponential backoff**.
#
# Now think of 200 clients that were all refused in the same second. They double their waits in step. **Full jitter** draws the
# wait at random between 0 and that bound (M. Brooker, *Exponential Backoff and Jitter*, 2015). The server of the simulation takes 20
# requests a second.

# %% guess-herd
widgets.predict(
    "herd",
    "Without jitter, how many of the 200 are served within 60 s?",
    unit="clients",
)

# %% [md] herd-now
# Simulate both ways for a minute:

# %% herd-measured
widgets.reveal(
    "herd",
    sum(web.herd(200, False, np.random.default_rng(0))[1]),
    explain="All come in the same seconds; in between, the server has nothing to do.",
)


# %% herd-figure
def storm(clients: int = 200) -> dict[str, tuple[list[int], list[int]]]:
    ways = {"in step": False, "full jitter": True}
    rng = np.random.default_rng(0)
    return {name: web.herd(clients, jitter, rng) for name, jitter in ways.items()}


widgets.explore(
    storm,
    crawling.storms,
    question="From how many clients on does backoff without jitter fail to serve all?",
    alt="Requests in each second. In step: tall bars at a few seconds, mostly refused. "
    "With full jitter: a hill that falls, until everybody is served.",
    clients=(20, 400, 20),
)

# %% [md] retry-after
# ### When the server says when
#
# A refusal may carry the header `Retry-After` (RFC 9110, section 10.2.3): a whole number of seconds, digits only, or a date:
#
# `Retry-After: 120`   or   `Retry-After: Sun, 06 Nov 1994 08:49:37 GMT`
#
# That is a lower bound which you honour even where it exceeds your `cap`. Names of headers ignore letter case. What is neither of the two forms is
# ignored. `email.utils.parsedate_to_datetime` reads such dates, and raises
# `ValueError` for other text, `OverflowError` for numbers that no calendar has:

# %% http-date
from email.utils import parsedate_to_datetime

print(parsedate_to_datetime("Sun, 06 Nov 1994 08:49:37 GMT").timestamp())

# %% [card] e3 minutes=12 core
# When to try again
#
# After `attempt` attempts (1, 2, …), the last of which got `status` (`None`: no answer): return the seconds to wait, or `None` to give up. Retry only no answer,
# 429, 500, 502, 503 and 504, and only while `attempt < limit`. The wait is `u` (0 ≤ u < 1) times the smaller of `cap` and
# `base * 2 ** (attempt - 1)`; a valid `Retry-After` makes it at least that long. `now` is in seconds since 1970. Any
# `attempt` works, however large.

# %% [hand] e3
# **By hand.** `base=1`, `cap=8`, `limit=5`, `u=0.5`. Attempts 1, 2, 3, 4 with 503: wait 0.5, 1, 2, 4. Attempt 5: `None`. Attempt 1 with 404:
# `None`. Attempt 1 with 429 and `{"retry-after": "12"}`: 12.


# %% [answer] e3
RETRYABLE = frozenset({None, 429, 500, 502, 503, 504})


def next_retry(
    attempt: int,
    status: int | None,
    headers: Mapping[str, str],
    *,
    base: float,
    cap: float,
    limit: int,
    u: float,
    now: float,
) -> float | None:
    """Return how many seconds to wait before the next attempt, None to give up.

    Exponential backoff with full jitter (M. Brooker, 2015), never less than a valid
    Retry-After (RFC 9110, section 10.2.3). `u` is a uniform draw from [0, 1).

    >>> next_retry(3, 503, {}, base=1.0, cap=8.0, limit=5, u=0.5, now=0.0)
    2.0
    """
    ### BEGIN SOLUTION
    if status not in RETRYABLE or attempt >= limit:
        return None
    # Beyond 2**1000 a float would overflow; the cap is reached long before.
    wait = u * min(cap, base * 2.0 ** min(attempt - 1, 1000))
    for name, value in headers.items():
        if name.lower() == "retry-after":
            wait = max(wait, _seconds_asked_for(value, now))
    return wait


def _seconds_asked_for(value: str, now: float) -> float:
    """Return what a Retry-After asks for, in seconds from `now`; 0 if it is invalid."""
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return parsedate_to_datetime(value).timestamp() - now
    except (ValueError, OverflowError):
        return 0.0
    ### END SOLUTION


# %% [look] e3
ANSWERS = [(1, 503, {}), (2, 503, {}), (4, None, {}), (5, 503, {}), (1, 404, {})]
ANSWERS += [(1, 429, {"Retry-After": "12"}), (3, 503, {"Retry-After": "soon"})]
NAMES = ["1st, 503", "2nd, 503", "4th, no answer", "5th, 503", "1st, 404"]
NAMES += ["1st, 429, after 12", "3rd, 503, 'soon'"]


def planned() -> list[float | None]:
    options = {"base": 1.0, "cap": 8.0, "limit": 5, "u": 0.5, "now": 0.0}
    return [next_retry(*answer, **options) for answer in ANSWERS]


viz.beside(
    viz.attempt(planned),
    [0.5, 1.0, 4.0, None, None, 12.0, 2.0],
    crawling.waits(NAMES),
    alt="Bars of the seconds to wait after seven answers, yours beside the expected: "
    "0.5, 1, 4, gives up, gives up, 12, 2.",
)

# %% [check] e3 points=1
plan = {"base": 1.0, "cap": 8.0, "limit": 5, "u": 0.5, "now": 0.0}
for attempt, status, want in ((1, 503, 0.5), (4, None, 4.0), (5, 503, None)):
    check.case(next_retry, attempt, status, {}, **plan, want=want)
check.case(next_retry, 1, 404, {}, **plan, want=None, hint="404 will stay 404")
check.case(next_retry, 1, 429, {"retry-after": "12"}, **plan, want=12.0)

# %% [grade] e3.which points=4 mode=split
# Every status from 100 to 599, no answer, and the limit of attempts.

# %% [grade] e3.waits points=4 mode=split
# Doubling, cap, jitter, attempt 5,000.

# %% [grade] e3.server points=5 mode=split
# Retry-After in seconds, as a date, in the past, spelt differently, and broken.

# %% [hints] e3
# nudge: Which is decided first: whether, or when? And what does Python do with `2.0 ** 5000`?
#
# idea: Three steps: give up or not; the bound of the backoff times `u`; then the larger of that and what the server asks for. Reading the header is a function of its own that returns 0 for what it does not understand.
#
# outline: Return None for a status outside the set or when the attempts are used up. Limit the exponent before you raise 2 to it. Go through the headers, compare the lower-case name. Digits only: that many seconds. Else try the date and subtract now; on an error 0. Take the maximum.

# %% [md] resume-words
# ## 4 · A crawl that survives
#
# A crawl of hours will be interrupted: a worker dies in the middle of a page, the coordinator is
# restarted. So its state lives apart from the fetching, and each URL is in one of four states:
#
# * `waiting`: found, nobody fetches it
# * `leased`: handed to a worker **until a time**; if no word has come by then, somebody else may have it
# * `done`: fetched, its links are known
# * `failed`: given up
#
# A **lease** is how you take back work from somebody who may be dead. You cannot ask the dead, so you set a time.

# %% [md] lease-figure
# By hand, with a lease of 10 seconds. The worker that took `/b` at 1 s dies:


# %% lease-example
def row(*states: str) -> dict[str, str]:
    return dict(zip(ORDER[: len(states)], states, strict=True))


ROWS = [
    ("seed", row("waiting")),
    ("0 s  take", row("leased")),
    ("1 s  / done: b, a", row("done", "waiting", "waiting")),
    ("1 s  take", row("done", "leased", "waiting")),
    ("2 s  take", row("done", "leased", "leased")),
    ("3 s  a done: c", row("done", "leased", "done", "waiting")),
    ("11 s  take", row("done", "leased", "done", "waiting")),
    ("12 s  b done", row("done", "done", "done", "waiting")),
    ("13 s  b done again", row("done", "done", "done", "waiting")),
]
figure, axes = viz.figure("square", height=3.8)
crawling.states(axes, ROWS)
axes.set_title("At 11 s the lease of b has run out: it is handed out once more")
viz.show(
    figure,
    alt="A table of states: columns are the pages seed, b, a, c; rows are events. The "
    "lease of b starts at 1 s, is renewed at 11 s, and is done at 12 s.",
)

# %% [md] lease-read
# The last row is the delicate one. The first worker was not dead but slow, and reports `b` as well. So **every page may be
# fetched more than once**, and every report may come twice, late, or after a restart. The cure is not to forbid
# it but to make it harmless: a report is **idempotent** if the second one changes nothing.
#
# A longer lease means fewer double fetches, and a longer wait for what a dead worker held.

# %% [md] checkpoint-words
# ### Checkpoint and restore
#
# A **checkpoint** is the state as text, from which `restore` builds the same state again. What must be in it?
#
# * the `done` URLs, or they are all fetched again
# * the `waiting` ones, in order
# * the `leased` ones *with the end of the lease*: their workers may run on other machines and be alive. Forget them, and their pages are lost; forget the end, and a dead worker's page waits for ever
#
# Writing the text to a disk so that a crash cannot tear it was the subject of notebook 2.

# %% [md] guess-crash-words
# A crawl of 40 pages with 4 workers writes a checkpoint after every 10 pages. It crashes once, and all workers with it.
# You will measure this with your own class after the exercise:

# %% guess-crash
widgets.predict(
    "crash", "How many pages are fetched twice, at the worst moment?", unit="pages"
)

# %% [md] rules
# ### The rules of the table
#
# * `take(now)`: first a URL whose lease has run out (`now >= end`), of several the one that ran out first, of equals the one taken first; else, of those that wait, the one found first; else `None`. The new lease ends at `now + lease`.
# * `report(url, links)`: fetched. It is done, whatever it was before, and its links come in as in exercise 1. `report(url, None)`: given up, it is failed.
# * No news, so `False` and no change: any report on a page that is done, a second `None` for a failed one, and one on an unknown URL (found after the checkpoint that was restored).
# * A failed page that is fetched after all becomes done: `True`.

# %% [card] e4 minutes=18 core
# The state of a crawl
#
# Write the class by the rules above. `report` returns whether it changed a state. `states()` maps each known URL
# to its state, in the order of finding. `finished()`: nothing waits, nothing is leased. `checkpoint()`
# is JSON text; `restore` makes from it a crawl that goes on in the same way, however often it is saved and restored. `ValueError`
# if `lease <= 0`. Times never go back.

# %% [hand] e4
# **By hand.** The figure above. In the row for 11 s, `take` returns `b` and not `c`. `report(b, …)` at 12 s is `True`, at 13 s `False`. A lease taken at 1 s for 10 s: at 10.9 s it still
# holds, at 11 s it has run out. Until a `take` hands it out again, its URL stays `leased`.


# %% [answer] e4
class ResumableCrawl:
    """Who may fetch which page of a host until when, and what is done (seconds)."""

    def __init__(self, seed: str, *, lease: float) -> None:
        ### BEGIN SOLUTION
        if lease <= 0:
            raise ValueError(f"a lease must last some seconds: {lease}")
        start = web.without_fragment(seed)
        self._lease = lease
        self._home = web.host(start)
        self._states = {start: "waiting"}  # in the order in which they were found
        self._waiting = deque([start])  # may hold URLs that do not wait any more
        self._ends: dict[str, float] = {}  # of leases, in the order of taking
        ### END SOLUTION

    def take(self, now: float) -> str | None:
        """Lease a URL until `now + lease` and return it; None if there is none."""
        ### BEGIN SOLUTION
        url = min(self._ends, key=self._ends.__getitem__, default=None)
        if url is None or now < self._ends[url]:
            url = self._first_waiting()
        if url is None:
            return None
        self._states[url] = "leased"
        self._ends.pop(url, None)  # so that it stands last
        self._ends[url] = now + self._lease
        return url
        ### END SOLUTION

    def report(self, url: str, links: Sequence[str] | None) -> bool:
        """Note the links of a fetched page, None if given up; return whether news."""
        ### BEGIN SOLUTION
        state = self._states.get(url, "done")  # unknown: from after the checkpoint
        if state == "done" or (state == "failed" and links is None):
            return False
        self._states[url] = "failed" if links is None else "done"
        self._ends.pop(url, None)
        for link in map(web.without_fragment, links or ()):
            if link not in self._states and web.host(link) == self._home:
                self._states[link] = "waiting"
                self._waiting.append(link)
        return True
        ### END SOLUTION

    def states(self) -> dict[str, str]:
        """Return waiting, leased, done or failed by URL, in the order of finding."""
        ### BEGIN SOLUTION
        return dict(self._states)
        ### END SOLUTION

    def finished(self) -> bool:
        """Return whether nothing waits and nothing is leased."""
        ### BEGIN SOLUTION
        return not self._ends and self._first_waiting() is None
        ### END SOLUTION

    def checkpoint(self) -> str:
        """Return everything that `restore` needs, as JSON text."""
        ### BEGIN SOLUTION
        return json.dumps([self._lease, self._states, self._ends])
        ### END SOLUTION

    @classmethod
    def restore(cls, text: str) -> "ResumableCrawl":
        """Return a crawl in the state of a checkpoint."""
        ### BEGIN SOLUTION
        lease, states, ends = json.loads(text)
        crawl = cls(next(iter(states)), lease=lease)
        crawl._states, crawl._ends = states, ends
        crawl._waiting = deque(url for url in states if states[url] == "waiting")
        return crawl

    def _first_waiting(self) -> str | None:
        while self._waiting and self._states[self._waiting[0]] != "waiting":
            self._waiting.popleft()
        return self._waiting[0] if self._waiting else None
        ### END SOLUTION


# %% [look] e4
def replayed() -> list[tuple[str, dict[str, str]]]:
    crawl = ResumableCrawl(ROOT, lease=10)
    steps = [
        lambda: None,
        lambda: crawl.take(0),
        lambda: crawl.report(ROOT, SMALL[ROOT]),
        lambda: crawl.take(1),
        lambda: crawl.take(2),
        lambda: crawl.report(ROOT + "a", SMALL[ROOT + "a"]),
        lambda: crawl.take(11),
        lambda: crawl.report(ROOT + "b", []),
        lambda: crawl.report(ROOT + "b", [ROOT + "d"]),
    ]
    told = [words for words, _ in ROWS]
    return [
        (words, (step(), crawl.states())[1])
        for words, step in zip(told, steps, strict=True)
    ]


viz.beside(
    viz.attempt(replayed),
    ROWS,
    crawling.states,
    alt="The table of states of the example, yours beside the expected one.",
    height=3.8,
)

# %% [check] e4 points=1
example = check.call(ResumableCrawl, ROOT, lease=10, shown="ResumableCrawl(ROOT, …)")
shown = "take(0), report(ROOT, its links), then take(1), take(2), take(3)"
first = [example.take(0), example.report(ROOT, SMALL[ROOT])]
taken = [*first, *(example.take(now) for now in (1, 2, 3))]
check.equal(taken, [ROOT, True, ROOT + "b", ROOT + "a", None], shown=shown)
copy = ResumableCrawl.restore(example.checkpoint())
shown = "then restore(checkpoint()): take(10.9), take(11), report(b, []) twice"
taken = [copy.take(10.9), copy.take(11)]
taken += [copy.report(ROOT + "b", []) for _ in range(2)]
check.equal(taken, [None, ROOT + "b", True, False], shown=shown)
check.equal(copy.states(), row("done", "done", "leased"), shown=shown + ": states()")

# %% [grade] e4.states points=5 mode=split
# Random calls against a slow model: every state, every returned value.

# %% [grade] e4.leases points=4 mode=split
# The moment at which a lease ends; late, double and contradictory reports.

# %% [grade] e4.resume points=6 mode=split
# A crash at every step, from the last checkpoint or an older one; workers that live on.

# %% [hints] e4
# nudge: After a restore from an older checkpoint, in which states may a URL be whose report comes in now?
#
# idea: One dict from URL to state, in the order of finding, is both the set of seen URLs and the record. Beside it the ends of leases, and a queue of waiting URLs in which those that are not waiting any more are skipped.
#
# outline: take: look for the least end; if it has come, that URL, else the first waiting one; set state and end. report: unknown or done is no news, failed twice neither; else set the state, drop the lease, let links in. checkpoint: lease, states and ends as JSON. restore: build one, put both dicts in, refill the queue from the states.

# %% [md] crash-words
# ### What a crash costs
#
# Now the measurement: for each possible moment of the crash, run the crawl to its end from the last checkpoint, and count the fetches
# beyond one a page. Move the slider, and see what a rarer checkpoint costs.


# %% crash-model
def fetched_again(every: int, crash: int, workers: int = 4) -> int:
    site = web.Site.seeded(np.random.default_rng(6), 40)
    crawl = ResumableCrawl(site.seed, lease=30)
    saved, reports, now, held = crawl.checkpoint(), 0, 0.0, []
    while not crawl.finished():
        now += 1
        while len(held) < workers and (url := crawl.take(now)):
            held.append((url, site.get_links(url)))
        if held:
            crawl.report(*held.pop(0))
            reports += 1
            if reports % every == 0:
                saved = crawl.checkpoint()
        if reports == crash and now < 100:
            crawl, held, now = ResumableCrawl.restore(saved), [], 100.0
    return site.fetches.total() - len(crawl.states())


def crash_costs(every: int = 10) -> dict:
    again = [fetched_again(every, crash) for crash in range(1, 40)]
    return {"every": every, "workers": 4, "again": again}


# %% crash-figure
widgets.explore(
    crash_costs,
    crawling.crashes,
    question="What is the most that a crash can cost, for each spacing?",
    alt="Bars of the pages fetched again, by the moment of the crash: a saw that rises "
    "between two checkpoints, up to the limit, and falls at each.",
    every=[1, 2, 5, 10, 20],
)
viz.attempt(lambda: widgets.reveal("crash", max(crash_costs()["again"])))

# %% [md] crash-read
# At the worst moment all pages since the last checkpoint are lost, and what the four workers held. Nothing
# is lost for good: it is fetched again. Fetching is cheap to repeat. If your crawler also *stores* pages, the store must bear
# repetition too: write under a key that follows from the URL, not "append a row".

# %% [md] spill-words
# ## 5 · When the queue outgrows the memory
#
# The queue of a crawl grows fast: each page that is fetched may bring a hundred new links. The set of seen URLs
# and the queue are the two things that fill the memory.
#
# A queue is easy to move to a disk, because nobody looks into its middle: keep the **oldest** URLs in memory (they are needed next) and the
# **newest** (they just came), and what lies between in batches on the disk. Then each URL is written and read at most once, and a disk operation
# moves a whole batch. `web.Disk` keeps batches, first in, first out:

# %% disk-example
disk = web.Disk()
disk.write(["a", "b"])
disk.write(["c", "d"])
print(
    len(disk),
    "URLs on disk;",
    disk.read(),
    "come back first;",
    disk.operations,
    "operations",
)

# %% [card] e5 minutes=12 stretch
# A queue that spills
#
# First in, first out, of any length, with at most `room` URLs in memory after each call; the others are on `disk`, which
# is empty at the start and yours alone. As long as the queue never held more than `room // 2` URLs, the disk is not used. n URLs in
# and out may cost `8 * n / room + 8` disk operations; with an even `room`, half of them are enough. `popleft` of an empty
# queue raises `IndexError`, `room < 2` `ValueError`.

# %% [hand] e5
# **By hand.** `room=4`, batches of 2. Append 1 … 7: disk `1 2`, `3 4`, `5 6`, tail `7`. The first `popleft` reads a
# batch into the head and gives 1; in memory are then 2 and 7. The seventh finds head and disk empty and
# gives 7 from the tail.


# %% [answer] e5
class SpillingQueue:
    """A queue of URLs that keeps its oldest and newest in memory, the rest on disk."""

    def __init__(self, room: int, disk: web.Disk) -> None:
        ### BEGIN SOLUTION
        if room < 2:
            raise ValueError(f"room for at least 2 URLs is needed, not {room}")
        self._batch = room // 2
        self._head: deque[str] = deque()  # then come those on disk, then the tail
        self._tail: list[str] = []
        self._disk = disk
        ### END SOLUTION

    def append(self, url: str) -> None:
        """Put a URL at the end."""
        ### BEGIN SOLUTION
        if len(self._tail) == self._batch:
            self._disk.write(self._tail)
            self._tail = []
        self._tail.append(url)
        ### END SOLUTION

    def popleft(self) -> str:
        """Remove and return the oldest URL; IndexError if there is none."""
        ### BEGIN SOLUTION
        if not self._head:
            if len(self._disk):
                self._head.extend(self._disk.read())
            else:
                self._head.extend(self._tail)
                self._tail = []
        return self._head.popleft()
        ### END SOLUTION

    def __len__(self) -> int:
        """Return how many URLs are in the queue."""
        ### BEGIN SOLUTION
        return len(self._head) + len(self._disk) + len(self._tail)
        ### END SOLUTION


# %% [look] e5
def filled_and_drained() -> list[tuple[int, int]]:
    disk = web.Disk()
    queue = SpillingQueue(10, disk)
    rows = []
    for step in range(80):
        queue.append(str(step)) if step < 40 else queue.popleft()
        rows.append((len(queue) - len(disk), len(disk)))
    return rows


def expected_rows() -> list[tuple[int, int]]:
    rows = [(1 + n % 5, n - n % 5) for n in range(40)]
    for taken in range(1, 41):
        memory = min(40 - taken, 5 + -taken % 5)
        rows.append((memory, 40 - taken - memory))
    return rows


viz.beside(
    viz.attempt(threads.bounded, filled_and_drained),
    expected_rows(),
    crawling.spill,
    titles=("yours", "one way to do it"),
    alt="URLs in memory and on disk while forty are appended and removed again: never "
    "more than ten in memory; yours beside one way to do it.",
)

# %% [check] e5 points=1
disk = web.Disk()
spilled = check.call(SpillingQueue, 4, disk, shown="SpillingQueue(4, disk)")
shown = "SpillingQueue(4, disk): append 1 … 7, popleft 7 times"
for number in range(1, 8):
    spilled.append(str(number))
check.equal(len(spilled), 7, shown="len after append 1 … 7")
check.at_most(len(spilled) - len(disk), 4, "URLs in memory", shown=shown)
got = [check.call(spilled.popleft, shown=shown) for _ in range(7)]
check.equal(got, list("1234567"), shown=shown, hint="head, disk, tail: in this order")

# %% [grade] e5.order points=2 mode=split
# First in, first out, for random appends and removals.

# %% [grade] e5.room points=3 mode=split
# URLs in memory after each call; disk operations.

# %% [hints] e5
# nudge: Three places hold URLs. In which order are they older and newer, and which moves are allowed between them?
#
# idea: A head of at most half the room, from which you remove; a tail of at most half, to which you append; full tails go to the disk as one batch, and an empty head takes the oldest batch back.
#
# outline: append: if the tail is full, write it and start a new one; then to the tail. popleft: if the head is empty, refill it from the disk, or, if that is empty, from the tail. len adds the three.

# %% [md] bloom-words
# ## 6 · Seen, in a few bits
#
# The set of seen URLs cannot be moved out like that: it is asked at random. A billion URLs of 80 bytes are 80 GB; their
# 64-bit hashes 8 GB. A **Bloom filter** (B. Bloom, 1970) needs one or two: an array of `m` bits, all 0. To add a
# URL, hash it in `k` ways and set those `k` bits. A URL is taken for seen if all its `k` bits are set.
#
# A seen URL is never missed. But a new one may find its bits set by others: a **false alarm**, and that page is never
# fetched. Decide whether your crawl may lose one page in a hundred.

# %% [md] bloom-maths
# After `n` URLs a bit is still 0 with a probability of about `exp(-k * n / m)`. So a new URL is taken for an old one
# with probability
#
# `rate = (1 - exp(-k * n / m)) ** k`
#
# Few hashes: each says little. Many: the array fills up. In between lies the best `k`. Predict it for 8 bits a URL:

# %% guess-bloom
widgets.predict("hashes", "8 bits for each URL: which number of hashes is best?")


# %% [md] bloom-now
# The least of the predicted rates; then find it with the sliders, in a filter that is really filled with 2,000 URLs:


# %% bloom-measured
def filters(bits_per_url: int = 8, hashes: int = 3) -> dict:
    urls, tried = 2000, range(1, 17)
    rng = np.random.default_rng(3)
    size = bits_per_url * urls
    return {
        "bits": bits_per_url,
        "chosen": hashes,
        "hashes": tried,
        "predicted": [(1 - np.exp(-k * urls / size)) ** k for k in tried],
        "measured": [web.false_alarms(urls, size, k, rng) for k in tried],
    }


widgets.reveal(
    "hashes",
    1 + int(np.argmin(filters()["predicted"])),
    explain="Near m / n times ln 2: then half of the bits are set.",
)

# %% bloom-figure
widgets.explore(
    filters,
    crawling.bloom,
    question="How many bits for each URL buy ten times fewer false alarms?",
    alt="False alarms against the number of hashes, on a logarithmic scale: a valley "
    "with its floor near six hashes at about 2 percent.",
    bits_per_url=(2, 20, 1),
    hashes=(1, 16, 1),
)

# %% [md] bloom-textbook
# Textbooks give `m = -n ln(fp) / (ln 2)²` and `k = (m / n) ln 2`. But `k` is a whole number. Round it, and the rate is a little *above*
# the wanted one. To keep the promise, fix `k` first and solve the formula above for `m`.

# %% [card] e6 minutes=8 stretch
# Size a Bloom filter
#
# For `n` URLs and a rate of false alarms of at most `fp`, return `(bits, k)`: the smallest number of bits for which some whole `k` keeps
# the predicted rate `(1 - exp(-k * n / bits)) ** k` within `fp`, and such a `k`. `ValueError` unless `n >= 1` and
# `0 < fp < 1`. `fp` may be as small as 1e-200.

# %% [hand] e6
# **By hand.** `n = 1`, `fp = 0.5`: with `k = 1` the rate is `1 - exp(-1 / m)`: 0.63 for one bit, 0.39 for two. With `k = 2`
# and one bit it is 0.75. So `(2, 1)`.

# %% [answer] e6
import math


def bloom_params(n: int, fp: float) -> tuple[int, int]:
    """Return the bits and hashes of the smallest Bloom filter for `n` items.

    The predicted rate of false alarms is at most `fp`, a share between 0 and 1. Raises
    ValueError for anything else. Source: B. Bloom, Space/Time Trade-offs in Hash Coding
    with Allowable Errors, 1970.

    >>> bloom_params(1, 0.5)
    (2, 1)
    """
    ### BEGIN SOLUTION
    if n < 1 or not 0 < fp < 1:
        raise ValueError(f"need n >= 1 and 0 < fp < 1, got {n} and {fp}")
    best = -math.log2(fp)  # if k could be any number; the whole one is next to it
    return min(
        (math.ceil(-k * n / math.log1p(-(fp ** (1 / k)))), k)
        for k in {max(1, math.floor(best)), math.ceil(best)}
    )
    ### END SOLUTION


# %% [look] e6
def bits_for_each() -> list[float]:
    return [bloom_params(1_000_000, fp)[0] / 1e6 for fp in (0.1, 0.01, 0.001, 0.0001)]


viz.beside(
    viz.attempt(bits_for_each),
    [4.81, 9.59, 14.38, 19.2],
    lambda ax, bits: viz.bars(ax, ["10%", "1%", "0.1%", "0.01%"], bits, "bits a URL"),
    titles=("yours", "roughly what to expect"),
    alt="Bits for each URL at four rates of false alarms, 10 percent to 0.01 percent: "
    "about 4.8, 9.6, 14.4 and 19.2; yours beside the expected.",
    height=2.4,
)

# %% [check] e6 points=1
check.case(bloom_params, 1, 0.5, want=(2, 1))
check.raises(bloom_params, ValueError, 0, 0.5)
check.raises(bloom_params, ValueError, 10, 1.0)

# %% [grade] e6.smallest points=5 mode=split
# The promise is kept, and not by one bit too many; rates down to 1e-200.

# %% [hints] e6
# nudge: For a fixed `k`, can you turn the formula for the rate round, so that it gives `m`?
#
# idea: Take the k-th root of `fp`, then the logarithm of one minus it. `math.log1p` keeps its digits when `fp` is tiny. The best `k` that is not whole is `log2(1 / fp)`.
#
# outline: Check the input. For the whole numbers below and above log2(1 / fp), at least 1: bits = ceil(-k n / log1p(-root)). Return the pair with the fewest bits.

# %% [essay] e7 points=8 rubric=once minutes=8 stretch
# "Our crawler fetches every page exactly once"
#
# A colleague's design says this. In at most 150 words, answer in the review: where exactly the sentence breaks (name the moment), what the system can
# promise instead, what has to be true of `report` and of the store for that promise to be worth something, how long a
# lease you would choose and what each direction costs, and one thing that you would measure in production to
# see how often it happens.

# %% [rubric] once
# **A strong answer contains**
#
# * the moment: the worker has fetched and dies, or is only slow, before its report is durable; the coordinator cannot tell the two apart
# * the promise: at least once, with effects that happen once because they are idempotent
# * `report` is a transition that a second report does not change; the store writes under a key that follows from the URL (or its content), conditionally, not by appending
# * a lease well above the slow end of fetch times (say, several times the 99th percentile plus the timeout of the fetch), renewable; short: double fetches, long: a dead worker's pages wait
# * a measure: the share of reports that were no news, expired leases by worker, pages fetched again after a restart
#
# **Red flags**: "we use a transaction, so it is exactly once" (the server that was asked is not in it); a lock in place of a lease; says that duplicates cannot happen with a visited set.
#
# **Levels**
#
# * 0–2: agrees, or says only "use a database"
# * 3–4: says at least once, without the moment or without idempotence
# * 5–6: moment, promise and idempotent effects
# * 7–8: all of it, with a reasoned lease and a measure, brief

# %% [md] aloud
# ## Say it out loud
#
# Rehearse in 90 seconds, standing up: "One coordinator owns the set and the queue, workers only fetch. A URL is marked
# when it is found. I submit while there is room, sleep until the first is done, and take in its links: rolling, not in waves.
# Done means nothing waiting and nothing in flight. An error belongs to its page. Retry what may pass, with backoff, jitter and
# what the server asks for. State apart from fetching: leases end, reports are idempotent, so it is at least once."

# %% [md] follow
# ## Follow-ups
#
# 1. Stop after 10,000 pages, or five links from the seed. Where do you keep the depth?
# 2. Rewrite exercise 2 with `asyncio` and an asynchronous `get_links`. Where must no `await` stand?
# 3. A page redirects. Which of the two URLs is "seen", and what if the target is on another host?
# 4. Two URLs give the same text, or nearly. How do you notice?
# 5. Ten machines crawl ten thousand hosts. Split by host or by URL?
# 6. A page links to a name that resolves to your own network. What is checked, at which moment?
# 7. A site makes up new URLs for ever. Which three budgets stop it?

# %% [md] deeper
# ## Go deeper
#
# * A. Heydon and M. Najork, *Mercator: A Scalable, Extensible Web Crawler*, World Wide Web, 1999: the design that all later ones start from
# * H.-T. Lee, D. Leonard, X. Wang, D. Loguinov, *IRLbot: Scaling to 6 Billion Pages and Beyond*, WWW, 2008: seen sets on disk, and budgets against traps
# * The Python library reference, module `concurrent.futures`

# %% [review]
# ## Review cards
#
# Q: When does a crawler mark a URL as seen?
# A: When it is found, in the same step as the check. Marking at the fetch lets a URL into the queue twice.
#
# Q: Why is a thread-safe queue no cure for the race on the visited set?
# A: It makes each of its own operations atomic, not your check of the set together with your add. Use a lock around both, or one owner.
#
# Q: What is wrong with a parallel breadth-first search in waves?
# A: At the end of each level all workers wait for its slowest page. Rolling keeps them busy while any page is known.
#
# Q: When is a concurrent crawl done?
# A: When nothing waits and nothing is in flight. An empty queue alone says nothing.
#
# Q: How do you stop a thread that hangs in a fetch?
# A: You cannot. Put the timeout into the fetch, so that it raises.
#
# Q: What does full jitter do?
# A: It draws the wait uniformly between 0 and the bound of the backoff, so that clients refused together do not come back together.
#
# Q: What does a lease give you, and what does it cost?
# A: Work of a dead worker comes back after a time. Work of a slow one is done twice, so reports must be idempotent.
#
# Q: What can a Bloom filter get wrong, and what does that mean for a crawler?
# A: It can take a new URL for a seen one: that page is never fetched. It never misses a seen one.
