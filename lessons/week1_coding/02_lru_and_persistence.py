"""Week 1, notebook 2: a cache, the keys it needs, and how it survives a crash."""

# %% [md] title
# # A cache that forgets the right things and survives a crash
#
# By the end of this notebook you have an LRU cache, a `memoize` decorator that is
# right when sixteen threads call it, and two ways to keep a cache on disk that
# survive a power cut at *every* single operation.

# %% [md] able
# ## You will be able to
#
# * **build** a cache whose every operation takes constant time, and say why
# * **decide** when two calls of a function are the same call, and when they only look alike
# * **write** state to disk so that a crash at any moment leaves the old state or the new one

# %% [map]
# ## Map

# %% [md] asked
# ## Where this is asked
#
# "Write an LRU cache" opens many 60-minute coding rounds, and the questions rise from
# there: make it a decorator, make it safe for threads, keep it across restarts,
# "what if the machine stops right here?". The interviewer scores whether overwriting
# counts as use, what you take as a key, what runs inside the lock, and whether
# you can name what a crash destroys.
#
# Not taught here: caches shared by several machines, and time limits on entries (a later notebook).

# %% [setup]
import numpy as np

from course import check, desk, viz, widgets
from course.sim import eviction, storage
from course.viz import caching as draw

desk.open("w1-lru")

# %% [md] full
# ## 1 · A full cache must forget something
#
# A **cache** keeps answers that were expensive to get. It has a **capacity**: so many
# entries and no more. A request for a key it holds is a **hit**, any other a **miss**.
# When a miss finds the cache full, one entry must go. Which?
#
# * **FIFO** drops what came in first.
# * **LRU** drops what was *used* longest ago: the least recently used.
# * **LFU** drops what was used least often.
#
# The best choice would be the entry needed furthest in the future. Nobody knows the
# future, but in a recorded list of requests it can be looked up, so we can
# measure how much each rule leaves on the table.

# %% [md] guess-loop-intro
# Predict first. A program reads 100 keys in the same order, again and again. Its LRU
# cache has room for 90 of them.

# %% guess-loop
widgets.predict("loop", "What share of the requests are hits?", unit="%")

# %% [md] loop-answer
# Now measure:

# %% loop
widgets.reveal(
    "loop",
    100 * eviction.curves("a loop", (90,))["LRU"][0],
    explain="Each key is dropped just before it is needed again.",
)

# %% [md] curves-intro
# That is the worst case of LRU. On requests where a few keys are popular it does well,
# and it needs no counters. Choose a workload and a capacity:


# %% hit-curves
CAPACITIES = (1, 2, 5, 10, 20, 35, 50, 65, 80, 90, 99, 100, 120, 150, 200)


def hit_rates(workload: str = "popular keys", capacity: int = 50) -> dict:
    curves = eviction.curves(workload, CAPACITIES)
    return {
        "workload": workload,
        "capacity": capacity,
        "capacities": CAPACITIES,
        "curves": curves,
    }


widgets.explore(
    hit_rates,
    draw.hit_curves,
    question="Where does LRU beat FIFO, and what does a scan cost each of them?",
    alt="The share of hits against the capacity on popular keys, for LRU, FIFO, LFU "
    "and the best possible rule: all rise, LRU runs between FIFO and LFU.",
    workload=list(eviction.WORKLOADS),
    capacity=list(CAPACITIES),
)

# %% [md] curves-read
# A **scan** (each key once, then never) throws popular keys out of an LRU cache; LFU
# keeps them, because it counts. On the loop, all three fail together until the last
# key fits, and the best possible rule does not: it keeps most of the loop and
# sacrifices the rest. Real caches mix recency with counting; the follow-ups come back to that.

# %% [md] two-structures
# ## 2 · Two structures, one cache
#
# LRU needs two things at once, both in constant time:
#
# 1. find an entry by its key: a **dict** does that;
# 2. move an entry to the fresh end of an order, and take one off the stale end: a **doubly linked list** does that, because an entry that knows both its neighbours can leave without anybody searching for it.
#
# So each entry is one `Node`, held by the dict *and* linked to its neighbours:


# %% node
class Node:
    """One entry of a linked list: `before` and `after` are its neighbours."""

    __slots__ = ("after", "before", "key", "value")

    def __init__(self, key=None, value=None) -> None:
        self.key, self.value = key, value
        self.before = self.after = self


# %% [md] ring
# Ends are where list code breaks: empty list, one entry, first, last. One trick removes
# all four cases. Add a **sentinel**, a node that holds nothing and closes the list to
# a ring. Then every entry has two neighbours, always: `mark.after` is the
# stalest entry, `mark.before` the freshest.

# %% ring-figure
viz.show(
    draw.ring("abc", leaving="b"),
    alt="Left, a ring of the sentinel and the entries a, b, c with arrows both ways "
    "between neighbours; right, b is taken out and a and c point to each other.",
)

# %% [md] ring-moves
# Taking a node out changes two links, putting one in changes four. None of them
# depends on how many entries there are:

# %% ring-by-hand
mark, a, b = Node("mark"), Node("a"), Node("b")
for node in (a, b):  # link each one in at the fresh end, before the mark
    node.before, node.after = mark.before, mark
    mark.before.after = mark.before = node
print("stalest to freshest:", mark.after.key, mark.after.after.key)

a.before.after, a.after.before = a.after, a.before  # a leaves; nobody searched
print("after a left:", mark.after.key, "alone:", mark.after is mark.before)

# %% [md] lru-by-hand
# ### By hand, with room for two
#
# | operation | order, stalest first | returns |
# |---|---|---|
# | `put("a", 1)` | a | `None` |
# | `put("b", 2)` | a, b | `None` |
# | `get("a")` | b, **a** | `1` |
# | `put("b", 3)` | a, **b** | `None` |
# | `put("c", 4)` | b, **c** | `("a", 1)`, thrown out |
#
# A hit is use, and so is overwriting: both move the entry. The fourth line is where
# most first attempts go wrong, in one of two ways: they leave `b` where it was, or
# they see a full cache and throw out `a` although nothing new comes in.

# %% [card] e1 minutes=15 core
# An LRU cache
#
# `get` returns the value or `default`, and `put` the entry it threw out as `(key,
# value)`, else `None`. Both count as use; `in` and `items()` do not.
# Any value may be stored, `None` too. Capacity 0 stores nothing; a negative
# one raises `ValueError`. Constant time each; keep no entry alive that was thrown out. Build
# the order yourself, without `OrderedDict`.

# %% [hand] e1
# **By hand.** Capacity 1. `put("a", 1)` returns `None`. `put("a", 2)` returns `None`
# again: nothing new came in. `put("b", 3)` returns `("a", 2)`. Then `"a" in cache` is
# `False` and `list(cache.items())` is `[("b", 3)]`.

