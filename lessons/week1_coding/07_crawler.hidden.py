"""Hidden tests of notebook 7 of week 1, one block for each graded cell."""

# %% [grade] e1.order
import re

from course.sim import web


def own(link, home):
    found = re.match(r"https?://(?:[^/?#]*@)?([^/?#]*)", link)
    return found is not None and found[1] == home


def by_levels(site, home):
    """Return the pages level by level, each level in the order of its links."""
    order, level = [], [site.seed]
    while level:
        good = [url for url in level if url in site.links]
        order += good
        links = [link.split("#")[0] for url in good for link in site.links[url]]
        known = {*order, *level}
        links = [link for link in links if own(link, home) and link not in known]
        level = list(dict.fromkeys(links))
    return order


rng = check.rng()
oldest = "take the oldest URL first, and append new ones in the order of the page"
for trial in range(14):
    pages, depth = 2 + 3 * trial, (0.0, 0.3, 0.6, 0.95)[trial % 4]
    site = web.Site.seeded(rng, pages, depth=depth, missing=0.2)
    shown = f"crawl({site.seed!r}, …) of a random site with {pages} pages"
    got = check.call(crawl, site.seed, site.get_links, shown=shown)
    check.equal(got, by_levels(site, "site.test"), shown=shown, hint=oldest)

# %% [grade] e1.scope
exact = "follow a link only if web.host(link) == web.host(seed)"
page = "what follows # is a place inside the page: take it off before anything else"
A = "http://site.test/"
for seed, link, follow, hint in (
    (A, "http://site.test/a", True, exact),
    (A, "http://SITE.test/a", True, "web.host gives lower case"),
    (A, "http://user@site.test/a", True, exact),
    (A, "https://site.test/a", True, "the host decides, not the scheme"),
    (A, "http://site.test", True, "another text is another URL here"),
    (A, "http://site.test.evil.test/", False, exact),
    (A, "http://site.testing/", False, exact),
    (A, "http://evilsite.test/", False, exact),
    (A, "http://www.site.test/", False, exact),
    (A, "http://test/", False, exact),
    (A, "http://evil.test/http://site.test/", False, exact),
    (A, "http://evil.test/?to=site.test", False, exact),
    (A, "http://site.test@evil.test/", False, exact),
    (A, "http://site.test:80@evil.test/", False, exact),
    (A, "http://evil.test#@site.test/", False, exact),
    (A, "http://site.test:8080/", False, "the port is part of the host"),
    ("http://site.test:8080/", A, False, "the port is part of the host"),
    ("http://site.test:8080/", "http://site.test:8080/a", True, exact),
    ("http://me@site.test/", "http://site.test/a", True, exact),
    ("http://Site.test/", "http://site.test/a", True, "web.host gives lower case"),
    (A, "mailto:me@site.test", False, exact),
    (A, "javascript:void(0)", False, exact),
    (A, "/a", False, "a link that names no host is not followed"),
    (A, "", False, "a link that names no host is not followed"),
    (A, "http://[broken/", False, exact),
):
    table = {seed: [link], link: []}
    asked = []

    def get_links(url, table=table, asked=asked):
        asked.append(url)
        return table[url]

    shown = f"crawl({seed!r}, …), where that page links to {link!r}"
    want = [seed, link] if follow else [seed]
    got = check.call(crawl, seed, get_links, shown=shown, hint=hint)
    check.equal(got, want, shown=shown, hint=hint)
    check.equal(asked, want, shown=shown + ": URLs asked for", hint=hint)

table = {A: [A + "a#x", A + "a", A + "#", A + "a#y", A + "b#z"]}
table |= {A + "a": [A + "a/", A + "A", A + "a?x=1", A + "a?"], A + "b": [A + "#top"]}
names = ("", "a", "b", "a/", "A", "a?x=1", "a?")
asked = []


def links_of(url):
    asked.append(url)
    return table.get(url, [])


for seed in (A, A + "#", A + "#top", A + "#a#b"):
    asked.clear()
    shown = f"crawl({seed!r}, …) of pages whose links have fragments"
    got = check.call(crawl, seed, links_of, shown=shown, hint=page)
    check.equal(got, [A + name for name in names], shown=shown, hint=page)
    check.equal(asked, got, shown=shown + ": URLs asked for", hint=page)

# %% [grade] e1.once
from course.sim import web

A = "http://site.test/"
found = "mark a URL as seen when it is found, before it enters the queue"
links = {A: [A, A + "a", A + "a", A + "b", A + "a"], A + "a": [A, A + "b", A + "c"]}
links |= {A + "b": [A + "c", A + "a", A + "b"], A + "c": [A + "c", A, A + "c"]}
site = web.Site(links)
shown = "crawl(…) of four pages that link to each other, several times"
got = check.within(crawl, A, site.get_links, shown=shown, hint=found)
check.equal(got, [A, A + "a", A + "b", A + "c"], shown=shown, hint=found)
often = {url: times for url, times in site.fetches.items() if times > 1}
check.equal(often, {}, shown=shown + ": URLs asked for more than once", hint=found)

