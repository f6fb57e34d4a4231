"""Hidden tests of notebook 2 of week 1, one block for each graded cell."""


# %% [grade] e1.order
def by_list(capacity: int, operations: list) -> list:
    """Return what each operation gives, and the entries after it, by a plain list."""
    entries, found = [], []
    for verb, key, value in operations:
        old = [pair for pair in entries if pair[0] == key]
        gives = None
        if verb == "has":
            gives = bool(old)
        elif verb == "get":
            gives = old[0][1] if old else value
            if old:
                entries = [pair for pair in entries if pair[0] != key] + old
        elif capacity:
            entries = [pair for pair in entries if pair[0] != key] + [(key, value)]
            gives = entries.pop(0) if len(entries) > capacity else None
        found.append((gives, list(entries)))
    return found


rule = "a hit and an overwrite are use, looking is not; the stalest leaves"
rng = check.rng()
for capacity, keys, length in ((1, 3, 40), (2, 4, 80), (3, 3, 60), (7, 12, 250)):
    operations = [
        (str(verb), int(key), int(value))
        for verb, key, value in zip(
            rng.choice(["put", "get", "has"], length, p=[0.5, 0.4, 0.1]),
            rng.integers(keys, size=length),
            rng.integers(1000, size=length),
            strict=True,
        )
    ]
    cache = check.call(LRUCache, capacity, shown=f"LRUCache({capacity})")
    want = by_list(capacity, operations)
    for number, (verb, key, value) in enumerate(operations):
        if verb == "put":
            gives, named = cache.put(key, value), f"put({key}, {value})"
        elif verb == "get":
            gives, named = cache.get(key, value), f"get({key}, {value})"
        else:
            gives, named = key in cache, f"{key} in cache"
        recent = ", ".join(
            f"{v} {k}" for v, k, _ in operations[max(0, number - 5) :][:5]
        )
        shown = f"{named} on LRUCache({capacity}), after … {recent}"
        check.equal(gives, want[number][0], shown=shown, hint=rule)
        check.equal(
            list(cache.items()),
            want[number][1],
            shown=f"items() after {shown}",
            hint=rule,
        )
        check.equal(len(cache), len(want[number][1]), shown=f"len() after {shown}")

# %% [grade] e1.edges
cache = check.call(LRUCache, 2, shown="LRUCache(2)")
for value in (None, 0, "", False, []):
    cache.put("k", value)
    shown = f"get('k', 'nothing') after put('k', {value!r})"
    hint = "ask whether the node is there, not whether its value is true"
    check.equal(cache.get("k", "nothing"), value, shown=shown, hint=hint)
check.equal(cache.get("absent"), None, shown="get of a key that is not there")
check.equal(cache.get("absent", 7), 7, shown="get('absent', 7)")

cache = check.call(LRUCache, 2, shown="LRUCache(2)")
cache.put("a", 1)
cache.put("b", 2)
shown = "put('a', 9) over the stalest entry of a full LRUCache(2)"
check.equal(cache.put("a", 9), None, shown=shown, hint="nothing new comes in")
check.equal(list(cache.items()), [("b", 2), ("a", 9)], shown=f"items() after {shown}")

shown = "put('a', 5) over the freshest entry of a full LRUCache(2)"
check.equal(cache.put("a", 5), None, shown=shown, hint="nothing new comes in")
check.equal(
    list(cache.items()),
    [("b", 2), ("a", 5)],
    shown=f"items() after {shown}",
    hint="nothing new comes in, so nothing leaves: look for the key first",
)

cache = check.call(LRUCache, 2, shown="LRUCache(2)")
cache.put("a", 1)
cache.put("b", 2)
looked = ("a" in cache, list(cache.items()), len(cache), "z" in cache)
check.equal(
    looked,
    (True, [("a", 1), ("b", 2)], 2, False),
    shown="'a' in cache, items(), len() and 'z' in cache, with a and b in it",
    hint="looking must not move an entry",
)
check.equal(
    cache.put("c", 3),
    ("a", 1),
    shown="put('c', 3) after 'a' in cache and items()",
    hint="looking must not move an entry",
)
check.equal("a" in cache, False, shown="'a' in cache after a was thrown out")
check.equal(cache.get("a", "gone"), "gone", shown="get('a', 'gone') after it left")

one = check.call(LRUCache, 1, shown="LRUCache(1)")
gives = [one.put("a", 1), one.put("a", 2), one.put("b", 3), one.get("a"), one.get("b")]
shown = "LRUCache(1): put a, put a, put b, get a, get b"
check.equal(gives, [None, None, ("a", 2), None, 3], shown=shown)

none = check.call(LRUCache, 0, shown="LRUCache(0)")
empty = "it stores nothing and throws nothing out"
shown = "put('a', 1) into LRUCache(0)"
gives = check.call(none.put, "a", 1, shown=shown, none_ok=True, hint=empty)
check.equal(gives, None, shown=shown, hint=empty)
gives = [none.get("a"), len(none), "a" in none, list(none.items())]
shown = "LRUCache(0) after put('a', 1): get, len, in, items"
check.equal(gives, [None, 0, False, []], shown=shown, hint=empty)
check.raises(LRUCache, ValueError, -3)

same = check.call(LRUCache, 3, shown="LRUCache(3)")
for key, value in ((1, "int"), (True, "bool"), (1.0, "float")):
    same.put(key, value)
shown = "put 1, True, 1.0 into LRUCache(3): len, get(1)"
check.equal(
    (len(same), same.get(1)), (1, "float"), shown=shown, hint="1 == True == 1.0"
)

# %% [grade] e1.memory
import collections
import gc
import weakref


class Heavy:
    """A key or value that can be watched."""


shown = "LRUCache(2) after a third entry came in, with gc off"
was_on = gc.isenabled()
gc.disable()
try:
    cache = check.call(LRUCache, 2, shown="LRUCache(2)")
    key, value = Heavy(), Heavy()
    watched = weakref.ref(key), weakref.ref(value)
    cache.put(key, value)
    cache.put("b", Heavy())
    del key, value
    cache.put("c", 3)
    alive = [ref() is not None for ref in watched]
    cache.put("b", "other")
finally:
    if was_on:
        gc.enable()
check.equal(
    alive,
    [False, False],
    shown=shown + ": is the first key alive, is its value",
    hint="delete the key from the dict too, and let no neighbour point to the node",
)
parts = [cache]
for part in parts:
    held = gc.get_referents(part)
    parts += [one for one in held if isinstance(one, dict) and one not in parts][:9]
ready_made = any(isinstance(one, collections.OrderedDict) for one in parts)
check.true(
    not ready_made,
    shown="LRUCache(2)",
    said="keeps its order in an OrderedDict",
    hint="link the nodes yourself: that is the exercise",
)

# %% [grade] e1.cost
import time
from collections import OrderedDict