# %% [answer] e1
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LRUCache(Generic[K, V]):
    """The `capacity` entries that were used last. Raises ValueError below 0."""

    def __init__(self, capacity: int) -> None:
        ### BEGIN SOLUTION
        if capacity < 0:
            raise ValueError(f"capacity must not be negative: {capacity}")
        self.capacity = capacity
        self._nodes: dict[K, Node] = {}
        self._mark = Node()  # the stalest entry comes after it, the freshest before
        ### END SOLUTION

    def get(self, key: K, default: V | None = None) -> V | None:
        """Return the value of `key`, which is now the freshest, or `default`."""
        ### BEGIN SOLUTION
        node = self._nodes.get(key)
        if node is None:
            return default
        self._unlink(node)
        self._link(node)
        return node.value
        ### END SOLUTION

    def put(self, key: K, value: V) -> tuple[K, V] | None:
        """Store an entry as the freshest; return the one thrown out, if any."""
        ### BEGIN SOLUTION
        if self.capacity == 0:
            return None
        node = self._nodes.get(key)
        if node is not None:
            node.value = value
            self._unlink(node)
            self._link(node)
            return None
        evicted = None
        if len(self._nodes) == self.capacity:
            stalest = self._mark.after
            self._unlink(stalest)
            del self._nodes[stalest.key]
            evicted = stalest.key, stalest.value
        self._nodes[key] = node = Node(key, value)
        self._link(node)
        return evicted
        ### END SOLUTION

    def __contains__(self, key: K) -> bool:
        ### BEGIN SOLUTION
        return key in self._nodes
        ### END SOLUTION

    def __len__(self) -> int:
        ### BEGIN SOLUTION
        return len(self._nodes)
        ### END SOLUTION

    def items(self) -> Iterator[tuple[K, V]]:
        """Yield the entries (key, value), stalest first."""
        ### BEGIN SOLUTION
        node = self._mark.after
        while node is not self._mark:
            yield node.key, node.value
            node = node.after

    @staticmethod
    def _unlink(node: Node) -> None:
        node.before.after, node.after.before = node.after, node.before

    def _link(self, node: Node) -> None:
        """Link a node in as the freshest."""
        node.before, node.after = self._mark.before, self._mark
        node.before.after = self._mark.before = node
        ### END SOLUTION


# %% [look] e1
STEPS = ["put a", "put b", "put c", "get a", "put b", "put d", "get c", "put e"]


def orders(capacity: int = 3) -> list[list[str]]:
    cache, rows = LRUCache(capacity), []
    for step in STEPS:
        verb, key = step.split()
        cache.put(key, 0) if verb == "put" else cache.get(key)
        rows.append([name for name, _ in cache.items()])
    return rows


viz.beside(
    viz.attempt(orders),
    ["a", "ab", "abc", "bca", "cab", "abd", "abd", "bde"],
    draw.chains(STEPS),
    alt="Eight operations on a cache of three, one row each: the linked entries from "
    "stalest to freshest, yours and the expected ones.",
    height=3.8,
)

# %% [check] e1 points=2
shown = "LRUCache(2) after put a, put b, get a, put b, put c"
cache = check.call(LRUCache, 2, shown="LRUCache(2)")
check.equal(cache.put("a", 1), None, shown="put('a', 1) into an empty LRUCache(2)")
cache.put("b", 2)
check.equal(cache.get("a"), 1, shown="get('a') after put('a', 1)")
full = "b is in the cache already: nothing has to leave"
check.equal(cache.put("b", 3), None, shown="put('b', 3) over an old b", hint=full)
check.equal(cache.put("c", 4), ("a", 1), shown="put('c', 4)", hint="see the table")
check.equal(list(cache.items()), [("b", 3), ("c", 4)], shown=shown)
check.raises(LRUCache, ValueError, -1)

# %% [grade] e1.order points=4 mode=split
# Hundreds of random operations at several capacities, against a plain list.

# %% [grade] e1.edges points=3 mode=split
# Overwriting in a full cache; looking without touching; None, 0 and "" as values;
# capacities 1 and 0; keys that are equal but not the same.

# %% [grade] e1.memory points=2 mode=shared
# What was thrown out is freed at once; the order is your own.

# %% [grade] e1.cost points=4 mode=shared
# Hits, overwrites and evictions at 16,384 entries cost about what they cost at 1,024.

# %% [hints] e1
# nudge: How many places must change when an entry moves to the fresh end, and can you reach each of them without a search?
#
# idea: Two small helpers do everything: one takes a node out of the ring, one puts a node in just before the sentinel. A move is one after the other.
#
# outline: get: look up the node; none means default; else move it. put: if the key is there, change its value and move it, done. Otherwise, if the cache is full, take out the node after the sentinel and delete its key from the dict; then make the new node. Ask about capacity 0 before anything else.

# %% [md] same-call
# ## 3 · When are two calls the same call?
#
# To keep results of a function you need a **key** for each call. The obvious one is
# text. Here are three pairs of calls. Guess for each whether this key tells the
# right story.


# %% text-keys
def text_key(*args, **kwargs) -> str:
    return str(args) + str(kwargs)


print("same call, keys equal?     ", text_key(1, b=2) == text_key(a=1, b=2))
print("same call, keys equal?     ", text_key(a=1, b=2) == text_key(b=2, a=1))
long_one, other = np.zeros(2000), np.zeros(2000)
other[1000] = 7
print("different call, keys equal?", text_key(long_one) == text_key(other))

# %% [md] text-keys-read
# Wrong three times, and in both directions. The first two cost time: one call, two
# keys, computed twice. The third costs correctness: a long array prints with dots in
# the middle, so two different arrays share a key, and the second caller gets the first
# one's result. **A key that splits is slow. A key that merges is wrong.**

# %% [md] bind
# ### Let Python match the arguments
#
# `f(1, b=2)`, `f(b=2, a=1)` and `f(1, 2)` are one call, because Python assigns the same
# values to the same parameters. `inspect.signature` does just that, and fills in
# the defaults:

# %% bind-example
import inspect


def resize(image, width, height=100, *tags, **options):
    """Stand for something expensive."""


for call in (((1, 2), {}), ((1,), {"height": 100, "width": 2})):
    bound = inspect.signature(resize).bind(*call[0], **call[1])
    bound.apply_defaults()
    print(bound.arguments)

# %% [md] canonical
# ### Then make the values hashable
#
# A key must be hashable, and lists, dicts, sets and arrays are not. Rebuild each as
# an immutable twin, and put a **tag** beside it that says what it was:
#
# | value | twin |
# |---|---|
# | `[1, [2]]` | `(list, (1, (list, (2,))))` |
# | `(1, 2)` | `(tuple, (1, 2))` |
# | `{"b": 2, "a": 1}` | `(dict, frozenset({("a", 1), ("b", 2)}))` |
# | `{1, "x"}` | `(set, frozenset({1, "x"}))` |
#
# Without tags, `[1]` and `(1,)` merge. A frozenset forgets the order, as a dict and a set
# do when they are compared; sorting would fail, because `1 < "x"` raises. An array
# needs its dtype, its shape *and* its bytes: `array.tobytes()`. (Where the dtype is `object`,
# those bytes are addresses; go on with `array.tolist()`.)

# %% [md] typed
# ### Three questions that Python leaves open
#
# * `1 == True == 1.0`, so as keys they merge. Often that is wanted; with `typed=True` values of different types must differ, at every depth.
# * `nan != nan`, so a call with NaN would never hit. We want it to: every NaN counts as the same one.
# * A list may contain itself. A recursion without an end is no answer, so remember which containers you are inside of. The same list *twice*, side by side, is fine.

# %% [card] e2 minutes=15 core
# A key for a call
#
# Return a hashable key: equal for calls that give `func` equal arguments, different otherwise.
# Positions, keywords and defaults make no difference. Containers (`list tuple dict set
# frozenset bytearray`, arrays) of different types differ, unless
# `strict=False`, which merges list and tuple; dicts ignore order. `typed`
# and NaN as above. Raise `ValueError` for a container that contains itself, `TypeError`
# for other unhashable values. The function is part of the key.