left_out = "catch OSError around get_links, and go on with the next URL"
errors = {A + "a": ConnectionResetError, A + "b": TimeoutError, A + "c": OSError}
links = {A: [A + "a", A + "b", A + "c", A + "d", A + "gone"]}
links |= {A + "d": [A + "a", A + "gone", A + "e"], A + "e": [A + "a", A + "gone"]}
asked = []


def failing(url):
    asked.append(url)
    if url in errors:
        raise errors[url]
    if url not in links:
        raise web.FetchError(url, 404)
    return links[url]


shown = "crawl(…) of a site in which four pages fail"
got = check.call(crawl, A, failing, shown=shown, hint=left_out)
check.equal(got, [A, A + "d", A + "e"], shown=shown, hint=left_out)
want = [A + name for name in ("", "a", "b", "c", "d", "gone", "e")]
where = shown + ": URLs asked for"
check.equal(asked, want, shown=where, hint="a page that failed is not asked again")
shown = "crawl(…) when the seed cannot be reached"
site = web.Site(links, failures={A: [None, 503]})
got = check.call(crawl, A, site.get_links, shown=shown, hint=left_out)
check.equal(got, [], shown=shown, hint=left_out)
check.equal(site.fetches.total(), 1, shown=shown + ": calls of get_links")
for error in (ValueError, KeyError, ZeroDivisionError):

    def broken(url, error=error):
        raise error("a bug in get_links")

    shown = f"crawl(…) when get_links raises {error.__name__}"
    bug = "only OSError is a page that fails; anything else is a bug and comes through"
    check.raises(crawl, error, A, broken, shown=shown, hint=bug)

shown = "crawl(…) of a chain of 3,000 pages"


def next_page(url):
    number = int(url.rpartition("/")[2])
    return [f"{A}{number + 1}"] if number < 2999 else []


got = check.within(
    *(crawl, A + "0", next_page), shown=shown, seconds=5, hint="a loop, no recursion"
)
check.equal(got, [f"{A}{n}" for n in range(3000)], shown=shown)
shown = "crawl(…) of a page with 20,000 links"
many = [f"{A}{n % 50}" for n in range(20_000)]
got = check.within(
    *(crawl, A, lambda url: many if url == A else []), shown=shown, seconds=5
)
check.equal(got, [A, *many[:50]], shown=shown, hint=found)

# %% [grade] e2.pages
from course.sim import web


def reachable(site, home="site.test"):
    """Return the pages that answer, and those that fail, by following all links."""
    pages, failed, left = set(), set(), [site.seed]
    while left:
        url = left.pop()
        if url in pages or url in failed:
            continue
        if url in site.failures or url not in site.links:
            failed.add(url)
            continue
        pages.add(url)
        links = [web.without_fragment(link) for link in site.links[url]]
        left += [link for link in links if web.host(link) == home]
    return pages, failed


rng = check.rng()
same = "the same pages as with one worker; every Exception of a page goes to errors"
for workers in (1, 2, 3, 8):
    for failing in (0.0, 0.15):
        site = web.Site.seeded(rng, 40, missing=0.2, failing=failing)
        pages, failed = reachable(site)
        seed = site.seed + "#top" * (workers % 2)
        shown = f"crawl_concurrent({seed!r}, …, workers={workers}) of a random site"
        got = check.within(
            *(crawl_concurrent, seed, site.get_links),
            workers=workers,
            shown=shown,
            seconds=3,
        )
        check.equal(got.pages, pages, shown=shown + ": pages", hint=same)
        names = {url: type(error).__name__ for url, error in got.errors.items()}
        want = dict.fromkeys(failed, "FetchError")
        check.equal(names, want, shown=shown + ": errors", hint=same)
        asked = {url: times for url, times in site.fetches.items() if times != 1}
        where = shown + ": URLs asked for more than once"
        check.equal(asked, {}, shown=where, hint="no page is asked for twice")
shown = "crawl_concurrent(…) when the seed cannot be reached"
site = web.Site({}, failures={})
got = check.within(
    crawl_concurrent, "http://site.test/", site.get_links, workers=4, shown=shown
)
check.equal(got.pages, set(), shown=shown + ": pages")
check.equal(list(got.errors), ["http://site.test/"], shown=shown + ": errors")
for workers in (0, -1):
    shown = f"crawl_concurrent(…, workers={workers})"
    check.raises(
        *(crawl_concurrent, ValueError, "http://site.test/", site.get_links),
        workers=workers,
        shown=shown,
    )

# %% [grade] e2.rolling
from course.sim import web