class Baseline:
    """The cache that the library's OrderedDict gives."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.entries = capacity, OrderedDict()

    def get(self, key, default=None):
        if key not in self.entries:
            return default
        self.entries.move_to_end(key)
        return self.entries[key]

    def put(self, key, value):
        self.entries[key] = value
        self.entries.move_to_end(key)
        if len(self.entries) > self.capacity:
            return self.entries.popitem(last=False)
        return None


def seconds(make, capacity: int, work: str) -> float:
    """Return processor seconds for one operation on a full cache."""
    count = 600 if work == "evictions" else 3000
    keys = check.rng().integers(capacity, size=count).tolist()
    if work == "evictions":
        keys = range(capacity, capacity + count)
    cache = make(capacity)
    for key in range(capacity):
        cache.put(key, key)
    act = cache.get if work == "hits" else lambda key: cache.put(key, 0)
    start = time.thread_time()
    for key in keys:
        act(key)
    return (time.thread_time() - start) / count


def growth(work: str) -> float:
    return seconds(LRUCache, 16384, work) / seconds(LRUCache, 1024, work)


def price() -> float:
    return seconds(LRUCache, 1024, "hits") / seconds(Baseline, 1024, "hits")


for work in ("hits", "overwrites", "evictions"):
    shown = f"thousands of {work}"
    check.call(seconds, LRUCache, 8, work, shown=shown)
    check.at_most(
        lambda work=work: growth(work),
        4.5,
        "times the processor time at 16,384 entries, compared with 1,024",
        shown=shown,
        hint="no search, no list.remove, no min(): change a constant number of links",
    )
check.at_most(
    price,
    4.5,
    "times the processor time of an OrderedDict",
    shown="thousands of hits",
    hint="a hit needs one look-up and six links",
)


# %% [grade] e2.calls
def plain(a, b=2):
    pass


def mixed(a, /, b, *rest, c=3, **more):
    pass


def make_twin():
    def plain(a, b=2):
        pass

    return plain


class Shape:
    def area(self, scale=1):
        pass


def key_of(func, *args, **kwargs):
    named = getattr(func, "__name__", "func")
    words = [repr(arg) for arg in args] + [f"{k}={v!r}" for k, v in kwargs.items()]
    shown = f"cache_key for the call {named}({', '.join(words)})"[:150]
    return shown, check.call(cache_key, func, args, kwargs, shown=shown)


def judge(one, two, same: bool, hint: str) -> None:
    equal = one[1] == two[1] and (not same or hash(one[1]) == hash(two[1]))
    check.true(
        bool(equal) == same,
        shown=f"{one[0]}\nand {two[0]}",
        said="give different keys for one call" if same else "give the same key",
        hint=hint,
    )


bind = "bind the arguments to the signature, apply the defaults"
for args, kwargs in (((1, 2), {}), ((), {"b": 2, "a": 1}), ((), {"a": 1, "b": 2})):
    judge(key_of(plain, 1, b=2), key_of(plain, *args, **kwargs), True, bind)
judge(key_of(plain, 1), key_of(plain, 1, 2), True, "a default is an argument too")
judge(key_of(plain, 1), key_of(plain, 1, 3), False, "a default is an argument too")
judge(key_of(plain, 1, 2), key_of(plain, 2, 1), False, "each argument has its place")
judge(key_of(mixed, 1, 2), key_of(mixed, 1, b=2, c=3), True, bind)
apart = "keep *args and **kwargs apart: one is a tuple, the other a dict"
judge(key_of(mixed, 1, 2, ("x", 3)), key_of(mixed, 1, 2, x=3), False, apart)
judge(key_of(mixed, 1, 2, "x", 3), key_of(mixed, 1, 2, x=3), False, apart)
judge(key_of(mixed, 1, 2, x=3, y=4), key_of(mixed, 1, 2, y=4, x=3), True, apart)
judge(key_of(mixed, 1, 2, x=3), key_of(mixed, 1, 2, x=4), False, "keep the values")
judge(key_of(mixed, 1, 2, x=3), key_of(mixed, 1, 2, y=3), False, "keep the names")
judge(key_of(mixed, 1, 2, 3), key_of(mixed, 1, 2, c=3), False, apart)
judge(key_of(mixed, 1, 2, a=5), key_of(mixed, 5, 2, a=1), False, apart)
mine = "the function itself is part of the key, not its name"
judge(key_of(plain, 1), key_of(make_twin(), 1), False, mine)
judge(key_of(Shape().area), key_of(Shape().area), False, mine)
shape = Shape()
judge(key_of(shape.area), key_of(shape.area, scale=1), True, bind)
judge(key_of(Shape.area, shape), key_of(Shape.area, shape, 1), True, bind)
shown = "cache_key for the call plain(), which lacks an argument"
check.raises(cache_key, TypeError, plain, (), {}, shown=shown)


# %% [grade] e2.values
def take(value=None, *rest):
    pass


class Twin:
    """Prints like its siblings, and is equal to none of them."""

    def __repr__(self):
        return "Twin()"


class Money:
    """Equal by its amount."""

    def __init__(self, amount):
        self.amount = amount

    def __eq__(self, other):
        return isinstance(other, Money) and self.amount == other.amount

    def __hash__(self):
        return hash(self.amount)

    def __repr__(self):
        return f"Money at {id(self)}"


def key_for(value):
    shown = f"cache_key for the call take({value!r})"
    return check.call(cache_key, take, (value,), {}, shown=shown[:120])


def judge(one, two, same: bool, hint: str) -> None:
    left, right = key_for(one), key_for(two)
    equal = left == right and (not same or hash(left) == hash(right))
    check.true(
        bool(equal) == same,
        shown=f"cache_key for take({one!r:.90}) and for take({two!r:.90})",
        said="gives different keys for equal arguments" if same else "is the same key",
        hint=hint,
    )


tag = "put the type beside the twin, and go on with what the container holds"
equal_pairs = [
    ([1, [2, 3]], [1, [2, 3]]),
    ({"b": [2], "a": 1}, {"a": 1, "b": [2]}),
    ({"x": {"p": 1, "q": 2}}, {"x": {"q": 2, "p": 1}}),
    ({1, "x", (2, 3), None}, {None, (2, 3), "x", 1}),
    (frozenset({1, "x"}), frozenset({"x", 1})),
    (bytearray(b"ab"), bytearray(b"ab")),
    ({1: "a", "1": "b"}, {"1": "b", 1: "a"}),
    (float("nan"), float("nan")),
    ([float("nan"), 1], [-float("nan"), 1]),
    (np.arange(6).reshape(2, 3), np.arange(6).reshape(2, 3)),
    (np.arange(6)[::2], np.array([0, 2, 4])),
    (np.array([[], [1]], dtype=object), np.array([[], [1]], dtype=object)),
    (Money(5), Money(5)),
    ((), ()),
    (1, 1.0),
]
for one, two in equal_pairs:
    judge(one, two, True, tag)
near, far = np.zeros(2000), np.zeros(2000)
far[1000] = 1e-300
different_pairs = [
    (1, "1"),
    ("1", b"1"),
    (None, "None"),
    ([1], (1,)),
    ((1,), 1),
    ([1], {1}),
    ([1], [[1]]),
    ([1, 2], [2, 1]),
    ([[1], 2], [[1, 2]]),
    ([], ()),
    ({}, set()),
    ({1}, frozenset({1})),
    (b"ab", bytearray(b"ab")),
    ({"a": 1}, [("a", 1)]),
    ({"a": 1}, ("a", 1)),
    ({"a": 1}, {"a": 2}),
    ({"a": 1}, {"b": 1}),
    ({"a": [1]}, {"a": (1,)}),
    ({1: 2}, {"1": 2}),
    ({"a": "b"}, {"b": "a"}),
    ({"a", "b"}, {"a"}),
    ("a, b", ("a", "b")),
    (float("nan"), "nan"),
    (float("nan"), None),
    (bytearray(b"ab"), bytearray(b"cd")),
    (float("nan"), 1.0),
    (Twin(), Twin()),
    (Money(5), Money(6)),
    (near, far),
    (np.zeros(4), np.zeros((2, 2))),
    (np.zeros(2), np.zeros(2, dtype=np.float32)),
    (np.zeros(1), np.zeros(1, dtype=np.int64)),
    (np.zeros(2), [0.0, 0.0]),
    (np.array([b"a", [1]], dtype=object), np.array([b"a", [2]], dtype=object)),
]
for one, two in different_pairs:
    judge(one, two, False, tag)
changing = [1, 2]
before = key_for(changing)
changing.append(3)
check.true(
    before == key_for([1, 2]),
    shown="the key of take([1, 2]), after the list was changed",
    said="has changed with it",
    hint="the key must not hold the list itself, nor its id",
)
shown = "cache_key for take(1, [2], 3) and take(1, (2,), 3)"
ones = [check.call(cache_key, take, (1, two, 3), {}) for two in ([2], (2,))]
check.true(ones[0] != ones[1], shown=shown, said="is the same key", hint=tag)


# %% [grade] e2.typed
def look(value, *rest):
    pass


def judge(one, two, same: bool, **options) -> None:
    words = ", ".join(f"{name}={value}" for name, value in options.items())
    left, right = (
        check.call(cache_key, look, (value,), {}, **options) for value in (one, two)
    )
    check.true(
        bool(left == right) == same,
        shown=f"cache_key for look({one!r}) and look({two!r}), {words or 'untyped'}",
        said="gives different keys" if same else "gives the same key",
        hint="typed: put the type beside every value; not strict: one tag for both",
    )


for one, two in ((1, True), (1, 1.0), ([1], [True]), ({"a": 0}, {"a": False})):
    judge(one, two, True)
    judge(one, two, False, typed=True)
    judge(one, one, True, typed=True)
for one, two in (({1: "x"}, {True: "x"}), ({1, 2}, {1.0, 2}), ((1, (2,)), (1, (2.0,)))):
    judge(one, two, True)
    judge(one, two, False, typed=True)
judge(float("nan"), float("nan"), True, typed=True)
for one, two in (([1], (1,)), ([1, [2]], (1, (2,))), ({"a": [1]}, {"a": (1,)})):
    judge(one, two, False)
    judge(one, two, True, strict=False)
judge([1], {1}, False, strict=False)
judge([1], [[1]], False, strict=False)
judge((1, 2), (2, 1), False, strict=False)
judge([1], (1.0,), True, strict=False)
judge([1], (1.0,), False, strict=False, typed=True)
judge([1], (1,), True, strict=False, typed=True)


# %% [grade] e2.refused
def hold(value, *rest):
    pass


class Unhashable:
    __hash__ = None

    def __repr__(self):
        return "Unhashable()"


itself = [1]
itself.append(itself)
deep = {"a": [{"b": ()}]}
deep["a"][0]["b"] = (deep,)
for name, value in (("a list that holds itself", itself), ("a dict in itself", deep)):
    check.raises(
        cache_key,
        ValueError,
        hold,
        (value,),
        {},
        shown=f"cache_key for hold({name})",
        hint="remember the ids of the containers that you are inside of",
    )
shared = [1]
for value in ([shared, shared], {"a": shared, "b": [shared]}, (shared, [shared])):
    key = check.call(cache_key, hold, (value, shared), {})
    check.true(
        key == cache_key(hold, (value, [1]), {}),
        shown=f"cache_key for hold({value!r}, [1])",
        said="depends on whether two equal lists are one",
        hint="one list twice, side by side, is no cycle: forget its id when you leave",
    )
for value in (Unhashable(), [Unhashable()], {"a": (1, {2: Unhashable()})}):
    check.raises(
        cache_key,
        TypeError,
        hold,
        (value,),
        {},
        shown=f"cache_key for hold({value!r})",
        hint="what is no known container must have a hash: ask hash(value)",
    )
key = check.call(cache_key, hold, ([{"a": {1, 2}}, bytearray(b"x"), np.ones(2)],), {})
check.true(
    isinstance(hash(key), int),
    shown="hash(cache_key for hold([{'a': {1, 2}}, bytearray(b'x'), array]))",
    said="is not an int",
)

# %% [grade] e3.values


def constant(result, log: list):
    def returns(n):
        log.append(n)
        return result

    return returns


for result in (None, False, 0, "", []):
    runs = []
    remembered = check.call(memoize)(constant(result, runs))
    for _ in range(2):
        got = remembered(1)
        check.equal(got, result, shown=f"a memoized function that returns {result!r}")
    check.equal(
        len(runs),
        1,
        shown=f"runs for two calls, where the result is {result!r}",
        hint="mark 'nothing found' with an object of your own",
    )

runs = []


def fragile(n):
    runs.append(n)
    if len(runs) < 3:
        raise LookupError(f"attempt {len(runs)}")
    return n


patient = check.call(memoize)(fragile)
for attempt in (1, 2):
    shown = f"call {attempt} of a function that fails twice"
    found = check.raises(
        patient, LookupError, 5, shown=shown, hint="an exception is raised, never kept"
    )
    check.equal(str(found), f"attempt {attempt}", shown=shown)
check.equal(patient(5), 5, shown="call 3 of a function that fails twice")
check.equal((patient(5), len(runs)), (5, 3), shown="call 4, and the runs by then")

runs = []


@memoize(1000)
def fib(n):
    runs.append(n)
    return n if n < 2 else fib(n - 1) + fib(n - 2)


held = "a function may call itself: never hold the lock while it runs"
got = check.within(fib, 60, seconds=1, shown="a memoized recursive fib(60)", hint=held)
check.equal(got, 1548008755920, shown="a memoized recursive fib(60)")
check.equal(len(runs), 61, shown="runs of a memoized recursive fib(60)")

runs = []


def drain(items):
    runs.append(list(items))
    return [items.pop() for _ in range(len(items))]


draining = check.call(memoize)(drain)
once = "make the key once, before the call: the function may change its arguments"
check.equal(draining([1, 2]), [2, 1], shown="a function that empties its list, [1, 2]")
check.equal(draining([1, 2]), [2, 1], shown="the same call again", hint=once)
check.equal(runs, [[1, 2]], shown="runs of it, for two equal calls", hint=once)
check.equal(draining([]), [], shown="the same function with []", hint=once)

both = check.call(memoize, 10, shown="memoize(10)")
one, two = both(lambda n: n + 1), both(lambda n: n + 2)
shown = "two functions decorated by one memoize(10)"
own = "make the cache inside the decorator, once for each function"
check.equal((one(1), two(1), one(1)), (2, 3, 2), shown=shown, hint=own)
check.equal(tuple(one.cache_info())[:2], (1, 1), shown=f"cache_info() of {shown}")
check.equal(tuple(two.cache_info())[:2], (0, 1), shown=f"cache_info() of {shown}")


class Circle:
    def __init__(self, radius):
        self.radius = radius

    @memoize(10)
    def area(self, pi=3):
        return pi * self.radius**2


small, large = Circle(1), Circle(2)
got = (small.area(), large.area(), small.area(pi=3), large.area(4))
check.equal(got, (3, 12, 3, 16), shown="a memoized method of two objects")

# %% [grade] e3.info
import gc
import weakref

runs = []


def note(n, more=0):
    """Note a call."""
    runs.append(n)
    return n


noted = check.call(memoize, 3, shown="memoize(3)")(note)
for n in (1, 2, 3, 1, 4, 1, 2):
    noted(n)
shown = "cache_info() at capacity 3, after calls of 1, 2, 3, 1, 4, 1, 2"
check.equal(runs, [1, 2, 3, 4, 2], shown="runs for 1, 2, 3, 1, 4, 1, 2 at capacity 3")
check.equal(tuple(noted.cache_info()), (2, 5, 3, 3), shown=shown)
info = noted.cache_info()
named = (info.hits, info.misses, info.capacity, info.size)
check.equal(named, (2, 5, 3, 3), shown=f"the fields of {shown}")
noted(1, more=0)
check.equal(noted.cache_info().hits, 3, shown="hits after the call note(1, more=0)")
noted.cache_clear()
check.equal(tuple(noted.cache_info()), (0, 0, 3, 0), shown="cache_info() once cleared")
noted(1)
check.equal(runs[-1], 1, shown="the last run, after cache_clear() and a call of 1")
check.equal(tuple(noted.cache_info()), (0, 1, 3, 1), shown="cache_info() after it")

check.true(
    noted.__wrapped__ is note and noted.__name__ == "note",
    shown="__wrapped__ and __name__ of a memoized function",
    said="are not those of the function",
    hint="functools.wraps(func) copies them",
)

everything = check.call(memoize, None, shown="memoize(None)")(note)
runs.clear()
for n in (*range(300), *range(300)):
    everything(n)
shown = "memoize(None), after 300 keys twice"
check.equal(len(runs), 300, shown=f"runs of {shown}")
check.equal(tuple(everything.cache_info()), (300, 300, None, 300), shown=shown)

standard = check.call(memoize, shown="memoize()")(note)
for n in range(130):
    standard(n)
check.equal(
    tuple(standard.cache_info()), (0, 130, 128, 128), shown="memoize(), 130 keys"
)

nothing = check.call(memoize, 0, shown="memoize(0)")(note)
got = [nothing(1), nothing(1), tuple(nothing.cache_info())]
check.equal(got, [1, 1, (0, 2, 0, 0)], shown="memoize(0), called with 1 twice")

loose = check.call(memoize)(note)
exact = check.call(memoize, 9, typed=True, shown="memoize(9, typed=True)")(note)
for n in (1, True, 1.0, 1):
    loose(n)
    exact(n)
check.equal(loose.cache_info().misses, 1, shown="misses for 1, True, 1.0, 1")
check.equal(exact.cache_info().misses, 3, shown="misses for them with typed=True")


def broken(n):
    raise LookupError(n)


failing = check.call(memoize)(broken)
for _ in range(3):
    check.raises(failing, LookupError, 1, shown="a memoized function that fails")
shown = "cache_info() after three calls that failed"
check.equal(tuple(failing.cache_info()), (0, 3, 128, 0), shown=shown)


class Owner:
    @memoize(10)
    def work(self, n):
        return n


owner = Owner()
owner.work(1)
watched = weakref.ref(owner)
Owner.work.cache_clear()
del owner
gc.collect()
check.true(
    watched() is None,
    shown="an object whose memoized method was called, after cache_clear()",
    said="is still alive",
    hint="cache_clear() must let go of every key and every result",
)

# %% [grade] e3.outside
import threading


def in_threads(work: list, seconds: float = 2.0) -> list:
    """Return what each call of `work` returned or raised; None where it hangs."""
    found = [None] * len(work)

    def run(number: int) -> None:
        try:
            found[number] = work[number]()
        except Exception as error:
            found[number] = error

    crowd = [
        threading.Thread(target=run, args=(number,), daemon=True)
        for number in range(len(work))
    ]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join(seconds)
    return found


meeting = threading.Barrier(2, timeout=1.5)


def meet(n):
    meeting.wait()
    return n


together = check.call(memoize)(meet)
got = in_threads([lambda: together(1), lambda: together(2)])
check.equal(
    got,
    [1, 2],
    shown="two threads that must be inside the function together, keys 1 and 2",
    hint="call the function with the lock free",
)

busy = threading.Event()
release = threading.Event()


def slow(n):
    if n == "slow":
        busy.set()
        release.wait(3)
    return n


mixture = check.call(memoize)(slow)
mixture("known")
waiting = threading.Thread(target=mixture, args=("slow",), daemon=True)
waiting.start()
busy.wait(2)
shown = "a hit, and cache_info(), while another thread computes"
got = in_threads([lambda: mixture("known"), lambda: tuple(mixture.cache_info())[2]])
release.set()
waiting.join(2)
check.equal(
    got, ["known", 128], shown=shown, hint="hold the lock only to look and store"
)

rng = check.rng()
small = check.call(memoize, 5, shown="memoize(5)")(lambda n: -n)
keys = rng.integers(12, size=(8, 150)).tolist()
got = in_threads([lambda row=row: [small(n) for n in row] for row in keys], 5.0)
want = [[-n for n in row] for row in keys]
shown = "eight threads that call a function with capacity 5"
check.equal(got, want, shown=shown, hint="every look at the cache needs the lock")
info = small.cache_info()
check.equal((info.hits + info.misses, info.size), (1200, 5), shown=f"{shown}: counts")

# %% [grade] e3.flight
import threading
import time


class Crowd:
    """Threads that call a function at once, and a gate inside of it."""

    def __init__(self) -> None:
        self.gate, self.entered = threading.Event(), threading.Event()
        self.runs, self.error = [], None

    def function(self, n):
        self.runs.append(n)
        self.entered.set()
        self.gate.wait(5)
        if self.error is not None:
            raise self.error
        return n * 10

    def ask(self, function, calls: list) -> list:
        found = ["hangs"] * len(calls)

        def run(number: int) -> None:
            try:
                found[number] = function(*calls[number])
            except Exception as error:
                found[number] = type(error).__name__

        crowd = [
            threading.Thread(target=run, args=(number,), daemon=True)
            for number in range(len(calls))
        ]
        crowd[0].start()
        self.entered.wait(2)
        for thread in crowd[1:]:
            thread.start()
        crowd[-1].join(0.05)
        self.gate.set()
        end = time.monotonic() + 3
        for thread in crowd:
            thread.join(max(0.01, end - time.monotonic()))
        return list(found)


crowd = Crowd()
shared = check.call(memoize)(crowd.function)
got = crowd.ask(shared, [(4,)] * 16)
shown = "sixteen threads that ask for one key"
flight = "note under the lock that the key is being computed; the others wait for that"
check.equal(got, [40] * 16, shown=shown, hint=flight)
check.equal(len(crowd.runs), 1, shown=f"runs for {shown}", hint=flight)
check.equal(tuple(shared.cache_info())[:2], (15, 1), shown=f"hits, misses: {shown}")

crowd = Crowd()
unkept = check.call(memoize, 0, shown="memoize(0)")(crowd.function)
check.equal(crowd.ask(unkept, [(4,)] * 4), [40] * 4, shown="four threads, capacity 0")

crowd = Crowd()
crowd.error = LookupError("no")
failing = check.call(memoize)(crowd.function)
got = crowd.ask(failing, [(4,)] * 4)
answer = "whatever happens, answer the note and remove it"
shown = "four threads, where the first computation fails"
check.equal(got, ["LookupError"] * 4, shown=shown, hint=answer)
before, crowd.error = len(crowd.runs), None
shown = f"one more call, which succeeds: {shown}"
got = check.within(failing, 4, shown=shown, hint=answer)
check.equal((got, len(crowd.runs)), (40, before + 1), shown=shown, hint=answer)

crowd = Crowd()
crowd.gate.set()
interrupted = check.call(memoize)(crowd.function)
for stop in (KeyboardInterrupt, SystemExit):
    crowd.error, came = stop(), ""
    try:
        interrupted(4)
    except (KeyboardInterrupt, SystemExit) as error:
        came = type(error).__name__
    shown = f"a call that was ended by {stop.__name__}"
    check.equal(came, stop.__name__, shown=shown, hint="raise it again")
crowd.error = None
shown = "a call in another thread, after one was interrupted"
got = check.within(interrupted, 4, shown=shown, hint=answer)
check.equal(got, 40, shown=shown, hint=answer)

runs = []
counted = check.call(memoize, 1, shown="memoize(1)")(lambda n: runs.append(n) or n)
for what in ("cache_clear()", "another key took its place"):
    counted(1)
    counted.cache_clear() if "clear" in what else counted(2)
    runs.clear()
    shown = f"a key asked for by another thread, after {what}"
    check.case(counted, 1, want=1, shown=shown)
    check.within(counted, 3, shown="another key, in another thread", seconds=2)
    runs.clear()
    check.within(counted, 1, shown=shown, seconds=2)
    check.equal(runs, [1], shown=f"runs for {shown}", hint=answer)

depth = []


def meets_itself(n):
    depth.append(n)
    return len(depth) if len(depth) > 1 else again(n)


again = check.call(memoize)(meets_itself)
got = check.within(
    again,
    1,
    seconds=2,
    shown="a function that, once, calls itself with the same argument",
    hint="write down whose note it is: a thread never waits for its own",
)
check.equal((got, len(depth)), (2, 2), shown="its result, and its runs")

# %% [grade] e4.round
rng = check.rng()
odd = [
    "",
    "\n",
    "a\nb",
    "ü",
    "\x00",
    '"',
    "'",
    "\\",
    "日本",
    "[1, 2]",
    "LRUS",
    "a" * 500,
]
many = [(f"key {n}", str(n)) for n in rng.permutation(2000).tolist()]
states = [
    (3, [("b", "2"), ("a", "1")]),
    (0, []),
    (1, []),
    (99, [(text, text[::-1]) for text in odd]),
    (5000, many),
]
for capacity, items in states:
    disk = storage.CrashDisk()
    shown = f"save_snapshot({capacity=}, {len(items)} entries), then load_snapshot"
    check.call(
        save_snapshot,
        "box/state",
        capacity,
        items,
        fs=disk,
        none_ok=True,
        shown=shown,
    )
    got = check.call(load_snapshot, "box/state", fs=disk, shown=shown)
    check.equal(got, (capacity, items), shown=shown, hint="order and capacity count")
    for other in (0, 1, len(items), len(items) + 1, max(0, len(items) - 1)):
        check.case(
            load_snapshot,
            "box/state",
            capacity=other,
            fs=disk,
            want=(other, items[-other:] if other else []),
            shown=f"{shown} with capacity={other}",
            hint="a smaller capacity keeps the freshest, which stand last",
        )

check.raises(
    load_snapshot,
    FileNotFoundError,
    "box/none",
    fs=storage.CrashDisk(),
    shown="load_snapshot of a file that does not exist",
    hint="let FileNotFoundError through",
)
for path in ("state", "deep/er/state"):
    disk = storage.CrashDisk()
    shown = f"save_snapshot({path!r}, …) twice, then load_snapshot"
    for items in ([("a", "1")], [("b", "2")]):
        check.call(save_snapshot, path, 2, items, fs=disk, none_ok=True, shown=shown)
    check.case(load_snapshot, path, fs=disk, want=(2, [("b", "2")]), shown=shown)

# %% [grade] e4.crash
import itertools

rng = check.rng()
PATH = "box/state"
states = [
    (
        int(rng.integers(40, 50)),
        [(f"k{n}", str(rng.integers(1e6))) for n in range(size)],
    )
    for size in (3, 5, 2, 40)
]


def loaded(files: dict) -> object:
    try:
        return load_snapshot(PATH, fs=storage.CrashDisk(files))
    except FileNotFoundError:
        return "no file"
    except storage.CorruptSnapshot:
        return "a corrupt snapshot"


def hint_for(found: object, after_return: bool) -> str:
    if after_return and found != "a corrupt snapshot":
        return "the new name is not durable: sync the folder after replace"
    return (
        "write to path + '.tmp', flush and fsync it, and only then replace the old file"
    )


def crash_everywhere(disk, allowed: list, new: tuple, what: str) -> None:
    shown = f"save_snapshot({PATH!r}, …) {what}"
    check.call(save_snapshot, PATH, *new, fs=disk, none_ok=True, shown=shown)
    check.case(load_snapshot, PATH, fs=disk, want=new, shown=f"{shown}, then a load")
    seen = {}
    last = disk.operation_count()
    for crash in disk.crashes():
        content = tuple(sorted(crash.files.items()))
        if content not in seen:
            seen[content] = loaded(crash.files)
        found = seen[content]
        good = [new] if crash.done == last else [*allowed, new]
        wanted = "the new state" if crash.done == last else "the old state or the new"
        words = found if isinstance(found, str) else f"{len(found[1])} entries"
        if found in allowed and not isinstance(found, str):
            words = "the old state"
        check.true(
            found in good,
            shown=f"{shown}: {crash}",
            said=f"load_snapshot finds {words}, expected {wanted}",
            hint=hint_for(found, crash.done == last),
        )


crash_everywhere(storage.CrashDisk(), ["no file"], states[0], "where nothing was")
disk = storage.CrashDisk()
for old, new in itertools.pairwise(states):
    start = storage.CrashDisk(disk.files())
    save_snapshot(PATH, *old, fs=start)
    crash_everywhere(start.copy(), [old], new, "over an older one")
    junk = {PATH + ".tmp": b"left by an earlier crash" * 50}
    littered = storage.CrashDisk({**start.files(), **junk})
    crash_everywhere(littered, [old], new, "beside the remains of a crash")

# %% [grade] e4.corrupt
import pickle
import struct
import zlib

head, magic_word = struct.Struct(">4sBQI"), b"LRUS"

PATH = "box/state"
state = (7, [("a", "1"), ("ü", "2\n"), ("c", "")])
disk = storage.CrashDisk()
check.call(
    save_snapshot,
    PATH,
    *state,
    fs=disk,
    none_ok=True,
    shown="save_snapshot('box/state', 7, [a, ü, c])",
)
good = disk.read_bytes(PATH)
check.case(load_snapshot, PATH, fs=disk, want=state, shown="load_snapshot of it")
shown = "the header of the saved file: magic, version, length, CRC-32"
length, crc = len(good) - head.size, zlib.crc32(good[head.size :])
check.equal(head.unpack(good[: head.size]), (magic_word, 1, length, crc), shown=shown)


def refused(data: bytes, shown: str, hint: str) -> None:
    spoilt = storage.CrashDisk({PATH: data})
    try:
        found = load_snapshot(PATH, fs=spoilt)
    except storage.CorruptSnapshot:
        said = ""
    except Exception as error:
        said = f"raised {type(error).__name__}, expected CorruptSnapshot"
    else:
        said = "" if found == state else "was loaded, expected CorruptSnapshot"
    check.true(not said, shown=shown, said=said, hint=hint)


compare = "compare magic, version, length and checksum before you decode the body"
rng = check.rng()
for at in range(len(good)):
    for change in {1, 128, int(rng.integers(1, 256))}:
        spoilt = bytearray(good)
        spoilt[at] ^= change
        shown = f"load_snapshot of a file whose byte {at} was changed"
        refused(bytes(spoilt), shown, compare)
for size in range(len(good)):
    refused(good[:size], f"load_snapshot of the first {size} bytes of a file", compare)
for junk in (b"\n", b"\0" * 9, good, b"]"):
    refused(good + junk, "load_snapshot of a file with bytes behind it", compare)
for size in (0, 4, head.size, 100):
    refused(bytes(size), f"load_snapshot of {size} zero bytes", compare)
refused(rng.bytes(80), "load_snapshot of 80 random bytes", compare)


def packed_as(body: bytes, magic: bytes = magic_word, version: int = 1) -> bytes:
    return head.pack(magic, version, len(body), zlib.crc32(body)) + body


body = good[head.size :]
for version in (0, 2, 255):
    data = packed_as(body, version=version)
    spoilt = storage.CrashDisk({PATH: data})
    check.raises(
        load_snapshot,
        storage.CorruptSnapshot,
        PATH,
        fs=spoilt,
        shown=f"load_snapshot of a file of version {version}, with a right checksum",
        hint="a version that you do not know, you cannot read",
    )
check.raises(
    load_snapshot,
    storage.CorruptSnapshot,
    PATH,
    fs=storage.CrashDisk({PATH: packed_as(body, magic=b"LRUX")}),
    shown="load_snapshot of a file with another magic word",
    hint=compare,
)


class Bomb:
    """What an attacker would pickle: code that runs when it is loaded."""

    def __reduce__(self):
        return eval, ("(2, [('a', 'b')])",)


lies = {
    "that is no text": b"\xff\xfe\x00",
    "that is cut": body[:-1],
    "that is empty": b"",
    "null": b"null",
    "of a number": b"7",
    "of another shape": b'{"a": 1, "b": 2}',
    "whose capacity is a word": b'["x", []]',
    "whose entries are numbers": b"[2, [1, 2]]",
    "of Python code": b"(2, [('a', 'b')])",
    "of Python code that counts": b"[1 + 1, [('a', 'b' * 2)]]",
    "of a pickle that runs code": pickle.dumps(Bomb()),
}
for name, lie in lies.items():
    check.raises(
        load_snapshot,
        storage.CorruptSnapshot,
        PATH,
        fs=storage.CrashDisk({PATH: packed_as(lie)}),
        shown=f"load_snapshot of a file with a body {name}, and a right checksum",
        hint="turn every error of decoding into CorruptSnapshot; execute nothing",
    )

# %% [grade] e4.tidy
import pathlib
import tempfile

PATH = "box/state"
old, new = (2, [("a", "1")]), (3, [("b", "2"), ("c", "3")])
start = storage.CrashDisk()
check.call(
    save_snapshot, PATH, *old, fs=start, none_ok=True, shown="save_snapshot(PATH, …)"
)
check.equal(start.listdir("box"), ["state"], shown="the folder after save_snapshot")

recorded = start.copy()
save_snapshot(PATH, *new, fs=recorded)
count = recorded.operation_count()
for number, words in enumerate(recorded.operations):
    full = storage.CrashDisk(start.files(), fail_at=number)
    shown = f"save_snapshot where operation {number + 1}, {words}, fails with ENOSPC"
    check.raises(
        save_snapshot,
        OSError,
        PATH,
        *new,
        fs=full,
        shown=shown,
        hint="let the error through when you have cleaned up",
    )
    check.equal(
        full.listdir("box"),
        ["state"],
        shown=f"the folder after {shown}",
        hint="remove the temporary file when anything fails, then raise",
    )
    check.true(
        load_snapshot(PATH, fs=full) in (old, new),
        shown=f"load_snapshot after {shown}",
        said="finds neither the old state nor the new",
        hint="touch the old file only once, with replace",
    )
for crash in recorded.crashes():
    after = storage.CrashDisk(crash.files)
    shown = f"save_snapshot again, after a {crash}"
    check.call(save_snapshot, PATH, *new, fs=after, none_ok=True, shown=shown)
    check.equal(
        after.listdir("box"),
        ["state"],
        shown=f"the folder after {shown}",
        hint="a fixed name, path + '.tmp', is written over by the next save",
    )
check.true(count > 0, shown="save_snapshot(PATH, …)", said="does nothing with fs")

with tempfile.TemporaryDirectory() as folder:
    path = str(pathlib.Path(folder, "state"))
    shown = "save_snapshot and load_snapshot in a real folder"
    items = [("b", "2"), ("a", "1")]
    for _ in range(2):
        check.call(save_snapshot, path, 2, items, none_ok=True, shown=shown)
    check.case(load_snapshot, path, want=(2, items), shown=shown)
    left = [file.name for file in pathlib.Path(folder).iterdir()]
    check.equal(left, ["state"], shown="the real folder afterwards")


# %% [grade] e5.replay
def by_list(capacity: int, operations: list) -> list:
    """Return (result, entries) after each operation, by a plain list."""
    entries, found = [], []
    for verb, key, value in operations:
        old = [pair for pair in entries if pair[0] == key]
        rest = [pair for pair in entries if pair[0] != key]
        gives = None
        if verb == "put":
            entries = [*rest, (key, value)][max(0, len(rest) + 1 - capacity) :]
        elif old:
            gives, entries = old[0][1], rest + old
        found.append((gives, list(entries)))
    return found


def history(rng, length: int, keys: list) -> list:
    verbs = rng.choice(["put", "get"], length, p=[0.45, 0.55])
    return [
        (str(verb), keys[int(rng.integers(len(keys)))], str(rng.integers(100)))
        for verb in verbs
    ]


def act(cache, operation: tuple) -> object:
    verb, key, value = operation
    return cache.put(key, value) if verb == "put" else cache.get(key)


PATH = "box/log"
rng = check.rng()
odd = ["", "\n", "a\nb", "ü", "日本", '"', "\\", "\x00", "P", " ", "a b", "[1]"]
for capacity, keys in ((1, odd[:3]), (3, list("abcde")), (6, odd), (0, ["a", "b"])):
    disk = storage.CrashDisk()
    operations = history(rng, 100, keys)
    want = by_list(capacity, operations)
    shown = f"JournaledLRU(path, {capacity})"
    cache = check.call(JournaledLRU, PATH, capacity, fs=disk, shown=shown)
    for number, operation in enumerate(operations):
        named = f"operation {number}, {operation[0]} {operation[1]!r}, on {shown}"
        check.equal(act(cache, operation), want[number][0], shown=named)
        if number % 25 == 12:  # the process dies: only what was flushed is left
            disk = storage.CrashDisk(disk.files())
            again = f"{shown} opened again, after the process died at {named}"
            cache = check.call(JournaledLRU, PATH, capacity, fs=disk, shown=again)
            check.equal(
                list(cache.items()),
                want[number][1],
                shown=again,
                hint="flush each record, hits too; replay them in their order",
            )
    cache.close()
    again = f"{shown} opened again, after close()"
    cache = check.call(JournaledLRU, PATH, capacity, fs=disk, shown=again)
    check.equal(list(cache.items()), want[-1][1], shown=again)
    check.equal(cache.get("no such key", "none"), "none", shown="get of no key")

for _ in range(8):
    operations = history(rng, 25, list("abcdefg"))
    disk = storage.CrashDisk()
    cache = check.call(JournaledLRU, PATH, 5, fs=disk, shown="JournaledLRU(path, 5)")
    for operation in operations:
        act(cache, operation)
    cache.close()
    held = by_list(5, operations)[-1][1]
    for other in (0, 1, 2, 4, 5):
        shown = f"a log of JournaledLRU(path, 5), opened with capacity {other}"
        again = check.copied(storage.CrashDisk(disk.files()))
        cache = check.call(JournaledLRU, PATH, other, fs=again, shown=shown)
        check.equal(
            list(cache.items()),
            held[len(held) - other :] if other < len(held) else held,
            shown=shown,
            hint="replay with all the room you need, then keep the freshest",
        )
    shown = "a log of JournaledLRU(path, 5), opened with capacity 9"
    cache = check.call(
        JournaledLRU, PATH, 9, fs=storage.CrashDisk(disk.files()), shown=shown
    )
    got = list(cache.items())
    check.equal(got[len(got) - len(held) :], held, shown=f"{shown}: the freshest")


# %% [grade] e5.torn
def states_of(capacity: int, operations: list) -> list:
    """Return the entries before and after each operation, by a plain list."""
    entries, found = [], [[]]
    for verb, key, value in operations:
        old = [pair for pair in entries if pair[0] == key]
        rest = [pair for pair in entries if pair[0] != key]
        if verb == "put":
            entries = [*rest, (key, value)][max(0, len(rest) + 1 - capacity) :]
        else:
            entries = rest + old
        found.append(list(entries))
    return found


PATH = "box/log"
rng = check.rng()
operations = [("put", key, key * 3) for key in "abc"] + [
    (str(verb), str(key), str(rng.integers(10**6)))
    for verb, key in zip(
        rng.choice(["put", "get"], 9), rng.choice(list("abcd\n"), 9), strict=True
    )
]
states = states_of(3, operations)
disk = storage.CrashDisk()
cache = check.call(JournaledLRU, PATH, 3, fs=disk, shown="JournaledLRU(path, 3)")
sizes, first = [disk.size(PATH)], 0
for number, (verb, key, value) in enumerate(operations, 1):
    before = len(disk.operations)
    cache.put(key, value) if verb == "put" else cache.get(key)
    sizes.append(disk.size(PATH))
    if any("replace" in words for words in disk.operations[before:]):
        first = number  # compacted: what stands before is no history
log = disk.read_bytes(PATH)


def opened(data: bytes, shown: str):
    spoilt = storage.CrashDisk({PATH: data})
    return spoilt, check.call(JournaledLRU, PATH, 3, fs=spoilt, shown=shown)


def entries_in(data: bytes, shown: str) -> list:
    spoilt = check.copied(storage.CrashDisk({PATH: data}))
    cache = check.call(JournaledLRU, PATH, 3, fs=spoilt, shown=shown)
    return list(cache.items())


prefix = "stop at the first record that is not whole: too short, or a wrong checksum"
for cut in range(sizes[first], len(log) + 1):
    whole = max(number for number in range(first, len(sizes)) if sizes[number] <= cut)
    shown = f"JournaledLRU of a log of {len(log)} bytes that was cut at byte {cut}"
    got = entries_in(log[:cut], shown)
    check.true(
        got in states[whole : whole + 2],
        shown=shown,
        said=f"holds {got}, expected {states[whole]}, as after operation {whole}",
        hint=prefix,
    )
for at in range(sizes[first], len(log)):
    spoilt = bytearray(log)
    spoilt[at] ^= int(rng.integers(1, 256))
    shown = f"JournaledLRU of a log whose byte {at} was changed"
    got = entries_in(bytes(spoilt), shown)
    known = got in states
    said = f"holds {got}, a state that never was"
    check.true(known, shown=shown, said=said, hint=prefix)

empty = "eight zeros are a frame too: refuse an empty record"
for zeros in (1, 4, 8, 9, 16, 64):
    shown = f"JournaledLRU of a log with {zeros} zero bytes behind it"
    check.equal(
        entries_in(log + bytes(zeros), shown), states[-1], shown=shown, hint=empty
    )
for junk in (b"\n", b"[", b"\xff" * 40, log[:5], rng.bytes(30)):
    shown = f"JournaledLRU of a log with junk behind it, {junk[:8]!r}"
    check.equal(entries_in(log + junk, shown), states[-1], shown=shown, hint=prefix)

for tail in (b"", log[-3:], bytes(8), log[sizes[-2] : -1], rng.bytes(9)):
    shown = f"a log with the tail {tail[:12]!r}, opened, put('x', '1'), opened again"
    spoilt, cache = opened(log + tail, shown)
    cache.put("x", "1")
    cache.get("x")
    cache = check.call(
        JournaledLRU, PATH, 3, fs=storage.CrashDisk(spoilt.files()), shown=shown
    )
    check.equal(
        list(cache.items()),
        [*states[-1][-2:], ("x", "1")],
        shown=shown,
        hint="never append behind a torn tail: rewrite the log first",
    )


# %% [grade] e5.crash
def states_of(capacity: int, operations: list) -> list:
    """Return the entries before and after each operation, by a plain list."""
    entries, found = [], [[]]
    for verb, key, value in operations:
        old = [pair for pair in entries if pair[0] == key]
        rest = [pair for pair in entries if pair[0] != key]
        if verb == "put":
            entries = [*rest, (key, value)][max(0, len(rest) + 1 - capacity) :]
        elif verb == "get":
            entries = rest + old
        found.append(list(entries))
    return found


PATH = "box/log"
rng = check.rng()
operations = [
    (str(verb), str(key), str(rng.integers(10**4)))
    for verb, key in zip(
        rng.choice(["put", "get"], 54), rng.choice(list("abc"), 54), strict=True
    )
]
operations[12:12] = [
    *(("put", "c", "3"), ("put", "b", "2"), ("put", "a", "1"), ("compact", "", "")),
    *(("get", "c", ""), ("put", "d", "new"), ("compact", "", "")),
]
states = states_of(3, operations)
disk = storage.CrashDisk({"box/log.tmp": b"left by an earlier crash" * 9})
cache = check.call(JournaledLRU, PATH, 3, fs=disk, shown="JournaledLRU(path, 3)")
ends = [disk.operation_count()]
for verb, key, value in operations:
    if verb == "put":
        check.call(cache.put, key, value, none_ok=True, shown=f"put({key!r}, …)")
    elif verb == "get":
        cache.get(key)
    else:
        check.call(cache.compact, none_ok=True, shown="compact()")
    ends.append(disk.operation_count())
seen = {}
for crash in disk.crashes():
    finished = sum(end <= crash.done for end in ends) - 1
    done = operations[: max(finished, 0)]
    puts = [number for number, one in enumerate(done, 1) if one[0] == "put"]
    least = puts[-1] if puts else 0
    allowed = states[least : finished + 2]
    content = tuple(sorted(crash.files.items()))
    shown = f"JournaledLRU opened after {len(done)} operations and a {crash}"
    if content not in seen:
        fresh = check.copied(storage.CrashDisk(crash.files))
        reopened = check.call(JournaledLRU, PATH, 3, fs=fresh, shown=shown)
        seen[content] = list(reopened.items())
    check.true(
        seen[content] in allowed,
        shown=shown,
        said=f"holds {seen[content]}, expected one of {allowed[:3]}",
        hint="put: append, flush, fsync; compaction: a new file made durable, then "
        "replace, then sync the folder, then append to the new file",
    )

shown = "compact() twice"
check.call(cache.compact, none_ok=True, shown=shown)
once = disk.read_bytes(PATH), list(cache.items())
check.call(cache.compact, none_ok=True, shown=shown)
twice = disk.read_bytes(PATH), list(cache.items())
check.true(once == twice, shown=shown, said="changes the log or the entries again")
check.equal(once[1], states[-1], shown=f"the entries after {shown}")
check.equal(disk.listdir("box"), ["log"], shown=f"the folder after {shown}")

for key in [key for key, _ in states[-1]]:  # the stalest, each time: the order turns
    cache.get(key)
cache.get(states[-1][0][0])
held = [*states[-1][1:], states[-1][0]]
check.call(cache.close, none_ok=True, shown="close()")
check.equal(
    disk.open_files,
    0,
    shown="files still open after close()",
    hint="compaction must close the old log, and close() the last one",
)
for crash in disk.crashes(since=disk.operation_count()):
    shown = f"JournaledLRU opened after close() and a {crash}"
    fresh = check.copied(storage.CrashDisk(crash.files))
    reopened = check.call(JournaledLRU, PATH, 3, fs=fresh, shown=shown)
    hint = "close() makes the last hits durable: fsync before you close"
    check.equal(list(reopened.items()), held, shown=shown, hint=hint)


# %% [grade] e5.cost
class Meter:
    """A journaled cache on a counting disk."""

    def __init__(self, capacity: int) -> None:
        self.disk = storage.CrashDisk()
        self.cache = check.call(
            JournaledLRU,
            "box/log",
            capacity,
            fs=self.disk,
            shown=f"JournaledLRU(path, {capacity})",
        )

    def put(self, number: int) -> int:
        before = self.disk.bytes_written
        self.cache.put(f"{number:06}", "value")
        return self.disk.bytes_written - before

    def get(self, number: int) -> int:
        before = self.disk.bytes_written
        self.cache.get(f"{number:06}")
        return self.disk.bytes_written - before


rng = check.rng()
typical = {}
for entries in (20, 120):
    meter = Meter(120)
    filled = [meter.put(number) for number in range(entries)]
    hits = [meter.get(int(n)) for n in rng.integers(entries, size=40)]
    again = [meter.put(int(n)) for n in rng.integers(entries, size=40)]
    typical[entries] = sorted(hits)[20], sorted(again)[20]
shown = "bytes of a typical access at 120 entries"
one = "append one record; rewrite the log only when most of it is history"
for number, verb in enumerate(("hit", "put")):
    check.true(
        typical[20][number] > 0,
        shown=f"a {verb} in a cache of 20",
        said="writes nothing to the log",
        hint="hits belong into the log too, or the order is lost",
    )
    check.at_most(
        typical[120][number] / typical[20][number],
        1.1,
        "times the bytes at 20 entries",
        shown=f"{shown}: {verb}",
        hint=one,
    )

hit, put = typical[20]
for capacity, keys, rounds, share in (
    *((250, 250, 300, 0.9), (20, 400, 400, 0.0), (20, 20, 500, 1.0)),
    *((1, 1, 400, 0.5), (8, 8, 400, 0.5)),
):
    meter = Meter(capacity)
    records = filled = 0
    for number in range(capacity):
        meter.put(number)
    filled = capacity * put
    for n, verb in zip(
        rng.integers(keys, size=rounds), rng.random(rounds), strict=True
    ):
        if verb < share:
            meter.get(int(n))
            records += hit
        else:
            meter.put(int(n))
            records += put
    before = meter.disk.size("box/log")
    shown = f"{rounds} accesses to a cache of {capacity}, {share:.0%} of them hits"
    check.at_most(
        meter.disk.bytes_written / (filled + records),
        4,
        "times the bytes of the records alone",
        shown=shown,
        hint="compact only when the log is a multiple of what lives",
    )
    check.call(meter.cache.compact, none_ok=True, shown="compact()")
    after = meter.disk.size("box/log")
    check.at_most(
        before,
        10 * after + 4096,
        f"bytes of log, where a compacted one has {after:,}",
        shown=shown,
        hint="count the records in the log, and compare with the entries that live",
    )
    longest = capacity * put * 2
    check.at_most(after, longest, "bytes of log after compact()", shown=shown)

disk = storage.CrashDisk()
shown = "40 sessions of 20 hits each, on a cache of 5"
for _ in range(40):
    cache = check.call(JournaledLRU, "box/log", 5, fs=disk, shown=shown)
    for number in range(20):
        if cache.get(f"{number % 5}") is None:
            cache.put(f"{number % 5}", "value")
    cache.close()
longest = disk.size("box/log")
cache = check.call(JournaledLRU, "box/log", 5, fs=disk, shown=shown)
check.call(cache.compact, none_ok=True, shown="compact()")
check.at_most(
    longest,
    10 * disk.size("box/log") + 4096,
    "bytes of log",
    shown=shown,
    hint="the records that were replayed count too",
)


# %% [grade] e6.repaired
shown = "repaired(3)(f), where f(a, b=2) returns its arguments"
runs = []


def echo(a, b=2):
    runs.append((a, b))
    return a, b


def ran(calls: list, hint: str, capacity: int = 3) -> list:
    """Return for each call of a fresh repaired(capacity)(echo) how often echo ran."""
    function, found = check.call(repaired, capacity, shown=f"repaired({capacity})"), []
    function = check.call(function, echo, shown=f"repaired({capacity})(echo)")
    for args, kwargs in calls:
        before = len(runs)
        got = function(*args, **kwargs)
        want = (lambda a, b=2: (a, b))(*args, **kwargs)
        given = f"{shown}, called with {args} and {kwargs}"
        check.equal(got, want, shown=given, hint=hint)
        found.append(len(runs) - before)
    return found


def judge(calls: list, want: list, what: str, hint: str) -> None:
    check.equal(ran(calls, hint), want, shown=f"runs of echo: {what}", hint=hint)


judge(
    [((), {"a": 1, "b": 3}), ((), {"a": 1, "b": 4})],
    [1, 1],
    "keywords with different values",
    "the values of keywords belong into the key",
)
judge(
    [((1,), {}), ((1, 2), {}), ((), {"b": 2, "a": 1}), (([1],), {}), (([1],), {})],
    [1, 0, 0, 1, 0],
    "one call in three forms, then a list twice",
    "take cache_key, not text",
)


class Alike:
    def __repr__(self):
        return "Alike()"


pair = Alike(), Alike()
judge(
    [((pair[0],), {}), ((pair[1],), {})], [1, 1], "objects that print alike", "no text"
)
order = [((n,), {}) for n in (1, 2, 3, 1, 4, 1, 2)]
judge(order, [1, 1, 1, 0, 1, 0, 1], "1, 2, 3, 1, 4, 1, 2", "a hit is use")

for result in (None, 0, False):
    runs.clear()
    function = repaired(2)(lambda n, r=result: runs.append(n) or r)
    got = [function(1), function(1), function(2), function(1), len(runs)]
    shown = f"a function that returns {result!r}: results, and its runs"
    check.equal(got, [result] * 4 + [2], shown=shown, hint="a false result is one too")

runs.clear()


def fails(n):
    runs.append(n)
    raise LookupError(n)


function = repaired(2)(fails)
for number in (1, 2):
    shown = "a repaired function that raises"
    check.raises(function, LookupError, 7, shown=shown, hint="let exceptions through")
    check.equal(len(runs), number, shown=f"its runs after call {number}")

make = check.call(repaired, 3, shown="repaired(3)")
one, two = make(lambda n: n + 1), make(lambda n: n + 2)
shown = "two functions decorated by one repaired(3)"
check.equal((one(1), two(1)), (2, 3), shown=shown, hint="one cache for each function")


# %% [grade] e6.fair
import inspect
from collections import OrderedDict
from types import SimpleNamespace


def version(style: str):
    """Return a right memoize, written in some style, or one that keeps nothing."""

    def twin(value):
        if isinstance(value, (list, tuple)):
            return type(value).__name__, tuple(map(twin, value))
        if isinstance(value, dict):
            return "dict", frozenset((twin(k), twin(v)) for k, v in value.items())
        if isinstance(value, (set, frozenset)):
            return type(value).__name__, frozenset(map(twin, value))
        return ("nan",) if value != value else value

    def memoize(capacity):
        def decorate(func):
            held, counts, clock = OrderedDict(), [0, 0], iter(range(10**9))

            def wrapper(*args, **kwargs):
                bound = inspect.signature(func).bind(*args, **kwargs)
                bound.apply_defaults()
                key = tuple((name, twin(v)) for name, v in bound.arguments.items())
                found = key in held and style != "keeps nothing"
                counts[not found] += 1
                result = held[key][0] if found else func(*args, **kwargs)
                held[key] = result, next(clock)
                held.move_to_end(key)
                if len(held) > capacity and style == "by a clock":
                    del held[min(held, key=lambda one: held[one][1])]
                elif len(held) > capacity:
                    held.popitem(last=False)
                return result

            def info():
                if style == "two counts only":
                    return SimpleNamespace(hits=counts[0], misses=counts[1])
                return CacheInfo(*counts, capacity, len(held))

            def clear():
                held.clear()
                counts[:] = 0, 0

            wrapped = Remembered(wrapper) if style == "an object" else wrapper
            wrapped.cache_info, wrapped.cache_clear = info, clear
            wrapped.__wrapped__ = func
            return wrapped

        return decorate

    return memoize


class Remembered:
    """A callable object in the place of a function."""

    def __init__(self, function):
        self.function = function

    def __call__(self, *args, **kwargs):
        return self.function(*args, **kwargs)


for style in ("by an order", "by a clock", "two counts only", "an object"):
    check.call(
        test_memoize,
        version(style),
        none_ok=True,
        shown=f"test_memoize(a right version: {style})",
        hint="judge only what the tasks promise: results, runs, hits, misses, clearing",
    )
check.raises(
    test_memoize,
    Exception,
    version("keeps nothing"),
    shown="test_memoize(a version that keeps nothing)",
    hint="count how often the function runs for two equal calls",
)

# %% [grade] e6.keys
import inspect
from collections import OrderedDict

FLAWS = ("keyword values", "look-alikes", "flattened", "defaults", "lists refused")


def version(flaw: str):
    """Return a memoize whose keys have one flaw, or none."""

    def twin(value):
        if flaw == "look-alikes":
            return str(value)
        if flaw == "lists refused":
            hash(value)
        if isinstance(value, (list, tuple)):
            return type(value).__name__, tuple(map(twin, value))
        if isinstance(value, dict):
            return "dict", frozenset((twin(k), twin(v)) for k, v in value.items())
        if isinstance(value, (set, frozenset)):
            return type(value).__name__, frozenset(map(twin, value))
        return ("nan",) if value != value else value

    def key_of(func, args, kwargs):
        signature = inspect.signature(func)
        bound = signature.bind(*args, **kwargs)
        if flaw != "defaults":
            bound.apply_defaults()
        key = []
        for name, value in bound.arguments.items():
            kind = signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                pairs = sorted(value.items())
                if flaw == "keyword values":
                    pairs = [name for name, _ in pairs]
                key += map(twin, pairs) if flaw == "flattened" else [twin(tuple(pairs))]
            elif kind is inspect.Parameter.VAR_POSITIONAL and flaw == "flattened":
                key += map(twin, value)
            elif flaw == "keyword values" and name in kwargs:
                key.append(name)
            else:
                key.append(twin(value))
        return tuple(key)

    def memoize(capacity):
        def decorate(func):
            held, counts = OrderedDict(), [0, 0]

            def wrapper(*args, **kwargs):
                key = key_of(func, args, kwargs)
                found = key in held
                counts[not found] += 1
                result = held[key] if found else func(*args, **kwargs)
                held[key] = result
                held.move_to_end(key)
                if len(held) > capacity:
                    held.popitem(last=False)
                return result

            def clear():
                held.clear()
                counts[:] = 0, 0

            wrapper.cache_info = lambda: CacheInfo(*counts, capacity, len(held))
            wrapper.cache_clear = clear
            wrapper.__wrapped__ = func
            return wrapper

        return decorate

    return memoize


check.call(
    test_memoize,
    version(""),
    none_ok=True,
    shown="test_memoize(a right version)",
    hint="judge only what the tasks promise",
)
kills = 0
for flaw in FLAWS:
    try:
        test_memoize(version(flaw))
    except Exception:
        kills += 1
check.true(
    kills >= 4,
    shown="test_memoize(five versions with wrong keys, one after the other)",
    said=f"rejects {kills}, expected at least 4",
    hint="equal calls in other words; different calls that look alike; all types",
)

# %% [grade] e6.kept
from collections import OrderedDict

FLAWS = (
    *("a hit is no use", "one too many", "None", "errors", "one cache for all"),
    *("cleared counts only", "hits counted as misses"),
)


def version(flaw: str):
    """Return a memoize that keeps results in one wrong way, or in none."""
    common: OrderedDict = OrderedDict()

    def memoize(capacity):
        def decorate(func):
            held = common if flaw == "one cache for all" else OrderedDict()
            counts = [0, 0]

            def wrapper(*args, **kwargs):
                own = None if flaw == "one cache for all" else func
                key = cache_key(func, args, kwargs)[1:], own
                if key in held and not (flaw == "None" and held[key] is None):
                    counts[flaw == "hits counted as misses"] += 1
                    if flaw != "a hit is no use":
                        held.move_to_end(key)
                    if flaw == "errors" and isinstance(held[key], Exception):
                        raise held[key]
                    return held[key]
                counts[1] += 1
                try:
                    result = func(*args, **kwargs)
                except Exception as error:
                    if flaw == "errors":
                        held[key] = error
                    raise
                held[key] = result
                while len(held) > capacity + (flaw == "one too many"):
                    held.popitem(last=False)
                return result

            def clear():
                counts[:] = 0, 0
                if flaw != "cleared counts only":
                    held.clear()

            wrapper.cache_info = lambda: CacheInfo(*counts, capacity, len(held))
            wrapper.cache_clear = clear
            wrapper.__wrapped__ = func
            return wrapper

        return decorate

    return memoize


check.call(
    test_memoize,
    version(""),
    none_ok=True,
    shown="test_memoize(a right version)",
    hint="judge only what the tasks promise",
)
kills = 0
for flaw in FLAWS:
    try:
        test_memoize(version(flaw))
    except Exception:
        kills += 1
check.true(
    kills >= 6,
    shown="test_memoize(seven versions that keep wrongly, one after the other)",
    said=f"rejects {kills}, expected at least 6",
    hint="what leaves a full cache, None, exceptions, two functions, counts, clearing",
)