# %% [hand] e2
# **By hand.** With `def f(a, b=2)`, the calls `f(1)`, `f(1, 2)` and `f(b=2, a=1)` all
# bind to `a = 1, b = 2`: one key. With `def g(*args, **kw)`, the call `g(1, ("b", 2))`
# binds `args = (1, ("b", 2))`, and `g(1, b=2)` binds `args = (1,), kw = {"b": 2}`: two keys.

# %% [answer] e2
from collections.abc import Callable


def cache_key(
    func: Callable,
    args: tuple,
    kwargs: dict,
    *,
    typed: bool = False,
    strict: bool = True,
) -> Hashable:
    """Return a key for the call `func(*args, **kwargs)`.

    `typed` separates 1, 1.0 and True; `strict` separates lists from tuples. Raises
    TypeError if the arguments do not fit `func` or cannot be hashed, ValueError if
    one contains itself.
    """
    ### BEGIN SOLUTION
    inside: set[int] = set()  # the containers that we are in the middle of

    def contents(value: object) -> Hashable:
        if isinstance(value, dict):
            pairs = value.items()
            return frozenset((canonical(k), canonical(v)) for k, v in pairs)
        if isinstance(value, (set, frozenset)):
            return frozenset(canonical(one) for one in value)
        if isinstance(value, bytearray):
            return bytes(value)
        if isinstance(value, np.ndarray):
            plain = not value.dtype.hasobject  # else the bytes are addresses
            data = value.tobytes() if plain else canonical(value.tolist())
            return value.dtype, value.shape, data
        return tuple(canonical(one) for one in value)

    def canonical(value: object) -> Hashable:
        kinds = list, tuple, dict, set, frozenset, bytearray, np.ndarray
        if not isinstance(value, kinds):
            hash(value)  # raises TypeError here, where the culprit is known
            if value != value:
                return float, "nan"
            return (type(value), value) if typed else value
        if id(value) in inside:
            raise ValueError(f"a {type(value).__name__} that contains itself")
        inside.add(id(value))
        kind = type(value) if strict or type(value) is not list else tuple
        twin = kind, contents(value)
        inside.remove(id(value))
        return twin

    bound_call = inspect.signature(func).bind(*args, **kwargs)
    bound_call.apply_defaults()
    return func, tuple(map(canonical, bound_call.arguments.values()))
    ### END SOLUTION


# %% [look] e2
def area(w, h=2, **more):
    return w * h


CALLS = {
    "area(1)": ((1,), {}),
    "area(1, 2)": ((1, 2), {}),
    "area(h=2, w=1)": ((), {"h": 2, "w": 1}),
    "area('1', 2)": (("1", 2), {}),
    "area([1])": (([1],), {}),
    "area((1,))": (((1,),), {}),
    "area(1, x={'a': 1, 'b': 2})": ((1,), {"x": {"a": 1, "b": 2}}),
    "area(1, x={'b': 2, 'a': 1})": ((1,), {"x": {"b": 2, "a": 1}}),
}


def groups_of_calls() -> list[int]:
    keys = [cache_key(area, args, kwargs) for args, kwargs in CALLS.values()]
    return [keys.index(key) for key in keys]


viz.beside(
    viz.attempt(groups_of_calls),
    [0, 0, 0, 3, 4, 5, 6, 6],
    draw.same_key(list(CALLS)),
    alt="Eight calls as rows; calls with one key are joined by a line, yours and as "
    "expected: the first three, and the last two.",
)


# %% [check] e2 points=2
def rect(w, h=2):
    pass


one = check.call(
    cache_key, rect, (1,), {"h": 2}, shown="cache_key(rect, (1,), {'h': 2})"
)
two = check.call(cache_key, rect, (), {"w": 1}, shown="cache_key(rect, (), {'w': 1})")
shown = "the keys of rect(1, h=2) and rect(w=1)"
check.true(
    hash(one) == hash(two) and one == two,
    shown=shown,
    said="differ, but h is 2 by default",
    hint="bind the arguments to the signature, then apply_defaults()",
)
check.true(
    one != cache_key(rect, ("1",), {}),
    shown="the keys of rect(1) and rect('1')",
    said="are equal",
    hint="keep the values themselves in the key, not their text",
)

# %% [grade] e2.calls points=4 mode=shared
# Positions, keywords, defaults, `*args` and `**kwargs`; two functions of one name.

# %% [grade] e2.values points=5 mode=shared
# Nested containers, arrays, NaN, objects that print alike, text that looks like data.

# %% [grade] e2.typed points=2 mode=shared
# 1, 1.0 and True, at any depth; lists and tuples with `strict=False`.

# %% [grade] e2.refused points=2 mode=shared
# Containers that contain themselves, or twice the same; values that cannot be hashed.

# %% [hints] e2
# nudge: Could any two different arguments come out of your function as the same tuple?
#
# idea: One inner function that turns any value into its twin, and calls itself on what a container holds. The key is the function plus the twins of the bound arguments, which stand in the order of the signature.
#
# outline: Bind and apply the defaults. To make a twin: if it is no container, hash it once to see that it can be, treat NaN apart, and return it (with its type if typed). If it is one that you are inside of, raise. Otherwise note its id, build (type, contents), forget its id.

# %% [md] memoize-intro
# ## 4 · One decorator, many threads
#
# `memoize` wraps a function: look the key up, compute on a miss, keep the result. With
# one thread that is six lines. With several, the question is what the **lock**
# protects. A lock is held by one thread at a time; the others wait.
#
# * Without one, two threads move nodes of one list at once and break it.
# * Holding it *while computing* makes every caller wait for the slowest call, and a function that calls itself waits for its own lock, for ever.
#
# So: lock, look, unlock. Compute. Lock, store, unlock.

# %% [md] herd
# ### The herd
#
# That leaves a gap. Sixteen threads ask for the same missing key; all find nothing,
# all compute. Predict: a cache in front of a call of 20 ms, sixteen threads, one key.

# %% guess-herd
widgets.predict("herd", "How often does the function run?", unit="times")

# %% [md] herd-answer
# Here is the gap at work, with a plain dict and a lock that is free while computing:

# %% herd-measured
import threading
import time