rng = check.rng()
roll = "hand out the next page as soon as one page is done; do not wait for the others"
for pages, depth, workers in ((40, 0.5, 4), (40, 0.2, 3), (30, 0.9, 6), (12, 0.5, 1)):
    site = web.Site.seeded(rng, pages, depth=depth, slow=0.1, missing=0.1)
    film = web.SlowMotion(site, workers)
    run = film.run(
        lambda film=film, workers=workers: crawl_concurrent(
            film.site.seed, film.get_links, workers=workers
        )
    )
    shown = f"crawl_concurrent(…, workers={workers}), {pages} pages in slow motion"
    if run.error is not None:
        raise run.error
    check.true(not run.idle, shown=shown, said=run.idle, hint=roll)
    check.true(
        run.said != "still waiting",
        shown=shown,
        said="did not return after the last page",
        hint="done means: nothing waiting and nothing in flight",
    )
    work = sum(span.stop - span.start for span in run.spans)
    least = {site.seed: site.delay(site.seed)}  # seconds until a page can be done
    for _ in range(len(site.links)):
        for url, links in site.links.items():
            for link in map(web.without_fragment, links):
                if url in least and web.host(link) == "site.test":
                    after = least[url] + site.delay(link)
                    least[link] = min(after, least.get(link, after))
    limit = 1.01 * (work / workers + max(least.values()))
    where = f"{shown}: work / workers + the longest path"
    check.at_most(run.seconds, limit, "simulated seconds", shown=where, hint=roll)

# %% [grade] e2.bound
from course.sim import web

A = "http://site.test/"
star = {A: [A + str(n) for n in range(14)]} | {A + str(n): [] for n in range(14)}
for workers in (1, 2, 5):
    film = web.SlowMotion(web.Site(star), workers)
    run = film.run(
        lambda film=film, workers=workers: crawl_concurrent(
            A, film.get_links, workers=workers
        ),
        linger=0.003,
    )
    shown = f"crawl_concurrent(…, workers={workers}), 14 pages are known at once"
    if run.error is not None:
        raise run.error
    check.at_most(
        *(run.most, workers, "calls of get_links at once"),
        shown=shown,
        hint="submit only while fewer than `workers` are in flight",
    )
    check.equal(run.value.pages, set(star), shown=shown + ": pages")

# %% [grade] e2.race
from course.sim import threads, web

A = "http://site.test/"
hubs, leaves = [f"{A}hub{n}" for n in range(5)], [f"{A}{n}" for n in range(8)]
pace = threads.uneven(check.rng())
links = {
    A: hubs,
    **dict.fromkeys(hubs, leaves),
    **{leaf: [*hubs, A] for leaf in leaves},
}
atomic = "check the set and add to it in one step: one owner, or under one lock"
for workers in (5, 8):
    film = web.SlowMotion(web.Site(links), workers)
    with threads.switching(1e-6):
        run = film.run(
            lambda film=film, workers=workers: crawl_concurrent(
                A, film.get_links, workers=workers
            ),
            together=True,
            pace=lambda: 2 * pace(),
        )
    shown = (
        f"crawl_concurrent(…, workers={workers}): pages with the same links, at once"
    )
    if run.error is not None:
        raise run.error
    often = {url: n for url, n in film.site.fetches.items() if n > 1}
    where = shown + ": URLs asked for more than once"
    check.equal(often, {}, shown=where, hint=atomic)
    check.equal(run.value.pages, set(links), shown=shown + ": pages", hint=atomic)

# %% [grade] e2.alone
import threading

A = "http://site.test/"


class Unusual(Exception):
    """Not an OSError."""


raised = {
    f"{A}{n}": error
    for n, error in enumerate(
        (OSError("a"), TimeoutError("b"), ValueError("c"), KeyError("d"), Unusual("e"))
    )
}
others = [A + name for name in "pqrstu"]
links = {A: [*raised, *others], **{url: [A, *raised] for url in others}}


def failing(url):
    if url in raised:
        raise raised[url]
    return links[url]


each = "call result() of each future in a try of its own; put Exception into errors"
for workers in (1, 3):
    shown = f"crawl_concurrent(…, workers={workers}) where five of twelve pages raise"
    got = check.within(
        crawl_concurrent, A, failing, workers=workers, shown=shown, hint=each
    )
    check.equal(got.pages, {A, *others}, shown=shown + ": pages", hint=each)
    kept = {url: repr(error) for url, error in got.errors.items()}
    want = {url: repr(error) for url, error in raised.items()}
    where = shown + ": errors"
    check.equal(kept, want, shown=where, hint=each)

lock, asked, all_others = threading.Lock(), [], threading.Event()
waited = []
chain = {A: [A + "hangs", A + "0"]} | {f"{A}{n}": [f"{A}{n + 1}"] for n in range(9)}


def hanging(url):
    if url == A + "hangs":
        waited.append(all_others.wait(1.5))
        return [A + "after"]
    with lock:
        asked.append(url)
        if f"{A}9" in asked:
            all_others.set()
    return chain.get(url, [])


shown = "crawl_concurrent(…, workers=2), one page hangs until ten others are done"
got = check.within(
    crawl_concurrent, A, hanging, workers=2, shown=shown, seconds=4, hint=each
)
check.equal(
    *(waited, [True]),
    shown=shown + ": were the others fetched meanwhile",
    hint="one page that hangs keeps one worker, and nobody else",
)
want = {*chain, A + "9", A + "hangs", A + "after"}
check.equal(got.pages, want, shown=shown + ": pages")

# %% [grade] e2.end
from course.sim import web

