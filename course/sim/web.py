"""A web site that exists only here: seeded pages, links, delays and failures.

`Site` answers as a server would and counts what it is asked. `SlowMotion` lets its
answers (or those of another `Scene`) come in simulated seconds, one after the other, so
that code with threads can be judged without a clock on the wall. `schedule` computes
when pages are fetched by workers in waves or rolling, and `race` steps two workers
through a check and an add.
"""

import heapq
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol
from urllib.parse import urlsplit

import numpy as np

from course.sim import threads
from course.sim.interleave import Frame, Line


class FetchError(OSError):
    """A page could not be fetched; `status` is the answer, None if there was none."""

    def __init__(self, url: str, status: int | None) -> None:
        super().__init__(f"{url}: {status or 'no answer'}")
        self.url, self.status = url, status

    def __reduce__(self) -> tuple:
        """Rebuild it from both arguments, where it crosses to another process."""
        return type(self), (self.url, self.status)


# -- the little of URL identity that a crawl of one host needs ---------------------


def without_fragment(url: str) -> str:
    """Return `url` without its fragment, which names a place inside the page.

    >>> without_fragment("http://site.test/a?q=1#top")
    'http://site.test/a?q=1'
    """
    return url.partition("#")[0]


def host(url: str) -> str:
    """Return the name of the server, in lower case, with the port where one is given.

    What stands before an @ is a user's name, not a host. A link that names no host,
    or is no URL at all, gives the empty string.

    >>> host("http://Site.test:8080/a"), host("http://site.test@evil.test/")
    ('site.test:8080', 'evil.test')
    >>> host("mailto:someone@site.test"), host("http://[broken/")
    ('', '')
    """
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


