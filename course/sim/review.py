"""Text to review: a small worked example, and a pull request with planted defects.

Which defects, and where, is not said here.
"""

KINDS = {
    "race": "a check and the act that relies on it are not one step",
    "recency": "something is used, and its place in the order does not change",
    "notify": "a sleeper is woken in the wrong case, or not at all",
    "durability": "a name is changed before the bytes are safe",
    "collision": "different things can get one name, and nobody compares them",
    "tie": "two equal keys or times are not thought of",
    "leak": "something opened is not closed on every path",
    "deadline": "a time limit starts anew, or can jump",
}

WORKED = '''\
class Quota:
    """At most `most` downloads a user in any `window` seconds."""

    def __init__(self, most, window, clock):
        self.most, self.window, self.clock = most, window, clock
        self.lock, self.taken = threading.Lock(), {}

    def allow(self, user):
        now = self.clock()
        times = self.taken.get(user, [])
        times = [one for one in times if now - one < self.window]
        if len(times) >= self.most:
            return False
        with self.lock:
            self.taken[user] = [*times, now]
        return True

    def save(self, path):
        with self.lock:
            text = json.dumps(self.taken)
        file = open(path + ".tmp", "w")
        file.write(text)
        os.replace(path + ".tmp", path)
        file.close()
'''

REQUEST = '''\
"""Scale pictures for web pages: each one once, in the background, kept for reuse."""

import heapq
import json
import logging
import os
import threading
import time
import zlib
from collections import OrderedDict

log = logging.getLogger(__name__)


def fingerprint(picture):
    """Return the name under which a picture is known."""
    return f"{zlib.crc32(picture):08x}"


def sync_folder(folder):
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Thumbnails:
    """The `capacity` scaled pictures that were used last, by fingerprint."""

    def __init__(self, scale, capacity, path):
        self.scale, self.capacity, self.path = scale, capacity, path
        self.lock = threading.Lock()  # guards kept and running, never a scaling
        self.kept = OrderedDict()  # stalest first
        self.running = {}  # fingerprint -> Event, set when that scaling has ended

    def get(self, picture):
        """Return the scaled picture; a scaling that runs already is waited for."""
        mark = fingerprint(picture)
        with self.lock:
            if mark in self.kept:
                self.kept.move_to_end(mark)
                return self.kept[mark]
            done = self.running.get(mark)
        if done is not None:
            done.wait()
            return self.get(picture)
        done = threading.Event()
        with self.lock:
            self.running[mark] = done
        try:
            scaled = self.scale(picture)
            self.keep(mark, scaled)
            return scaled
        finally:
            with self.lock:
                del self.running[mark]
            done.set()

    def keep(self, mark, scaled):
        with self.lock:
            if mark in self.kept:
                self.kept[mark] = scaled
                return
            self.kept[mark] = scaled
            while len(self.kept) > self.capacity:
                self.kept.popitem(last=False)

    def save(self):
        """Write what is kept, old or new after any crash; called by one thread."""
        with self.lock:
            rows = [[mark, scaled.hex()] for mark, scaled in self.kept.items()]
        with open(self.path + ".tmp", "w") as file:
            json.dump(rows, file)
            file.flush()
            os.replace(self.path + ".tmp", self.path)
            os.fsync(file.fileno())
        sync_folder(os.path.dirname(self.path) or ".")

    def load(self):
        """Take back what was saved, and return how many there were."""
        try:
            with open(self.path) as file:
                rows = json.load(file)
        except FileNotFoundError:
            return 0
        for mark, text in rows:
            self.keep(mark, bytes.fromhex(text))
        return len(rows)


class Backlog:
    """Jobs that wait, at most `room` of them; the one due first comes first."""

    def __init__(self, room):
        self.room, self.jobs = room, []
        self.lock = threading.Lock()
        self.not_empty = threading.Condition(self.lock)
        self.not_full = threading.Condition(self.lock)

    def put(self, due, job):
        """Add a job, a dict, waiting for room."""
        with self.lock:
            while len(self.jobs) >= self.room:
                self.not_full.wait()
            heapq.heappush(self.jobs, (due, job))
            self.not_empty.notify()

    def take(self, timeout):
        """Return the job that is due first, or None after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self.lock:
            while not self.jobs:
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self.not_empty.wait(left)
            _, job = heapq.heappop(self.jobs)
            if not self.jobs:
                self.not_full.notify()
            return job


def work(thumbnails, backlog, stopping):
    """Serve jobs until the event `stopping` is set and none is left."""
    while True:
        job = backlog.take(timeout=1.0)
        if job is None:
            if stopping.is_set():
                return
            continue
        try:
            job["answer"](thumbnails.get(job["picture"]))
        except Exception:
            log.exception("job %s failed", job["id"])
'''


def numbered(text: str) -> str:
    """Return a text with the number of each line before it.

    >>> print(numbered("if x:\\n    y()\\n"))
      1  if x:
      2      y()
    """
    lines = text.splitlines()
    return "\n".join(f"{n:3}  {line}".rstrip() for n, line in enumerate(lines, 1))