A = "http://site.test/"
chain = {f"{A}{n}": [f"{A}{n + 1}"] for n in range(6)}
late = {**chain, f"{A}6": [f"{A}x{n}" for n in range(7)]}
late |= {f"{A}x{n}": [] for n in range(7)}
slow = {A: [A + "a", A + "slow"], A + "a": [], A + "slow": [A + "b", A + "c", A + "d"]}
slow |= {A + name: [] for name in "bcd"}
home = "an empty queue is not the end: a page in flight may bring links"
for links, delays, what in (
    (late, {}, "a chain of 7 pages, then 7 more"),
    (slow, {A + "slow": 9.0}, "a slow page with links, everything else is done"),
    ({A: []}, {}, "a single page"),
):
    film = web.SlowMotion(web.Site(links, delays=delays), 3)
    run = film.run(
        lambda film=film: crawl_concurrent(film.site.seed, film.get_links, workers=3),
        linger=0.005,
    )
    shown = f"crawl_concurrent(…, workers=3): {what}"
    if run.error is not None:
        raise run.error
    check.true(not run.idle, shown=shown, said=run.idle, hint=home)
    check.true(
        run.said != "still waiting",
        shown=shown,
        said="did not return after the last page",
        hint="done means: nothing waiting and nothing in flight; wake who waits",
    )
    check.equal(run.value.pages, set(links), shown=shown + ": pages", hint=home)
    check.equal(
        *(run.left, 0),
        shown=shown + ": threads that are left when it returns",
        hint="leave the pool by its with block, or join each thread",
    )

# %% [grade] e2.idle
from course.sim import web

A = "http://site.test/"
star = {A: [A + "a", A + "b", A + "c"], A + "a": [], A + "b": [], A + "c": []}
for workers in (2, 4):
    film = web.SlowMotion(web.Site(star), workers)
    run = film.run(
        lambda film=film, workers=workers: crawl_concurrent(
            A, film.get_links, workers=workers
        ),
        watch=True,
    )
    shown = f"crawl_concurrent(…, workers={workers}) while all pages are slow"
    if run.error is not None:
        raise run.error
    check.at_most(
        *(run.restless, 4, "lines of your code in 20 ms without an answer"),
        shown=shown,
        hint="sleep in wait(…, return_when=FIRST_COMPLETED), or on a condition",
    )
    check.equal(run.value.pages, set(star), shown=shown + ": pages")

# %% [grade] e3.which
plan = {"base": 1.0, "cap": 60.0, "limit": 4, "u": 0.25, "now": 1e9}
table = "retry no answer, 429, 500, 502, 503, 504, and nothing else"
for status in [None, *range(100, 600)]:
    again = status is None or status in (429, 500, 502, 503, 504)
    shown = f"next_retry(1, {status}, {{}}, base=1, cap=60, limit=4, u=0.25)"
    want = 0.25 if again else None
    check.case(next_retry, 1, status, {}, **plan, want=want, shown=shown, hint=table)
for status in (None, 404, 410, 503):
    headers = {"Retry-After": "7"}
    shown = f"next_retry(1, {status}, {headers}, …)"
    want = None if status in (404, 410) else 7.0
    check.case(
        next_retry, 1, status, headers, **plan, want=want, shown=shown, hint=table
    )
used_up = "give up once attempt >= limit"
for limit in (1, 2, 5):
    for attempt in range(1, 8):
        shown = f"next_retry({attempt}, 503, {{}}, limit={limit}, base=1, cap=60, …)"
        got = check.call(
            *(next_retry, attempt, 503, {"Retry-After": "1"}),
            **{**plan, "limit": limit},
            shown=shown,
            hint=used_up,
            none_ok=True,
        )
        check.equal(got is None, attempt >= limit, shown=shown + " is None")

# %% [grade] e3.waits
import math

rng = check.rng()
bound = "u * min(cap, base * 2 ** (attempt - 1))"


def slow_bound(attempt, base, cap):
    wait = base
    for _ in range(attempt - 1):
        if wait >= cap:
            break
        wait = 2 * wait
    return min(wait, cap)


for trial in range(60):
    attempt, base = 1 + int(rng.integers(0, 12)), float(rng.integers(1, 40)) / 8
    cap, u = float(rng.integers(1, 400)) / 4, (0.0, 0.5, float(rng.random()))[trial % 3]
    plan = {"base": base, "cap": cap, "limit": 99, "u": u, "now": 5.0}
    want = u * slow_bound(attempt, base, cap)
    check.case(
        *(next_retry, attempt, (None, 429, 503)[trial % 3], {}),
        **plan,
        want=want,
        near=1e-12,
        hint=bound,
    )
large = "the cap is reached long before 2.0 ** attempt overflows: limit the exponent"
for attempt in (60, 1000, 1025, 1100, 5000, 10**9):
    plan = {"base": 0.5, "cap": 300.0, "limit": 10**10, "u": 0.5, "now": 5.0}
    check.case(next_retry, attempt, 503, {}, **plan, want=150.0, hint=large)
plan = {"base": 0.001, "cap": math.inf, "limit": 100, "u": 0.5, "now": 5.0}
check.case(next_retry, 41, 503, {}, **plan, want=0.0005 * 2.0**40, near=1e-12)