# -- the site ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: an HTTP status, the links on the page, its text, and headers."""

    status: int
    links: tuple[str, ...] = ()
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Site:
    """Pages with links, of which the first is the seed.

    `links` maps each URL to the links on its page, as they are written there: some
    twice, some with a fragment, some to other hosts, some to pages that do not exist
    (404). `delays` are simulated seconds for each URL (1.0 if not named), `texts` its
    text, and `failures` the statuses of its first answers, before it answers 200; a
    status of None stands for no answer at all. Threads may ask at the same time.

    >>> site = Site({"http://a.test/": ["/x"]}, failures={"http://a.test/": [503]})
    >>> site.fetch("http://a.test/").status, site.get_links("http://a.test/")
    (503, ['/x'])
    >>> site.fetches
    Counter({'http://a.test/': 2})
    """

    def __init__(
        self,
        links: Mapping[str, Sequence[str]],
        *,
        delays: Mapping[str, float] | None = None,
        texts: Mapping[str, str] | None = None,
        failures: Mapping[str, Sequence[int | None]] | None = None,
    ) -> None:
        self.links = {url: tuple(found) for url, found in links.items()}
        self.delays = dict(delays or {})
        self.texts = dict(texts or {})
        self.failures = {url: tuple(s) for url, s in (failures or {}).items()}
        self.seed = next(iter(self.links), "")
        self.unit = "pages"
        self.fetches: Counter[str] = Counter()
        self._lock = threading.Lock()

    @classmethod
    def seeded(
        cls,
        rng: np.random.Generator,
        pages: int = 40,
        *,
        name: str = "site.test",
        depth: float = 0.5,
        slow: float = 0.03,
        failing: float = 0.0,
        missing: float = 0.0,
        copies: float = 0.0,
    ) -> "Site":
        """Return a site of `pages` pages, each of them reachable from the seed.

        `depth` from 0 (flat) to 1 (one long chain). Of the pages, a share of `slow`
        takes ten times as long, `failing` answers 503 once or twice first, `missing`
        links to a page that is not there, and `copies` repeats the text of another.

        >>> site = Site.seeded(np.random.default_rng(1), pages=5)
        >>> site.seed, len(site.links)
        ('http://site.test/', 5)
        """
        root = f"http://{name}"
        urls = [f"{root}/"] + [f"{root}/p{number}" for number in range(1, pages)]
        found: dict[str, list[str]] = {url: [] for url in urls}
        for number in range(1, pages):
            low = int(depth * (number - 1))
            found[urls[int(rng.integers(low, number))]].append(urls[number])
        extra = [*urls, f"http://{name}.evil.test/", f"http://{name}@evil.test/"]
        extra += [f"http://{name}:8080/", f"http://www.{name}/", "mailto:me@" + name]
        delays, texts, failures = {}, {}, {}
        for number, url in enumerate(urls):
            for link in rng.choice(extra, int(rng.integers(0, 4))).tolist():
                found[url].append(link + "#part" * int(rng.random() < 0.2))
            if rng.random() < missing:
                found[url].append(f"{root}/gone{number}")
            rng.shuffle(found[url])
            seconds = round(float(rng.uniform(0.5, 1.5)), 3)
            delays[url] = 10 * seconds if rng.random() < slow else seconds
            same = number > 0 and rng.random() < copies
            whose = int(rng.integers(number)) if same else number
            texts[url] = texts[urls[whose]] if same else f"text of page {number}"
            if rng.random() < failing:
                failures[url] = [503] * int(rng.integers(1, 3))
        return cls(found, delays=delays, texts=texts, failures=failures)

    def fetch(self, url: str) -> Reply:
        """Return the answer to a request for `url`, and count the request.

        Raises FetchError with status None where the server does not answer.
        """
        with self._lock:
            before = self.fetches[url]
            self.fetches[url] += 1
        statuses = self.failures.get(url, ())
        if before < len(statuses):
            if statuses[before] is None:
                raise FetchError(url, None)
            return Reply(statuses[before])
        if url not in self.links:
            return Reply(404)
        return Reply(200, self.links[url], self.texts.get(url, ""))

    def get_links(self, url: str) -> list[str]:
        """Fetch `url` and return the links on its page, as they are written there.

        Raises FetchError unless the answer is 200.
        """
        reply = self.fetch(url)
        if reply.status != 200:
            raise FetchError(url, reply.status)
        return list(reply.links)

    def delay(self, url: str) -> float:
        """Return how many simulated seconds the answer for `url` takes."""
        return self.delays.get(url, 1.0)

    def due(self, answered: Sequence[str]) -> int:
        """Return how many pages of this host are known and have not been answered."""
        home, known = host(self.seed), {self.seed}
        for url in set(answered) - set(self.failures):
            links = map(without_fragment, self.links.get(url, ()))
            known.update(link for link in links if host(link) == home)
        return len(known) - len(set(answered))


# -- a crawler in slow motion ------------------------------------------------------