def herd(threads: int = 16) -> int:
    results, ran, lock = {}, [], threading.Lock()

    def ask(key: str = "k") -> None:
        with lock:
            if key in results:
                return
        ran.append(key)
        time.sleep(0.02)  # computing
        with lock:
            results[key] = "value"

    crowd = [threading.Thread(target=ask) for _ in range(threads)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    return len(ran)


widgets.reveal("herd", herd(), explain="Nobody told the others that he had begun.")

# %% [md] flight
# ### Single flight
#
# The remedy is to write down, under the lock, that a key is *being* computed. Who
# comes second finds the note and waits for the first one's result. A
# `concurrent.futures.Future` is such a note: one thread calls `set_result` or
# `set_exception`, and every call of `result()` waits until then, and returns or raises the same.

# %% flight-example
from concurrent.futures import Future

note = Future()
waiting = threading.Thread(target=lambda: print("the second got", note.result()))
waiting.start()
note.set_result("tea")
waiting.join()

# %% [md] flight-traps
# Two traps. If the first one fails and nobody says so, the others wait for ever: whatever
# happens (an interrupt is a `BaseException`, no `Exception`), the note must be answered and removed.
# And a thread must never wait for its *own* note: a function that comes back to its own key, in
# the same thread, simply computes. `threading.get_ident()` tells whose note it is.
#
# An **exception is never kept**: the next call tries again. And `None` is a result like
# any other, so "nothing found" needs a mark of its own, such as `missing = object()`.


# %% info
from typing import NamedTuple


class CacheInfo(NamedTuple):
    """Calls answered from the cache, calls computed, the capacity, entries now."""

    hits: int
    misses: int
    capacity: int | None
    size: int


# %% [card] e3 minutes=15 core
# Memoize
#
# `memoize(capacity)(func)` keeps the last used results (`None`: all of them), one cache a function. Use your
# `LRUCache` and `cache_key`, the key made once, before the call. Keep
# any result, never an exception. Call `func` outside the lock; one key is computed once at a time,
# others wait, but no thread waits for itself. A call that runs `func` is a miss, else a hit.
# Offer `cache_info()`, `cache_clear()`, `__wrapped__`.

# %% [hand] e3
# **By hand.** `capacity=2`: calls of 1, 2, 1, 3, 1, 2. Misses: 1, 2; hit: 1; miss: 3,
# which throws out 2; hit: 1; miss: 2. So `cache_info()` is
# `CacheInfo(hits=2, misses=4, capacity=2, size=2)`.

# %% [answer] e3
import functools
import sys


def memoize(capacity: int | None = 128, *, typed: bool = False) -> Callable:
    """Return a decorator that keeps the last `capacity` results of a function.

    The function it returns has `cache_info() -> CacheInfo`, `cache_clear()` (empties
    the cache and sets the counts to 0) and `__wrapped__`. Safe for threads.
    """
    ### BEGIN SOLUTION
    limit = sys.maxsize if capacity is None else capacity
    missing = object()

    def decorate(func: Callable) -> Callable:
        lock = threading.Lock()  # guards all that follows; never held during a call
        results: LRUCache = LRUCache(limit)
        running: dict[Hashable, tuple[Future, int]] = {}  # note, and whose it is
        hits = misses = 0

        @functools.wraps(func)
        def wrapper(*args: object, **kwargs: object) -> object:
            nonlocal hits, misses
            key = cache_key(func, args, kwargs, typed=typed)
            me = threading.get_ident()
            with lock:
                value = results.get(key, missing)
                if value is not missing:
                    hits += 1
                    return value
                note, owner = running.get(key, (None, me))
                if owner == me:
                    misses += 1
                    note = Future()
                    running[key] = note, me
                else:
                    hits += 1
            if owner != me:
                return note.result()
            return compute(key, note, args, kwargs)

        def compute(key: Hashable, note: Future, args: tuple, kwargs: dict) -> object:
            try:
                value = func(*args, **kwargs)
            except BaseException as error:
                with lock:
                    running.pop(key, None)
                note.set_exception(error)
                raise
            with lock:
                results.put(key, value)
                running.pop(key, None)
            note.set_result(value)
            return value

        def cache_info() -> CacheInfo:
            with lock:
                return CacheInfo(hits, misses, capacity, len(results))

        def cache_clear() -> None:
            nonlocal results, hits, misses
            with lock:
                results = LRUCache(limit)
                hits = misses = 0

        wrapper.cache_info = cache_info
        wrapper.cache_clear = cache_clear
        return wrapper

    return decorate
    ### END SOLUTION


# %% [look] e3
def calls_of_fib(n: int, decorator=lambda func: func) -> int:
    calls = []

    def fib(k: int) -> int:
        calls.append(k)
        return k if k < 2 else remembered(k - 1) + remembered(k - 2)

    remembered = decorator(fib)
    remembered(n)
    return len(calls)


DEPTHS = range(1, 19)
plain_calls = [calls_of_fib(n) for n in DEPTHS]
memo_calls = viz.attempt(lambda: [calls_of_fib(n, memoize()) for n in DEPTHS])
viz.show(
    draw.calls(DEPTHS, plain_calls, memo_calls),
    alt="Calls made by a recursive Fibonacci function, on a logarithmic scale: without "
    "a cache they grow exponentially; with yours, once written, by one a step.",
)

# %% [check] e3 points=1
ran = []


def halve(n):
    ran.append(n)
    return n / 2


halved = check.call(check.call(memoize, 2, shown="memoize(2)"), halve)
for n in (8, 4, 8, 2, 8, 4):
    check.equal(halved(n), n / 2, shown=f"memoize(2)(halve)({n})")
check.equal(ran, [8, 4, 2, 4], shown="what halve was called with", hint="see 'By hand'")
check.equal(tuple(halved.cache_info()), (2, 4, 2, 2), shown="cache_info()")

# %% [grade] e3.values points=4 mode=shared
# None and False as results, exceptions, recursion, arguments that the function
# changes, two functions, methods.

# %% [grade] e3.info points=3 mode=shared
# Counts, eviction, clearing, no limit, capacity 0, `typed`, `__wrapped__`.

# %% [grade] e3.outside points=3 mode=shared
# Two threads inside the function at the same time; eight threads and a small cache.

# %% [grade] e3.flight points=4 mode=shared
# Sixteen threads and one key; a first call that fails; a call that meets itself.

# %% [hints] e3
# nudge: At which moments does your code hold the lock, and which of them run code that is not yours?
#
# idea: Under the lock, a call finds out which of three it is: answered, waiting, or computing. After the lock is free, it does what it found.
#
# outline: Make the key. Under the lock: a kept result is a hit; another thread's note makes you wait; otherwise write your own note and count a miss. Then, unlocked, wait for the note, or call the function. If it raises: remove the note, pass the exception to it, raise. If not: under the lock store the result and remove the note; then answer it.

# %% [md] crash-intro
# ## 5 · What a crash leaves
#
# The process stops, and the cache is gone. So save it to a file:


# %% in-place
import json


def save_in_place(path: str, capacity: int, items: list, *, fs=storage.OS) -> None:
    with fs.open(path, "wb") as file:
        file.write(json.dumps([capacity, items]).encode())


disk = storage.CrashDisk({"cache/state": b"old"})
save_in_place("cache/state", 2, [("a", "1")], fs=disk)
print(*disk.operations, sep="\n")
print(disk.read_bytes("cache/state"))

# %% [md] layers
# It works, until the power fails. Between your `write` and the disk are three
# places where bytes wait, and each has its own loss:
#
# | your bytes are in | they get there by | lost when |
# |---|---|---|
# | the file object's buffer | `write` | the process dies |
# | the system's memory | `flush`, `close` | the power fails |
# | the disk | `fsync` | – |
#
# **Names** wait too. A file that was created or renamed may have its old name after a
# power cut, until the *folder* is synced. And opening with `"wb"` empties the
# file first: for a moment there is neither the old state nor the new.

# %% [md] fs-words
# Your functions get these operations as `fs`, so that the same code runs on real files
# (`storage.OS`) and on a disk that can crash:
#
# | call | on a real system |
# |---|---|
# | `fs.open(path, "wb")`, or `"ab"` to append, `"xb"` for a new one | `open` |
# | `file.write(data)`, `.flush()`, `.close()`; works in `with` | the same |
# | `file.fsync()` | `os.fsync(file.fileno())` |
# | `fs.replace(source, target)`, `fs.remove(path)` | `os.replace`, `os.remove` |
# | `fs.fsync_dir(folder)` | open the folder, `os.fsync` it |
# | `fs.read_bytes(path)`, `fs.listdir(folder)` | read all of a file, `os.listdir` |

# %% [md] crash-disk
# `storage.CrashDisk` is a disk in memory with these rules. It records every
# operation, and `crashes()` then lists every state in which the disk may be found: after
# each operation, with unsynced bytes kept, lost, torn in half, or come back as zeros (that
# happens), and with unsynced names kept or undone.

# %% crash-list
for crash in disk.crashes():
    print(f"{crash.done} {crash.op:38} {crash.files['cache/state']}")

# %% [md] steps
# ### Never touch the old state
#
# The remedy is a second file. Write everything to it, make it durable, and
# then give it the name of the first: `replace` is **atomic**, it happens at once or not at
# all.
#
# 1. `open` a temporary file *in the same folder*: `replace` cannot cross file systems
# 2. `write`, `flush`, `fsync`: its bytes are on the disk
# 3. `replace` the old name
# 4. `fsync_dir` the folder: the name is on the disk
#
# Leave out any step, move the slider, and see what a crash at that moment
# leaves. When is neither "old" nor "new" on the disk?


# %% crash-here
def careless(flush: bool, fsync: bool, folder: bool) -> storage.CrashDisk:
    disk = storage.CrashDisk({"cache/state": b"old state"})
    with disk.open("cache/state.tmp", "wb") as file:
        file.write(b"new state")
        if flush:
            file.flush()
        if fsync:
            file.fsync()
    disk.replace("cache/state.tmp", "cache/state")
    if folder:
        disk.fsync_dir("cache")
    return disk


def crash_here(crash_after=5, flush=True, fsync=False, fsync_folder=False) -> dict:
    recorded = careless(flush, fsync, fsync_folder)
    crashes = list(recorded.crashes())
    return {
        "operations": recorded.operations,
        "after": min(crash_after, len(recorded.operations)),
        "states": [(one.done, one.files["cache/state"]) for one in crashes],
        "fine": (b"old state", b"new state"),
    }


# %% [md] crash-explore-intro
# The left side lists what the program did; the right side shows what a reader may find after a
# crash at the line.

# %% crash-explore
widgets.explore(
    crash_here,
    draw.crash_here,
    question="Which steps are needed, and what does each of them prevent?",
    alt="Five operations with a line after the last, replace; beside them the states "
    "that may be found: old, new, torn and zeros, because fsync is missing.",
    crash_after=(0, 8, 1),
    flush=True,
    fsync=False,
    fsync_folder=False,
)

# %% [md] crash-read
# Without `fsync` the name can reach the disk before the bytes: the file is there, under
# its proper name, full of nothing. `fsync` without `flush` syncs an empty file,
# because the bytes are still in the program. And without `fsync_dir` the save has
# returned, you told the user "saved", and the power cut brings back the old state.

# %% [md] header
# ### Know a bad file when you see one
#
# Disks also rot, and people open files with editors. Put a **header** in front
# of the data: a magic word (which program?), a version (which format?), the length and
# a **checksum**, here CRC-32, a number computed from all bytes. `struct` packs it to 17 bytes:

# %% header-example
import struct
import zlib

HEADER = struct.Struct(">4sBQI")  # magic, version, length and CRC-32 of the body
MAGIC, VERSION = b"LRUS", 1

body = b'{"any": "format you like"}'
packed = HEADER.pack(MAGIC, VERSION, len(body), zlib.crc32(body))
print(packed, HEADER.unpack(packed))
print("one bit flipped:", zlib.crc32(body), zlib.crc32(body.replace(b"k", b"j")))

# %% [md] untrusted
# A checksum finds accidents, not attackers: whoever can write the file can also compute
# a CRC. So nothing in the file may be *executed*. `eval` runs whatever the text says, and
# so does `pickle.loads`. `json.loads` only builds lists, dicts, strings and numbers.
#
# And what belongs into the body? Not the dict alone: the **order**, stalest first,
# is half of what an LRU cache knows, and the capacity tells how much of it to keep.

# %% [card] e4 minutes=20 core
# A snapshot
#
# Save capacity and entries (strings, stalest first) behind the header above; the format of the
# body is yours. A crash at any operation leaves the old state or the new; after
# the return, the new. Write to `path + ".tmp"` first; on an error remove it and raise.
# `load_snapshot` returns capacity and entries, raises `storage.CorruptSnapshot` for
# whatever `save_snapshot` did not write, and with `capacity=` keeps only the freshest that fit.

# %% [hand] e4
# **By hand.** Entries a, b, c (c freshest), saved with capacity 5. Load with nothing:
# `(5, [a, b, c])`. Load with `capacity=2`: `(2, [b, c])`. With `capacity=0`: `(0, [])`, and
# beware, because `items[-0:]` is everything. With `capacity=9`: `(9, [a, b, c])`.

# %% [answer] e4
import contextlib
import os

Entries = list[tuple[str, str]]


def save_snapshot(
    path: str, capacity: int, items: Entries, *, fs: storage.Storage = storage.OS
) -> None:
    """Replace the snapshot at `path`, durably and in one step. Raises OSError."""
    ### BEGIN SOLUTION
    body = json.dumps([capacity, items]).encode()
    temporary = path + ".tmp"
    try:
        with fs.open(temporary, "wb") as file:
            file.write(HEADER.pack(MAGIC, VERSION, len(body), zlib.crc32(body)))
            file.write(body)
            file.flush()
            file.fsync()
        fs.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            fs.remove(temporary)
        raise
    fs.fsync_dir(os.path.dirname(path))
    ### END SOLUTION


def load_snapshot(
    path: str, *, capacity: int | None = None, fs: storage.Storage = storage.OS
) -> tuple[int, Entries]:
    """Return the capacity and the entries, stalest first, of a snapshot.

    `capacity` overrides the saved one. Raises FileNotFoundError, and
    storage.CorruptSnapshot for a file that save_snapshot did not write.
    """
    ### BEGIN SOLUTION
    data = fs.read_bytes(path)
    body = data[HEADER.size :]
    if len(data) < HEADER.size:
        raise storage.CorruptSnapshot(f"{path}: only {len(data)} bytes")
    magic, version, length, checksum = HEADER.unpack(data[: HEADER.size])
    if (magic, version) != (MAGIC, VERSION):
        raise storage.CorruptSnapshot(f"{path}: {magic!r} {version} is not ours")
    if (len(body), zlib.crc32(body)) != (length, checksum):
        raise storage.CorruptSnapshot(f"{path}: damaged")
    try:
        saved, pairs = json.loads(body)
        items = [(key, value) for key, value in pairs]
        limit = int(saved) if capacity is None else capacity
    except (ValueError, TypeError) as error:
        raise storage.CorruptSnapshot(f"{path}: not readable") from error
    return limit, items[max(0, len(items) - limit) :]
    ### END SOLUTION


# %% [look] e4
OLD, NEW = (2, [("a", "1"), ("b", "2")]), (2, [("b", "2"), ("c", "3")])


def timeline(save) -> tuple[list[str], list[tuple[int, str]]]:
    names = {str(OLD): "old", str(NEW): "new"}
    disk = storage.CrashDisk()
    save("cache/state", *OLD, fs=disk)
    disk, marks = disk.copy(), []
    save("cache/state", *NEW, fs=disk)
    for crash in disk.crashes():
        try:
            found = load_snapshot("cache/state", fs=storage.CrashDisk(crash.files))
        except (FileNotFoundError, storage.CorruptSnapshot):
            found = None
        marks.append((crash.done, names.get(str(found), "broken")))
    return disk.operations, marks


viz.show(
    draw.timeline(viz.attempt(timeline, save_snapshot)),
    alt="The operations of your save, one row each; dots show what may be found after "
    "a crash there: old, new, or a cross for neither. There should be no cross.",
)

# %% [check] e4 points=1
disk = storage.CrashDisk()
entries = [("b", "2"), ("a", "1\n"), ("ü", "")]
shown = "save_snapshot('cache/state', 5, entries), then load_snapshot"
check.call(save_snapshot, "cache/state", 5, entries, fs=disk, none_ok=True, shown=shown)
for capacity, want in ((None, (5, entries)), (2, (2, entries[1:])), (0, (0, []))):
    check.case(
        load_snapshot,
        "cache/state",
        capacity=capacity,
        fs=disk,
        want=want,
        shown=f"load_snapshot('cache/state', {capacity=})",
        hint="stalest first, pairs as tuples; a smaller capacity keeps the last ones",
    )

# %% [grade] e4.round points=3 mode=split
# Order, odd text, none and thousands of entries, smaller and larger capacities, a
# missing file.

# %% [grade] e4.crash points=5 mode=split
# A crash after every operation, with every outcome; with an old state and without.

# %% [grade] e4.corrupt points=4 mode=split
# Every byte changed, every truncation, another version, a body that lies or would
# run code.

# %% [grade] e4.tidy points=2 mode=shared
# No temporary files stay behind: after success, after a full disk, after a crash;
# real files too.

# %% [hints] e4
# nudge: After which of your operations is the old state gone, and is the new one on the disk by then?
#
# idea: Build all bytes first. Everything that can fail happens to the temporary file; the old one is touched once, by replace.
#
# outline: Save: encode the body, pack the header; inside a try, write both, flush, fsync, close, replace; if anything was raised, remove the temporary file as far as possible and raise on. Then sync the folder. Load: too short, wrong magic or version, wrong length or checksum, undecodable: each is corrupt. Then cut to the capacity.

# %% [md] log-intro
# ## 6 · A log instead of a picture
#
# A snapshot writes everything. To survive *each* access that way, a cache of 10,000
# entries writes 10,000 entries to record one. A **log** appends one
# record for what just happened, and on start replays it:
#
# `PUT a 1` · `PUT b 2` · `HIT a` · `PUT c 3` → b thrown out? No: a was used since. With room
# for two, replay gives a, c.
#
# Hits must be in the log, or the order is lost. Evictions need not be: they follow from
# the rest. Misses change nothing.

# %% [md] framing
# ### The torn tail
#
# A crash leaves half a record at the end, or zeros. So each record carries a **frame**:
# its length, and the checksum of its payload. Replay stops at the first record that is not
# whole: what was read until then is a *prefix* of the history, a state that the cache
# really had.


# %% torn
FRAME = struct.Struct(">II")  # length and CRC-32 of the payload


def framed(*fields: str) -> bytes:
    payload = json.dumps(fields).encode()
    return FRAME.pack(len(payload), zlib.crc32(payload)) + payload


records = [framed("P", "a", "1"), framed("P", "b", "2"), framed("H", "a")]
print(*records, sep="\n")
viz.show(
    draw.log_strip([len(record) for record in records], FRAME.size, cut=56),
    alt="Three records in a row of bytes, each with a frame and a payload; a line "
    "cuts through the last: the first two are whole and are replayed.",
)

# %% [md] framing-traps
# Three traps wait here. Eight zero bytes are a frame too: length 0, and the CRC-32
# of nothing *is* 0. Whoever appends after a torn tail writes records that no replay
# will ever reach. And a log written by a cache of three cannot be replayed by a cache of one:
#
# `PUT a` · `PUT b` · `HIT a`
#
# the small one has thrown out `a` before the hit comes. Replay with all the room
# you need, and cut to the capacity at the end.

# %% [md] compaction
# ### Compaction
#
# The log grows without bound while the cache does not. When most records are
# history, write a new log that holds one `PUT` for each living entry, stalest first, and
# put it in the place of the old one, with the four steps of section 5. If you wait until
# the log has a multiple of the records that live (and a few more, for tiny caches), then
# each access pays a constant share of the rewriting: constant cost, **amortised**.
#
# The file that you had open is then the *old* one, without a name. Whoever appends
# to it writes into nothing.

# %% [card] e5 minutes=30 stretch
# A journaled cache
#
# An LRU cache of strings with a log at `path`, made or replayed at the start.
# One appended record a `put` or hit, whatever the size. When `put` returns, it is
# durable; hits are flushed. After any crash: the state after some prefix of the
# operations, no acknowledged `put` missing. Ignore what follows a damaged
# record. Compact so that all writing stays below 4 times the records, and the
# file below 10 times a compacted one plus 4 KiB.

# %% [hand] e5
# **By hand.** Capacity 2: put a, put b, get a, put c. The log has four records; the state is
# a, c. Cut inside the third: replay gives a, b. Cut inside the fourth: b, a.
# Reopen that one with capacity 1: a.


# %% [answer] e5
class JournaledLRU:
    """An LRU cache of strings whose every change is logged to a file.

    Opens the log at `path`, or makes one. Use a directory that exists.
    """

    def __init__(
        self, path: str, capacity: int, *, fs: storage.Storage = storage.OS
    ) -> None:
        ### BEGIN SOLUTION
        self._path, self._fs = path, fs
        self._log: storage.File | None = None
        self._records = 0
        replayed, whole = self._replay()
        self._cache: LRUCache[str, str] = LRUCache(capacity)
        for key, value in replayed.items():
            self._cache.put(key, value)
        if whole and not self._too_long():
            self._log = fs.open(path, "ab")
        else:
            self.compact()
        ### END SOLUTION

    def get(self, key: str, default: str | None = None) -> str | None:
        """Return the value, and log the hit, or return `default`."""
        ### BEGIN SOLUTION
        if key not in self._cache:
            return default
        self._append("H", key)
        value = self._cache.get(key)
        if self._too_long():
            self.compact()
        return value
        ### END SOLUTION

    def put(self, key: str, value: str) -> None:
        """Store an entry; it is durable when this returns."""
        ### BEGIN SOLUTION
        self._append("P", key, value)
        self._log.fsync()
        self._cache.put(key, value)
        if self._too_long():
            self.compact()
        ### END SOLUTION

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield the entries, stalest first, without touching them."""
        ### BEGIN SOLUTION
        return self._cache.items()
        ### END SOLUTION

    def compact(self) -> None:
        """Replace the log by the shortest one that gives the same state."""
        ### BEGIN SOLUTION
        temporary = self._path + ".tmp"
        with self._fs.open(temporary, "wb") as file:
            for key, value in self._cache.items():
                file.write(framed("P", key, value))
            file.flush()
            file.fsync()
        self._fs.replace(temporary, self._path)
        self._fs.fsync_dir(os.path.dirname(self._path))
        if self._log is not None:
            self._log.close()
        self._log = self._fs.open(self._path, "ab")
        self._records = len(self._cache)
        ### END SOLUTION

    def close(self) -> None:
        """Make the last hits durable, and close the log."""
        ### BEGIN SOLUTION
        self._log.fsync()
        self._log.close()

    def _append(self, *fields: str) -> None:
        self._log.write(framed(*fields))
        self._log.flush()
        self._records += 1

    def _too_long(self) -> bool:
        return self._records > 4 * len(self._cache) + 32

    def _replay(self) -> tuple[dict[str, str], bool]:
        """Return the state that the log gives, and whether all of it was whole."""
        entries: dict[str, str] = {}  # stalest first: a move is pop and insert
        try:
            data = self._fs.read_bytes(self._path)
        except FileNotFoundError:
            return entries, False
        at = 0
        while at + FRAME.size <= len(data):
            length, checksum = FRAME.unpack_from(data, at)
            payload = data[at + FRAME.size :][:length]
            damaged = len(payload) < length or zlib.crc32(payload) != checksum
            if damaged or not payload:  # eight zeros would pass for an empty record
                break
            kind, key, *value = json.loads(payload)
            old = entries.pop(key, None)
            entries[key] = value[0] if kind == "P" else old
            at += FRAME.size + length
            self._records += 1
        return entries, at == len(data)
        ### END SOLUTION


# %% [look] e5
SIZES = [10, 30, 100, 300, 1000]


def bytes_for_one(snapshot: bool, entries: int) -> float:
    disk = storage.CrashDisk()
    pairs = [(f"{number:06}", "value") for number in range(entries)]
    if snapshot:
        save_in_place("cache/state", 2000, pairs, fs=disk)
        return disk.bytes_written
    cache = JournaledLRU("cache/log", 2000, fs=disk)
    for key, value in pairs:
        cache.put(key, value)
    before = disk.bytes_written
    for key, value in pairs[:10]:
        cache.put(key, value)
    return (disk.bytes_written - before) / 10


viz.show(
    draw.bytes_per_put(
        SIZES,
        [bytes_for_one(True, n) for n in SIZES],
        viz.attempt(lambda: [bytes_for_one(False, n) for n in SIZES]),
    ),
    alt="Bytes written for one put against the entries in the cache, both logarithmic: "
    "a snapshot rises in proportion, your journal, once written, stays level.",
)

# %% [check] e5 points=2
disk = storage.CrashDisk()
cache = check.call(JournaledLRU, "cache/log", 2, fs=disk, shown="JournaledLRU(path, 2)")
for key, value in (("a", "1"), ("b", "2")):
    cache.put(key, value)
check.equal(cache.get("a"), "1", shown="get('a') after put a, put b")
cache.put("c", "3")
cache.close()
shown = "JournaledLRU(path, 2) again, after put a, put b, get a, put c, close"
again = check.call(JournaledLRU, "cache/log", 2, fs=disk, shown=shown)
check.equal(list(again.items()), [("a", "1"), ("c", "3")], shown=shown)

# %% [grade] e5.replay points=4 mode=split
# Long random histories, reopened; odd text; smaller and larger capacities; zero.

# %% [grade] e5.torn points=5 mode=split
# The log cut at every byte, every byte changed, zeros and junk behind it; then used on.

# %% [grade] e5.crash points=4 mode=split
# A crash after every operation, in the middle of a compaction too.

# %% [grade] e5.cost points=5 mode=split
# Bytes for one access at 20 and at 120 entries; all bytes written; size of the log.

# %% [hints] e5
# nudge: After a torn tail was found, where does the next record go?
#
# idea: One function reads the log and says how far it was whole; one appends a record; one rewrites the log. If the log is missing or not whole, start by rewriting it.
#
# outline: Start: replay into an unlimited order, put the entries into a cache of the given capacity, rewrite the log unless it was whole, open it for appending. put: append, flush, fsync, then change the cache. A hit: append, flush, touch. When the records are several times the entries plus a constant: write a temporary log, flush, fsync, replace, sync the folder, close the old handle and open the new file.

# %% [md] debug-intro
# ## 7 · Somebody else's cache
#
# A colleague's decorator is in production, and "sometimes it returns the wrong
# thing". Read it before you run it, and find six mistakes.


# %% colleague
def colleague(capacity: int):
    cache, order = {}, []

    def decorate(func):
        def wrapper(*args, **kwargs):
            key = str(args) + str(sorted(kwargs))
            if cache.get(key):
                return cache[key]
            try:
                result = func(*args, **kwargs)
            except Exception as error:
                result = error
            cache[key] = result
            order.append(key)
            if len(order) > capacity:
                del cache[order.pop(0)]
            return result

        return wrapper

    return decorate


# %% [md] tests-intro
# ### Tests that find what reading misses
#
# Repairing it is half the job. The other half is a test that would have found it. How
# good is a test? Count the wrong versions it rejects: those are its **kills**. A test
# that rejects a *right* version is worth nothing, however many it kills.
#
# ```python
# def test_memoize(memoize):
#     calls = []
#     double = memoize(2)(lambda n: calls.append(n) or 2 * n)
#     assert double(4) == 8
#     assert double(4) == 8 and calls == [4], "the second call is a hit"
# ```
#
# The trick in it is worth keeping: a function that writes down its own calls. Twelve wrong
# versions are waiting, each with one mistake that this notebook has talked about.

# %% [card] e6 minutes=20 stretch
# Repair, and test
#
# Two functions. `repaired` does what `colleague` meant: an LRU decorator for calls with
# any arguments, equal calls being one; one cache a function; exceptions raised and never kept. `test_memoize(memoize)`
# raises `AssertionError` if `memoize(capacity)` is wrong in any such way, or if its function's
# `cache_info()` (`.hits`, `.misses`) or `cache_clear()` is; it accepts every right one. No threads, no time, no `typed`.

# %% [hand] e6
# **By hand.** `f(x=1)` and `f(x=2)` get one key from `sorted(kwargs)`, which lists names only.
# A test for it: call both through the decorator and compare with the undecorated function.


# %% [answer] e6
def repaired(capacity: int) -> Callable:
    """Return a decorator that keeps the last `capacity` results, as memoize does."""
    ### BEGIN SOLUTION
    missing = object()

    def decorate(func: Callable) -> Callable:
        cache: LRUCache = LRUCache(capacity)

        @functools.wraps(func)
        def wrapper(*args: object, **kwargs: object) -> object:
            key = cache_key(func, args, kwargs)
            result = cache.get(key, missing)
            if result is missing:
                result = func(*args, **kwargs)
                cache.put(key, result)
            return result

        return wrapper

    return decorate
    ### END SOLUTION


def test_memoize(memoize: Callable) -> None:
    """Raise AssertionError unless `memoize(capacity)` makes right decorators."""
    ### BEGIN SOLUTION
    roomy = 99  # more than this test needs
    calls: list = []

    def noted(a: object, b: object = None, *more: object, **named: object) -> object:
        calls.append(a)
        return None if a is None else (a, b, more, named)

    def runs(memo: Callable, *args: object, **kwargs: object) -> int:
        """Return how often `noted` ran for one call, whose result must be right."""
        want = noted(*args, **kwargs)
        before = len(calls)
        assert memo(*args, **kwargs) == want, "not what the function returns"
        return len(calls) - before

    x, y = object(), object()
    different = [
        *(((x,), {}), ((1,), {}), (("1",), {}), ((None,), {}), (([x, {}],), {})),
        *(((x, y, ("c", y)), {}), ((x, y), {"c": y}), ((x, y), {"c": x})),
    ]
    memo = memoize(roomy)(noted)
    for args, kwargs in different:
        assert runs(memo, *args, **kwargs) == 1, "a new call must be computed"
        assert runs(memo, *args, **kwargs) == 0, "a known call must not"
    for args, kwargs in (((x, None), {}), ((), {"b": None, "a": x})):
        assert runs(memo, *args, **kwargs) == 0, "the same call in other words"
    info = memo.cache_info()
    assert (info.hits, info.misses) == (len(different) + 2, len(different)), info
    memo.cache_clear()
    info = memo.cache_info()
    assert (info.hits, info.misses) == (0, 0), info
    assert runs(memo, x) == 1, "cleared means forgotten"

    small = memoize(2)(noted)
    ran = [runs(small, key) for key in (1, 2, 1, 3, 1, 2)]
    assert ran == [1, 1, 0, 1, 0, 1], "the least recently used leaves, at capacity 2"

    @memoize(roomy)
    def fails() -> None:
        calls.append(x)
        raise KeyError(x)

    for _ in ("first", "second"):
        before = len(calls)
        try:
            fails()
        except KeyError:
            assert len(calls) == before + 1, "an exception must not be kept"
        else:
            raise AssertionError("the exception must come through")
    decorator = memoize(roomy)
    one, two = decorator(lambda: x), decorator(lambda: y)
    assert (one(), two()) == (x, y), "each function has a cache of its own"
    ### END SOLUTION


# %% [look] e6
def verdict(make) -> str:
    try:
        test_memoize(make)
    except NotImplementedError:
        return "test_memoize is not written yet"
    except Exception as error:
        return f"rejected: {type(error).__name__} {error}"
    return "accepted"


def simple_but_right(capacity):
    import functools as library

    return library.lru_cache(capacity)


print("your memoize:           ", verdict(memoize))
print("the colleague's:        ", verdict(colleague))
print("functools.lru_cache:    ", verdict(simple_but_right))
print("(lru_cache is no right version here: it splits f(1) from f(a=1))")

# %% [check] e6 points=1
twice = check.call(check.call(repaired, 2, shown="repaired(2)"), lambda x=0: 2 * x)
check.equal(
    [twice(x=1), twice(x=2), twice(0), twice(), twice(x=1)],
    [2, 4, 0, 0, 2],
    shown="repaired(2)(lambda x=0: 2 * x), called with x=1, x=2, 0, nothing, x=1",
    hint="the values of keyword arguments belong into the key",
)
shown = "test_memoize(the colleague's decorator)"
check.raises(
    test_memoize, Exception, colleague, shown=shown, hint="it has six mistakes"
)

# %% [grade] e6.repaired points=3 mode=shared
# Each of the six mistakes, one by one.

# %% [grade] e6.fair points=1 mode=shared
# Four right versions are accepted; one wrong version is not.

# %% [grade] e6.keys points=2 mode=shared
# Of five versions with wrong keys, at least four are rejected, and a right one is not.

# %% [grade] e6.kept points=3 mode=shared
# Of seven versions that keep results wrongly, at least six are rejected, and a right
# one is not.

# %% [hints] e6
# nudge: For each sentence of the tasks e2 and e3, which single call would show that it is broken?
#
# idea: Write one small helper that makes a call through the decorator and returns how often the function itself ran. Most kills are then one line: this call must run it once, that call must not.
#
# outline: Same call in other words, different calls that look alike, unhashable arguments, None as a result, exceptions twice, the order of eviction at a small capacity, two functions, counts, and clearing.

# %% [md] six
# <details><summary>The colleague's six mistakes</summary>
#
# 1. Only the names of keywords are in the key.
# 2. The key is text: arguments that print alike merge, and one call in two forms splits.
# 3. A false result (0, None, an empty list) never hits, and its key is noted twice.
# 4. An exception becomes a result, and is kept.
# 5. A hit is no use: this is FIFO.
# 6. The cache stands outside `decorate`, so all functions of one decorator share it.
#
# And `order.pop(0)` moves every other entry, each time.
#
# </details>

# %% [essay] e7 points=10 rubric=design minutes=10 stretch
# Defend your design
#
# In at most 150 words, to the engineer who reviews your journaled cache: name the two or three
# facts that hold between any two operations (invariants); the cost of each
# operation, compaction included, and why; what a reader finds after the process dies, after the
# power fails, after the disk is full in the middle of a record; and one thing that you would
# change before you ship it, with what it would cost.

# %% [rubric] design
# **A strong answer contains**
#
# * invariants: dict and list hold the same nodes; at most `capacity` of them; replaying the log gives the cache, in its order
# * cost: O(1) for get and put; compaction is O(live), but runs only after a multiple of live records was appended, so it adds a constant to each; bytes per access independent of the size
# * process dies: flushed records survive, so nothing acknowledged is lost. Power fails: a prefix that holds every acknowledged put; recent hits may be lost, which costs recency only. Disk full in the middle of a record: the tail is torn while the program runs on, so the next append must not go behind it (truncate or compact first)
# * a change with its price: group commit (fewer fsyncs, later acknowledgement), a lock for threads, a keyed checksum against tampering, fsync errors treated as fatal
#
# **Red flags**: "the file is always consistent" without saying how; fsync never mentioned, or trusted after it failed; amortised used for "usually fast"; pickle for data that somebody else can write.
#
# **Levels**
#
# * 0–2: describes the code line by line, or claims that nothing can be lost
# * 3–5: names one invariant and the process crash, without the power failure or the cost of compaction
# * 6–8: invariants, the amortised argument, process and power told apart
# * 9–10: all of it and the full disk, brief, and says what was given up

# %% [md] aloud
# ## Say it out loud
#
# Rehearse in 90 seconds, standing up: "A dict finds the node, a doubly linked ring with
# a sentinel keeps the order, so get, put and eviction move a constant number of links.
# A hit and an overwrite are both use. The key is the function plus its bound, tagged
# arguments. The lock covers the bookkeeping, never the call; a note for each running key
# lets the others wait. On disk: temporary file, flush, fsync, replace, sync the folder; or
# one framed record for each access, and compaction when most of the log is history." Then name what a
# crash can still take.

# %% [md] follow
# ## Follow-ups
#
# 1. Entries expire after a minute. Who removes them, and does a get of an expired one count as use?
# 2. A popular entry expires and a thousand requests miss at once. What does single flight solve, and what across ten machines?
# 3. One nightly scan empties the cache. How do 2Q, ARC or TinyLFU resist?
# 4. A put fails half-way with "disk full". What must the next put do?
# 5. A local cache before a shared one: how does a machine learn that its copy is stale?
# 6. `cache_clear()` comes while a call is running. Should its result be kept?
# 7. Prove that compaction costs a constant share of each access.

# %% [md] deeper
# ## Go deeper
#
# * T. Pillai and others, *All File Systems Are Not Created Equal: On the Complexity of Crafting Crash-Consistent Applications*, OSDI 2014: what real systems reorder
# * R. Mattson and others, *Evaluation Techniques for Storage Hierarchies*, IBM Systems Journal 1970: every LRU capacity in one pass
# * N. Megiddo, D. Modha, *ARC: A Self-Tuning, Low Overhead Replacement Cache*, FAST 2003

# %% [review]
# ## Review cards
#
# Q: Why does an LRU cache need a doubly linked list, and not a singly linked one?
# A: To take a node out, both neighbours must change; a node that knows only its successor must search for its predecessor.
#
# Q: Which two events move an entry to the fresh end?
# A: A hit and an overwrite. Looking with `in` or listing the entries does not.
#
# Q: A memo key can split or merge. Which is worse?
# A: Merging. A key that splits one call computes twice; a key that merges two calls returns a wrong result.
#
# Q: Why is the key made before the call, and once?
# A: The function may change its arguments; a key made afterwards belongs to another call.
#
# Q: What may a memoizing decorator do while it holds its lock?
# A: Its own bookkeeping. Never call the function: it may be slow, and it may call the decorator again.
#
# Q: Name the four steps of an atomic save, and what each prevents.
# A: Temporary file in the same folder (old state stays whole); flush and fsync (a name without bytes); replace (a half-written file under the name); fsync of the folder (the old name coming back).
#
# Q: What does `fsync` without `flush` achieve?
# A: Nothing for the bytes in the program's buffer: they are not in the file yet.
#
# Q: A log record has a length and a CRC-32. Why do eight zero bytes still pass, and what do you do?
# A: Length 0, and the CRC-32 of nothing is 0. Refuse empty records.
#
# Q: Why replay a log without a limit and cut to the capacity afterwards?
# A: A smaller cache throws out entries that later hits refer to; then the order, and the survivors, come out wrong.