# %% [grade] e3.server
import time

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT
plan = {"base": 2.0, "cap": 16.0, "limit": 9, "u": 0.75, "now": NOW}
lower = "the wait is the larger of backoff and Retry-After, also beyond the cap"
either = "what is neither digits nor a date counts as no Retry-After at all"
names = "names of headers ignore letter case"


def day(seconds):
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun")
    months += ("Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    t = time.gmtime(NOW + seconds)
    clock = f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} GMT"
    name = f"{days[t.tm_wday]}, {t.tm_mday:02} {months[t.tm_mon - 1]}"
    return f"{name} {t.tm_year} {clock}"


for headers, want, hint in (
    ({}, 1.5, lower),
    ({"Retry-After": "10"}, 10.0, lower),
    ({"Retry-After": "1"}, 1.5, lower),
    ({"Retry-After": "0"}, 1.5, lower),
    ({"Retry-After": "3600"}, 3600.0, lower),
    ({"Retry-After": "007"}, 7.0, either),
    ({"retry-after": "10"}, 10.0, names),
    ({"RETRY-AFTER": "10", "Server": "x"}, 10.0, names),
    ({"Server": "x", "Date": day(500)}, 1.5, names),
    ({"X-Retry-After": "10", "Retry": "20"}, 1.5, names),
    ({"Retry-After": day(90)}, 90.0, "a date: its seconds minus now"),
    ({"retry-after": day(86_400 * 40)}, 86_400.0 * 40, "a date: its seconds minus now"),
    ({"Retry-After": day(1)}, 1.5, lower),
    ({"Retry-After": day(-500)}, 1.5, "a date in the past never makes it negative"),
    ({"Retry-After": "soon"}, 1.5, either),
    ({"Retry-After": ""}, 1.5, either),
    ({"Retry-After": "-30"}, 1.5, either),
    ({"Retry-After": "30.5"}, 1.5, either),
    ({"Retry-After": "1e3"}, 1.5, either),
    ({"Retry-After": "1_000"}, 1.5, either),
    ({"Retry-After": "+30"}, 1.5, either),
    ({"Retry-After": "²"}, 1.5, either),
    ({"Retry-After": "nan"}, 1.5, either),
    ({"Retry-After": "Sun, 06 Nov 99999999999999999999 08:49:37 GMT"}, 1.5, either),
    ({"Retry-After": "Sun, 99 Nov 1994 08:49:37 GMT"}, 1.5, either),
):
    for status in (503, 429):
        check.case(
            next_retry, 1, status, headers, **plan, want=want, near=1e-12, hint=hint
        )
later = {**plan, "now": NOW + 30.25}
check.case(next_retry, 1, 503, {"Retry-After": day(90)}, **later, want=59.75, near=1e-9)
tiny = {**plan, "u": 0.0}
check.case(next_retry, 3, None, {"Retry-After": day(-9)}, **tiny, want=0.0, near=1e-12)

# %% [grade] e4.states
A = "http://site.test/"


class Model:
    """The same state as a plain list of [url, state, end, number of the lease]."""

    def __init__(self, seed, lease):
        self.rows, self.lease, self.count = [[seed, "waiting", 0.0, 0]], lease, 0

    def row(self, url):
        return next((row for row in self.rows if row[0] == url), None)

    def take(self, now):
        over = [r for r in self.rows if r[1] == "leased" and r[2] <= now]
        over.sort(key=lambda r: (r[2], r[3]))
        found = (over + [r for r in self.rows if r[1] == "waiting"])[:1]
        for row in found:
            self.count += 1
            row[1:] = ["leased", now + self.lease, self.count]
        return found[0][0] if found else None

    def report(self, url, links):
        row = self.row(url)
        if row is None or row[1] == "done" or (row[1] == "failed" and links is None):
            return False
        row[1] = "failed" if links is None else "done"
        for link in links or []:
            link = link.split("#")[0]
            if link.startswith(A) and self.row(link) is None:
                self.rows.append([link, "waiting", 0.0, 0])
        return True

    def finished(self):
        return all(row[1] in ("done", "failed") for row in self.rows)