class Scene(Protocol):
    """What can be filmed in slow motion: calls that take time and lead to others.

    `unit` says what is called for, in words: "pages".
    """

    unit: str

    def delay(self, name: str, /) -> float:
        """Return how many simulated seconds a call for `name` takes."""
        ...

    def due(self, answered: Sequence[str], /) -> int:
        """Return how many calls could be open, now that these have been answered."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """One call, as for a page, in simulated seconds, by the worker in `lane`."""

    url: str
    lane: int
    start: float
    stop: float


@dataclass(frozen=True, slots=True)
class Run:
    """How a crawl, or another scene, went in slow motion.

    `idle` says when first a worker had nothing to do although a page was known, or is
    empty. `most` pages were asked for at once. `said`, `value` and `error` tell how
    the call ended, `left` how many threads it left behind. `restless` is how many
    lines of the crawler ran in the quietest of some spans of 20 ms without an answer.
    """

    spans: list[Span]
    idle: str
    most: int
    said: str
    value: object
    error: BaseException | None
    left: int
    restless: int

    @property
    def seconds(self) -> float:
        """The simulated seconds from the first request to the last answer."""
        return max((span.stop for span in self.spans), default=0.0)


@dataclass(slots=True)
class _Call:
    span: Span
    released: bool = False


class SlowMotion:
    """A site whose answers wait for a simulated clock, which `run` moves on.

    The calls of another Scene begin with `wait`. Whenever as many pages are being
    fetched as should be, `run` sets the clock to where the next answer is due and lets
    that one go. How fast the machine is plays no part: only for a worker that does
    *not* come does it wait, `patience` real seconds.

    >>> site = Site({"http://a.test/": []})
    >>> film = SlowMotion(site, workers=2)
    >>> film.run(lambda: film.get_links("http://a.test/")).seconds
    1.0
    """

    def __init__(self, site: Site | Scene, workers: int) -> None:
        self.site, self.workers = site, workers
        self._changed = threading.Condition(threading.Lock())
        self._now = 0.0
        self._open: list[_Call] = []
        self._spans: list[Span] = []
        self._most = 0
        self._over = False
        self._lines = 0

    def get_links(self, url: str) -> list[str]:
        """Return the links of a page, when its time has come."""
        self.wait(url)
        return self.site.get_links(url)

    def wait(self, url: str) -> None:
        """Return when the time of the answer for `url` has come."""
        with self._changed:
            taken = {call.span.lane for call in self._open}
            lane = next(n for n in range(len(taken) + 1) if n not in taken)
            stop = self._now + self.site.delay(url)
            call = _Call(Span(url, lane, self._now, stop))
            self._open.append(call)
            self._spans.append(call.span)
            self._most = max(self._most, len(self._open))
            self._changed.notify_all()
            while not (call.released or self._over):
                self._changed.wait()
            if not call.released:
                self._open.remove(call)

    def run(
        self,
        crawl: Callable[[], object],
        *,
        patience: float = 1.0,
        linger: float = 0.0,
        together: bool = False,
        pace: Callable[[], float] | None = None,
        watch: bool = False,
    ) -> Run:
        """Call `crawl()` in a thread, move the clock until it ends, and tell of it.

        `linger` real seconds pass at each step, in which a crawler may ask for more
        than it should. Answers come one by one, or, with `together`, all that are due
        at once, as if the clock had jumped to the last of them. Before each line of
        the notebook's code, a thread of the crawl sleeps `pace()` seconds. With
        `watch`, its lines are counted while all wait.
        """
        before = set(threading.enumerate())
        left: list[int] = []

        def body() -> object:
            try:
                return crawl()
            finally:
                now = set(threading.enumerate()) - before
                left.append(len(now - {threading.current_thread()}))

        task = threads.Task(body)
        tracing = pace is not None or watch
        if tracing:
            threading.settrace(self._tracer(pace))
        try:
            task.thread.start()
            idle, restless = self._play(task, patience, linger, together, watch)
            with self._changed:
                self._over = True
                self._changed.notify_all()
            said = task.said(patience)
        finally:
            if tracing:
                threading.settrace(None)
        return Run(
            list(self._spans),
            idle,
            self._most,
            said,
            task.value,
            task.error,
            left[0] if left else 0,
            restless,
        )

    def _play(
        self,
        task: threads.Task,
        patience: float,
        linger: float,
        together: bool,
        watch: bool,
    ) -> tuple[str, int]:
        """Release answer after answer until the crawl ends, or a worker stays away."""
        answered, restless = [], 0
        while True:
            waiting = self.site.due(answered)
            due = min(self.workers, waiting)
            threads.until(
                lambda due=due: len(self._open) >= max(due, 1) or not task.running,
                patience,
            )
            if not task.running or not due > 0:
                return "", restless
            if len(self._open) < due:
                words = f"after {self._now:.3g} s {len(self._open)} of {self.workers} "
                words += f"workers were busy, with {waiting} {self.site.unit} to go"
                return words, restless
            if linger:
                time.sleep(linger)
            if watch:
                restless = max(restless, self._lines_while_still())
            with self._changed:
                order = sorted(self._open, key=lambda call: call.span.stop)
                for call in order if together else order[:1]:
                    answered.append(call.span.url)
                    self._now = max(self._now, call.span.stop)
                    self._open.remove(call)
                    call.released = True
                self._changed.notify_all()

    def _lines_while_still(self) -> int:
        least = 1 << 30
        for _ in range(8):
            before = self._lines
            time.sleep(0.02)
            least = min(least, self._lines - before)
            if not least:
                break
        return least

    def _tracer(self, pace: Callable[[], float] | None) -> Callable:
        sleep = time.sleep

        def trace(frame: FrameType, event: str, _: object) -> Callable | None:
            if frame.f_globals.get("__name__") != "__main__":
                return None
            if event == "line":
                self._lines += 1
                if pace is not None:
                    sleep(pace())
            return trace

        return trace


# -- what figures need -------------------------------------------------------------


def tree(
    rng: np.random.Generator, pages: int, slow: int
) -> tuple[list[list[int]], list[float]]:
    """Return the children of each page of a random tree, and seconds for each page.

    A page takes 1 second, `slow` of them 10; the root, page 0, is never slow.

    >>> children, seconds = tree(np.random.default_rng(0), 5, slow=1)
    >>> sorted(sum(children, [])), sorted(seconds)
    ([1, 2, 3, 4], [1.0, 1.0, 1.0, 1.0, 10.0])
    """
    children: list[list[int]] = [[] for _ in range(pages)]
    for page in range(1, pages):
        children[int(rng.integers(page // 3, page))].append(page)
    seconds = np.ones(pages)
    seconds[1 + rng.permutation(pages - 1)[:slow]] = 10.0
    return children, seconds.tolist()


def schedule(
    children: Sequence[Sequence[int]],
    seconds: Sequence[float],
    workers: int,
    waves: bool = False,
) -> list[Span]:
    """Return when each page of a tree is fetched, from page 0 on, by `workers`.

    Page `n` takes `seconds[n]` and reveals `children[n]`. Rolling: a free worker takes
    the page that has waited longest. In waves: all pages of one depth end first.

    >>> tree, times = [[1, 2, 3], [4], [], [], []], [1, 1, 5, 1, 1]
    >>> max(span.stop for span in schedule(tree, times, 2))
    6.0
    >>> max(span.stop for span in schedule(tree, times, 2, waves=True))
    7.0
    """
    tree = [tuple(found) for found in children]
    spans: list[Span] = []
    waiting, later, now = [0], [], 0.0
    running: list[tuple[float, int, int]] = []
    free = list(range(workers))
    while waiting or running or later:
        if not waiting and not running:
            waiting, later = later, []
        while waiting and free:
            page, lane = waiting.pop(0), heapq.heappop(free)
            stop = now + seconds[page]
            spans.append(Span(str(page), lane, now, stop))
            heapq.heappush(running, (stop, page, lane))
        now, page, lane = heapq.heappop(running)
        heapq.heappush(free, lane)
        (later if waves else waiting).extend(tree[page])
    return spans


def herd(
    clients: int, jitter: bool, rng: np.random.Generator, until: int = 60
) -> tuple[list[int], list[int]]:
    """Return how many requests come, and are served, in each second after a failure.

    All `clients` were refused at second 0 and ask again after 1, 2, 4, … seconds, at
    most 16, until they are served; with `jitter` after a random part of that. The
    server takes 20 a second and refuses the rest.

    >>> herd(100, False, np.random.default_rng(0), until=4)
    ([0, 100, 0, 80], [0, 20, 0, 20])
    """
    due: list[tuple[float, int]] = []

    def ask_again(now: float, tries: int) -> None:
        wait = min(16, 2**tries) * (rng.random() if jitter else 1)
        heapq.heappush(due, (now + wait, tries + 1))

    for _ in range(clients):
        ask_again(0.0, 0)
    asked, served = [0] * until, [0] * until
    while due and due[0][0] < until:
        now, tries = heapq.heappop(due)
        second = int(now)
        asked[second] += 1
        if served[second] < 20:
            served[second] += 1
        else:
            ask_again(now, tries)
    return asked, served


def false_alarms(
    urls: int, bits: int, hashes: int, rng: np.random.Generator, probes: int = 20_000
) -> float:
    """Return the share of new URLs that a Bloom filter takes for old ones, measured.

    `urls` are put into a filter of `bits`, each with `hashes` ideal hash values; then
    it is asked for `probes` others.

    >>> false_alarms(1, 64, 1, np.random.default_rng(0)) < 0.05
    True
    """
    table = np.zeros(bits, bool)
    table[rng.integers(0, bits, (urls, hashes))] = True
    return float(table[rng.integers(0, bits, (probes, hashes))].all(axis=1).mean())


class Disk:
    """A place for batches of URLs, first in, first out, that counts its operations.

    >>> disk = Disk()
    >>> disk.write(["a", "b"])
    >>> len(disk), disk.read(), disk.operations
    (2, ['a', 'b'], 2)
    """

    def __init__(self) -> None:
        self.operations = 0
        self._batches: deque[list[str]] = deque()

    def write(self, batch: Sequence[str]) -> None:
        """Keep a batch of URLs."""
        self.operations += 1
        self._batches.append(list(batch))

    def read(self) -> list[str]:
        """Remove and return the oldest batch; IndexError if there is none."""
        self.operations += 1
        return self._batches.popleft()

    def __len__(self) -> int:
        """Return how many URLs are on the disk."""
        return sum(map(len, self._batches))


PROGRAMS: dict[str, tuple[str, ...]] = {
    "check, then add": ("if url not in seen:", "    seen.add(url)", "    fetch(url)"),
    "under a lock": (
        "with lock:",
        "    new = url not in seen",
        "    seen.add(url)",
        "if new: fetch(url)",
    ),
}


def race(program: str, order: str) -> tuple[dict[str, tuple[Line, ...]], list[Frame]]:
    """Step workers A and B, who found the same URL, through a program of PROGRAMS.

    `order` names who makes the next step; a worker who is done, or wants a lock that
    is taken, lets its step pass. In the end A, then B go on to their ends.

    >>> [race("check, then add", o)[1][-1].shared[-1] for o in ("AAABBB", "ABABAB")]
    ['1', '2']
    >>> race("under a lock", "ABABABAB")[1][-1].shared[-1]
    '1'
    """
    lines = PROGRAMS[program]
    at, new, done = dict.fromkeys("AB", 0), dict.fromkeys("AB", False), set()
    seen, fetched, holder = False, 0, ""
    shown = {name: tuple((line, "") for line in lines) for name in "AB"}
    frames: list[Frame] = []

    def snapshot(moved: str, note: str) -> None:
        states = {name: "done" if name in done else "ready" for name in "AB"}
        shared = f"seen = {{{'url' if seen else ''}}}, fetched = {fetched}"
        frames.append(Frame(len(frames), moved, dict(at), states, shared, holder, note))

    snapshot("", "both have found the same URL")
    for name in order + "ABABABAB":
        if name in done:
            continue
        line = lines[at[name]].strip()
        if line == "with lock:" and holder:
            snapshot(name, f"{name} wants the lock; {holder} has it")
            continue
        at[name] += 1
        if line == "with lock:":
            holder, note = name, f"{name} takes the lock"
        elif "not in seen" in line:
            new[name] = not seen
            answer = "new" if new[name] else "old"
            note = f"{name} looks: the URL is {answer}"
            if line.startswith("if") and not new[name]:
                done.add(name)
        elif line == "seen.add(url)":
            seen, note = True, f"{name} adds it"
            if holder:
                holder, note = "", note + " and gives the lock back"
        else:
            fetched += new[name]
            note = f"{name} fetches it" if new[name] else f"{name} fetches nothing"
            if fetched == 2 and new[name]:
                note += " a second time"
            done.add(name)
        snapshot(name, note)
    return shown, frames