rng = check.rng()
strangers = ["http://site.test.evil.test/", "http://site.test@evil.test/", "/x", "x:y"]
rule = "follow the table of states: what does this call do to this state?"
for trial in range(12):
    lease, now, said = float(rng.integers(1, 9)), 0.0, []
    made = check.call(
        *(ResumableCrawl, A + "#top" * (trial % 2)),
        lease=lease,
        shown=f"ResumableCrawl({A!r}, lease={lease})",
    )
    model = Model(A, lease)
    for _ in range(45):
        now += float(rng.integers(0, 3))
        known = [row[0] for row in model.rows]
        url = str(rng.choice([*known, A + "unknown"]))
        kind = rng.random()
        if kind < 0.5:
            name, args = "take", (now,)
        elif kind < 0.9:
            pool = [A + str(n) for n in range(12)] + [A + "3#x", A + "#y", *strangers]
            links = [str(link) for link in rng.choice(pool, int(rng.integers(0, 4)))]
            name, args = "report", (url, links)
        else:
            name, args = "report", (url, None)
        said.append(f"{name}({', '.join(map(repr, args))})")
        shown = f"ResumableCrawl(…, lease={lease:g}): … " + "; ".join(said[-4:])
        got = check.call(
            getattr(made, name), *args, shown=shown, hint=rule, none_ok=name == "take"
        )
        check.equal(got, getattr(model, name)(*args), shown=shown, hint=rule)
        finished = check.call(made.finished, shown=shown + "; finished()")
        check.equal(finished, model.finished(), shown=shown + "; finished()", hint=rule)
        states = check.call(made.states, shown=shown + "; states()")
        want = {row[0]: row[1] for row in model.rows}
        check.equal(states, want, shown=shown + "; states()", ordered=True, hint=rule)
    states.clear()
    hint = "return a copy: what a caller does to it must not change the crawl"
    check.equal(
        made.states(), want, shown="states() after its result was cleared", hint=hint
    )
for lease in (0, -1.5):
    shown = f"ResumableCrawl({A!r}, lease={lease})"
    check.raises(ResumableCrawl, ValueError, A, lease=lease, shown=shown)

# %% [grade] e4.leases
import re

A = "http://site.test/"
a, b, c = A + "a", A + "b", A + "c"


def opened():
    """Return a crawl in which the seed is done and a, b, c wait; leases last 10 s."""
    crawl = check.call(ResumableCrawl, A, lease=10, shown="ResumableCrawl(A, lease=10)")
    crawl.take(0)
    crawl.report(A, [a, b, c])
    return crawl


over = "a lease ends at the time of taking + lease, and has run out when now >= end"
news = "a report is news once: done never changes any more"
base = "a, b, c wait, lease 10"
for calls, want, hint in (
    ("take 0, take 0, take 0, take 0", [a, b, c, None], over),
    ("take 0, take 1, take 2, take 9.99", [a, b, c, None], over),
    ("take 0, take 1, take 2, take 10", [a, b, c, a], over),
    ("take 0, take 1, take 10.5, take 10.5", [a, b, a, c], "run out leases come first"),
    (
        "take 0, take 3, take 20, take 20, take 20",
        [a, b, a, b, c],
        "the lease that ran out first comes first",
    ),
    (
        "take 0, take 10, take 10, take 19.99, take 20",
        [a, a, b, c, a],
        "a lease that is taken again ends later",
    ),
    (
        "take 0, take 0, take 0, take 10, take 10, take 10, take 10",
        [a, b, c, a, b, c, None],
        "equal ends: the one taken first",
    ),
    (
        "take 0, complete a, take 10, take 20",
        [a, True, b, b],
        "done: no lease any more",
    ),
    ("take 0, complete a, complete a", [a, True, False], news),
    ("take 0, take 15, complete a, complete a, take 40", [a, a, True, False, b], news),
    (
        "take 0, complete a, take 0, take 0, take 30, take 30, take 30",
        [a, True, b, c, b, c, None],
        news,
    ),
    ("take 0, take 20, complete a, take 35", [a, a, True, b], news),
    ("complete a, take 0, take 0, take 0", [True, b, c, None], "it waits no more"),
    ("complete b, take 0, take 0, take 0", [True, a, c, None], "it waits no more"),
    ("fail b, take 0, take 0, take 0", [True, a, c, None], "it waits no more"),
    (
        "take 0, fail a, take 10, take 10, take 20",
        [a, True, b, c, b],
        "failed: no lease",
    ),
    ("fail a, fail a", [True, False], "failed twice is no news"),
    ("complete a, fail a, complete a", [True, False, False], news),
    ("fail a, complete a, fail a", [True, True, False], "fetched after all: done"),
    ("complete z, fail z, take 0", [False, False, a], "unknown URLs are ignored"),
    (
        "complete c, take 0, take 1, take 10, take 20, take 20, take 30, take 30",
        [True, a, b, a, b, a, b, a],
        "equal ends: the one taken first",
    ),
):
    crawl = opened()
    got = []
    for words in calls.split(", "):
        name, word = words.split()
        if name == "take":
            got.append(crawl.take(float(word)))
        elif name == "complete":
            got.append(crawl.report(A + word, []))
        else:
            got.append(crawl.report(A + word, None))
    told = re.sub(r"complete (\w)", r"report(\1, [])", calls)
    told = re.sub(r"fail (\w)", r"report(\1, None)", told)
    told = re.sub(r"take ([\d.]+)", r"take(\1)", told)
    check.equal(got, want, shown=f"{base}: {told}", hint=hint)

crawl = opened()
crawl.take(0)
crawl.report(a, [A + "d", A, b])
crawl.report(a, [A + "e"])
shown = f"{base}: take(0), report(a, [d, seed, b]), report(a, [e])"
twice = "the links of a second report are ignored, and nothing is found twice"
got = [crawl.take(0) for _ in range(4)]
check.equal(
    got, [b, c, A + "d", None], shown=shown + ", then take(0) 4 times", hint=twice
)
for url in (b, c, A + "d"):
    check.equal(crawl.finished(), False, shown=shown + ", …: finished()")
    crawl.report(url, [A])
check.equal(crawl.finished(), True, shown=shown + ", all reported: finished()")
check.equal(crawl.take(99), None, shown=shown + ", all reported: take(99)")
crawl = check.call(ResumableCrawl, A, lease=10, shown="ResumableCrawl(A, lease=10)")
crawl.take(0)
shown = "the seed is given up: report, finished(), states()"
got = [crawl.report(A, None), crawl.finished(), crawl.states()]
check.equal(got, [True, True, {A: "failed"}], shown=shown)

# %% [grade] e4.resume
import json as reader

from course.sim import web

rng = check.rng()
whole = "a checkpoint needs done, waiting and leased URLs, and the ends of the leases"


def done_of(crawl):
    return [url for url, state in crawl.states().items() if state == "done"]


def steps_of(crawl, site, held, now, workers=3):
    """Make one step as the coordinator of `workers`: hand out, or take a report."""
    while len(held) < workers and (url := crawl.take(now)) is not None:
        held.append((url, list(site.links[url])))
    if held:
        crawl.report(*held.pop(int(rng.integers(len(held)))))


def to_the_end(crawl, site, held, now):
    """Finish a crawl and return the URLs that were handed out after `now`."""
    handed = []
    for _ in range(200):
        if crawl.finished():
            return handed
        now += 1
        while len(held) < 3 and (url := crawl.take(now)) is not None:
            handed.append(url)
            held.append((url, list(site.links[url])))
        if held:
            crawl.report(*held.pop(0))
    return [*handed, "it never finishes"]


pages = 9
site = web.Site.seeded(rng, pages, depth=0.3)
goal = sorted(site.links)
for crash in range(pages + 1):
    for older in (0, 2):
        for alive in (False, True):
            crawl = check.call(
                ResumableCrawl, site.seed, lease=7, shown="ResumableCrawl(…, lease=7)"
            )
            now, held, saved = 0.0, [], [(crawl.checkpoint(), done_of(crawl))]
            for _ in range(crash):
                now += 1
                steps_of(crawl, site, held, now)
                saved.append((crawl.checkpoint(), done_of(crawl)))
            text, done = saved[max(0, len(saved) - 1 - older)]
            shown = f"crash after {crash} reports, restore of the checkpoint "
            shown += f"{older} reports before it, workers "
            shown += "report late" if alive else "are dead"
            back = check.call(ResumableCrawl.restore, text, shown=shown)
            late = held if alive else []
            handed = to_the_end(back, site, list(late), now)
            check.equal(
                sorted(done_of(back)), goal, shown=shown + ": pages", hint=whole
            )
            again = sorted(set(handed) & set(done))
            where = shown + ": done in the checkpoint, handed out again"
            check.equal(again, [], shown=where, hint=whole)

crawl = check.call(ResumableCrawl, site.seed, lease=7, shown="ResumableCrawl(…)")
text = check.call(crawl.checkpoint, shown="checkpoint()")
check.true(
    isinstance(text, str) and isinstance(reader.loads(text), (list, dict)),
    shown="checkpoint()",
    said="is no JSON text of a list or dict",
    hint="json.dumps of plain lists, dicts, strings and numbers",
)
A = "http://site.test/"
first = check.call(ResumableCrawl, A, lease=10, shown="ResumableCrawl(A, lease=10)")
first.take(0)
first.report(A, [A + name for name in "dacbe"])
for now in (1, 2.5, 4):
    first.take(now)
first.report(A + "a", None)
second = check.call(ResumableCrawl.restore, first.checkpoint(), shown="restore(…)")
third = ResumableCrawl.restore(second.checkpoint())
shown = (
    "seed done, d leased at 1, a failed, c leased at 4, b and e wait; restored twice"
)
alike = "restore gives the same state: order, leases with their ends, failed pages"
for name, args in (
    *[("finished", ()), ("take", (4.5,)), ("take", (5,)), ("take", (6,))],
    *[("take", (10.9,)), ("take", (11,)), ("take", (11,)), ("take", (14,))],
    *[("report", (A + "a", None)), ("report", (A + "d", [A + "f", A]))],
    *[("take", (15,)), ("report", (A + "a", [])), ("states", ()), ("take", (16,))],
):
    got = [getattr(one, name)(*args) for one in (first, second, third)]
    where = f"{shown}: {name}{args}"
    check.equal(got[1:], got[:1] * 2, shown=where, ordered=True, hint=alike)
text = first.checkpoint()
before = first.states()
first.report(A + "b", [A + "new"])
shown = "restore of a checkpoint that was taken before another report: states()"
got = ResumableCrawl.restore(text).states()
check.equal(got, before, shown=shown, hint="a checkpoint does not change afterwards")

# %% [grade] e5.order
from course.sim import web

rng = check.rng()
places = "older than the disk: the head; newer: the tail. Remove from the head only"
for room in (2, 3, 4, 7, 16):
    disk = web.Disk()
    queue = check.call(SpillingQueue, room, disk, shown=f"SpillingQueue({room}, disk)")
    want, number = [], 0
    for step in range(150):
        grow = rng.random() < (0.75 if step < 70 else 0.3)
        shown = f"SpillingQueue({room}, disk), random call {step + 1}: "
        if grow:
            number += 1
            queue.append(f"u{number}")
            want.append(f"u{number}")
            shown += "append"
        elif want:
            shown += "popleft"
            got = check.call(queue.popleft, shown=shown, hint=places)
            check.equal(got, want.pop(0), shown=shown, hint=places)
        else:
            check.raises(queue.popleft, IndexError, shown=shown + "popleft when empty")
        if step % 3 == 0:
            check.equal(len(queue), len(want), shown=shown + ", then len", hint=places)
    shown = f"SpillingQueue({room}, disk): popleft until it is empty"
    got = [check.call(queue.popleft, shown=shown, hint=places) for _ in want]
    check.equal(got, want, shown=shown, hint=places)
    check.raises(queue.popleft, IndexError, shown=shown + ", and once more")
for room in (1, 0, -4):
    check.raises(SpillingQueue, ValueError, room, web.Disk())

# %% [grade] e5.room
from course.sim import web

few = "write and read whole batches of half the room"
inside = "head and tail together: at most `room`"
for room, count in ((2, 60), (3, 60), (5, 90), (8, 120), (50, 400)):
    disk = web.Disk()
    queue = check.call(SpillingQueue, room, disk, shown=f"SpillingQueue({room}, disk)")
    most = added = removed = 0
    for step in range(2 * count):
        # Fill, then take one out for each that comes in, then drain.
        if step < count // 2 or (step % 2 and added < count):
            queue.append(f"u{added}")
            added += 1
        elif removed < added:
            queue.popleft()
            removed += 1
        most = max(most, added - removed - len(disk))
    shown = f"SpillingQueue({room}, disk): {count} URLs in and out"
    check.at_most(most, room, "URLs in memory", shown=shown, hint=inside)
    limit = 2 * (4 * count / room + 4)
    check.at_most(disk.operations, limit, "disk operations", shown=shown, hint=few)
for room in (2, 10, 41):
    disk = web.Disk()
    queue = check.call(SpillingQueue, room, disk, shown=f"SpillingQueue({room}, disk)")
    for number in range(room // 2):
        queue.append(str(number))
    for _ in range(room):
        queue.append(queue.popleft())
    shown = f"SpillingQueue({room}, disk) that never holds more than {room // 2} URLs"
    hint = "what fits into memory stays there"
    check.at_most(disk.operations, 0, "disk operations", shown=shown, hint=hint)

# %% [grade] e6.smallest
import math as numbers


def log_rate(n, bits, k):
    """Return the logarithm of the predicted rate."""
    return k * numbers.log(-numbers.expm1(-k * n / bits))


def keeps(n, bits, fp, slack=0.0):
    """Return whether some number of hashes keeps the rate within `fp`."""
    most = 2 + 2 * numbers.ceil(-numbers.log2(fp))
    limit = numbers.log(fp) + slack
    return any(log_rate(n, bits, k) <= limit for k in range(1, most))


rng = check.rng()
kept = "for a whole k, solve rate = fp for the bits, and round up"
fewer = "try the whole numbers on both sides of log2(1 / fp), and keep the better one"
cases = [(n, fp) for n in (1, 2, 3, 10) for fp in (0.9, 0.6, 0.3, 0.1, 0.01, 0.001)]
cases += [
    (int(rng.integers(1, 40)), float(10 ** -rng.uniform(0.05, 4))) for _ in range(40)
]
for n, fp in cases:
    shown = f"bloom_params({n}, {fp})"
    bits, k = check.call(bloom_params, n, fp, shown=shown, hint=kept)
    least = 1
    while not keeps(n, least, fp):
        least += 1
    check.equal(bits, least, shown=shown + ": bits", hint=fewer)
    check.equal(type(k), int, shown=shown + ": type of k")
    check.at_most(
        *(numbers.exp(log_rate(n, bits, max(k, 1))), fp * (1 + 1e-9)),
        "as predicted rate",
        shown=shown,
        hint=kept,
    )
for n, fp in ((10**6, 0.01), (10**9, 1e-6), (10**7, 0.4), (1000, 1e-200), (50, 1e-30)):
    shown = f"bloom_params({n}, {fp})"
    bits, k = check.call(bloom_params, n, fp, shown=shown, hint=kept)
    check.equal(type(bits), int, shown=shown + ": type of bits")
    excess = log_rate(n, bits, k) - numbers.log(fp)
    check.at_most(
        *(excess, 1e-9, "log of the rate, above the log of fp"), shown=shown, hint=kept
    )
    one_less = bits - max(1, round(bits * 1e-9))
    check.true(
        not keeps(n, one_less, fp, -1e-9),
        shown=shown,
        said=f"{bits} bits; fewer are enough",
        hint=fewer,
    )
for n, fp in ((0, 0.5), (-3, 0.5), (5, 0.0), (5, 1.0), (5, -0.1), (5, 1.5)):
    check.raises(bloom_params, ValueError, n, fp)
