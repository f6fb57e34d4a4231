"""Hidden tests of notebook 3 of week 1, one block for each graded cell."""

# %% [grade] e1.fifo
import queue as library

shown = "put and get None, 0, '', False, 0.0, () with BoundedQueue(2)"
falsy = "decide by len(items), never by the truth of an item"
with threads.without(library.Queue):
    line = check.call(
        BoundedQueue, 2, shown="BoundedQueue(2)", hint="use a deque and conditions"
    )
for item in (None, 0, "", False, 0.0, ()):
    check.within(line.put, item, shown=shown, hint=falsy, none_ok=True)
    check.equal(len(line), 1, shown=shown + ": len after one put", hint=falsy)
    got = check.within(line.get, shown=shown, hint=falsy, none_ok=True)
    check.true(got is item, shown=shown, said=f"got {got!r} for {item!r}", hint=falsy)
for capacity in (0, -1):
    check.raises(BoundedQueue, ValueError, capacity)


def replay(line: object, calls: list) -> list[str]:
    said = []
    for name, number in calls:
        try:
            if name == "put":
                line.put(number, timeout=0)
                said.append("put")
            else:
                said.append(f"got {line.get(timeout=0)}")
        except TimeoutError:
            said.append("TimeoutError")
        said.append(f"len {len(line)}")
    return said


class Plain:
    """The same queue, for one thread."""

    def __init__(self, capacity: int) -> None:
        self.items, self.capacity = [], capacity

    def put(self, item: object, timeout: float) -> None:
        if len(self.items) == self.capacity:
            raise TimeoutError
        self.items.append(item)

    def get(self, timeout: float) -> object:
        if not self.items:
            raise TimeoutError
        return self.items.pop(0)

    def __len__(self) -> int:
        return len(self.items)


rng = check.rng()
for capacity in (1, 2, 3, 7):
    calls = [("put", n) if rng.random() < 0.55 else ("get", 0) for n in range(120)]
    shown = f"BoundedQueue({capacity}): puts and gets with timeout=0"
    line = check.call(BoundedQueue, capacity, shown=shown)
    got = check.within(replay, line, calls, shown=shown)
    check.equal(got, replay(Plain(capacity), calls), shown=shown, ordered=True)

# %% [grade] e1.wakes
tell = "after an append notify a consumer, after a removal notify a producer"
again = "put the wait into a while loop: after it, look at the queue again"

shown = "a consumer waits in get(); then put('a')"
line = check.call(BoundedQueue, 1, shown="BoundedQueue(1)")
with threads.Watch() as watch:
    consumer = watch.start(line.get)
    watch.settle()
    check.within(line.put, "a", shown=shown, none_ok=True)
    check.equal(consumer.said(), "returned 'a'", shown=shown + ": get", hint=tell)
    check.within(line.put, "b", shown=shown, none_ok=True)
    producer = watch.start(line.put, "c")
    watch.settle()
    shown = "a producer waits in put('c') on a full queue; then get()"
    check.equal(check.within(line.get, shown=shown), "b", shown=shown)
    check.equal(producer.said(), "returned None", shown=shown + ": put", hint=tell)
    check.equal(check.within(line.get, shown=shown), "c", shown=shown)

shown = "get() on an empty queue, three early wake-ups, then put('a')"
with threads.Watch(early=3) as watch:
    consumer = watch.start(line.get)
    watch.settle()
    check.true(
        consumer.running,
        shown=shown,
        said=f"after an early wake-up of its wait, get {consumer.said(0)}",
        hint=again,
    )
    check.within(line.put, "a", shown=shown, none_ok=True)
    check.equal(consumer.said(), "returned 'a'", shown=shown, hint=again)
    shown = "put('c') on a full queue, three early wake-ups, then get()"
    check.within(line.put, "b", shown=shown, none_ok=True)
    producer = watch.start(line.put, "c")
    watch.settle()
    got = len(line)
    check.at_most(got, 1, "items after an early wake-up", shown=shown, hint=again)
    check.equal(check.within(line.get, shown=shown), "b", shown=shown, hint=again)
    check.equal(producer.said(), "returned None", shown=shown, hint=again)
    check.equal(check.within(line.get, shown=shown), "c", shown=shown, hint=again)

shown = "a consumer sleeps in get(); put('a') and at once get() by another thread"
with threads.Watch() as watch:
    sleeper = watch.start(line.get)
    watch.settle()
    with threads.switching(5):  # the sleeper cannot run before the other's get

        def overtake() -> object:
            line.put("a")
            return line.get()

        got = check.within(overtake, shown=shown)
    check.equal(got, "a", shown=shown, hint=again)
    check.within(line.put, "b", shown=shown, none_ok=True)
    check.equal(sleeper.said(), "returned 'b'", shown=shown, hint=again)

shown = "capacity 1, two consumers sleep, then put('a') and put('b') in a row"
lost = "with one condition for both sides, notify() may wake the wrong side"
with threads.Watch() as watch:
    sleepers = [watch.start(line.get) for _ in range(2)]
    watch.settle()
    with threads.switching(5):

        def two() -> str:
            line.put("a")
            line.put("b")
            return "done"

        check.within(two, shown=shown, hint=lost)
    got = sorted(threads.said(sleepers))
    check.equal(got, ["returned 'a'", "returned 'b'"], shown=shown, hint=lost)

shown = "three consumers sleep; three puts"
line = BoundedQueue(3)
with threads.Watch() as watch:
    sleepers = [watch.start(line.get) for _ in range(3)]
    watch.settle()
    for number in range(3):
        check.within(line.put, number, shown=shown, none_ok=True)
    got = sorted(threads.said(sleepers))
    check.equal(got, [f"returned {n}" for n in range(3)], shown=shown, hint=tell)
    shown = "three producers sleep on a full queue; three gets, and three more"
    for number in range(3):
        check.within(line.put, number, shown=shown, none_ok=True)
    sleepers = [watch.start(line.put, 9) for _ in range(3)]
    watch.settle()
    got = [check.within(line.get, shown=shown, hint=tell) for _ in range(6)]
    check.equal(got, [0, 1, 2, 9, 9, 9], shown=shown, hint=tell)

# %% [grade] e1.timeouts
zero = "no time left means TimeoutError, once it is clear that the queue is not ready"
line = check.call(BoundedQueue, 1, shown="BoundedQueue(1)")
with threads.Watch() as watch:
    for timeout in (0, -1, 0.03):
        shown = f"get(timeout={timeout}) on an empty queue"
        start = time.monotonic()
        got = watch.start(line.get, timeout=timeout).said()
        took = time.monotonic() - start
        check.equal(got, "raised TimeoutError", shown=shown, hint=zero)
        check.true(
            took >= timeout,
            shown=shown,
            said=f"gave up after {took:.4f} s",
            hint="wait for what remains, until nothing remains",
        )
    shown = "put('a', timeout=0) on an empty queue, get(timeout=0) after it"
    check.equal(
        watch.start(line.put, "a", timeout=0).said(), "returned None", shown=shown
    )
    check.equal(watch.start(line.get, timeout=0).said(), "returned 'a'", shown=shown)
    check.within(line.put, "a", shown="put('a')", none_ok=True)
    for timeout in (0, -1, 0.03):
        shown = f"put('b', timeout={timeout}) on a full queue"
        got = watch.start(line.put, "b", timeout=timeout).said()
        check.equal(got, "raised TimeoutError", shown=shown, hint=zero)
    check.equal(len(line), 1, shown="len after puts that timed out")
    shown = "get() after puts that timed out"
    check.equal(check.within(line.get, shown=shown), "a", shown=shown)

whole = "compute the deadline once, before the loop; wait for what remains of it"
with threads.Watch(nap=0.01) as watch:
    shown = "get(timeout=0.1), woken early every 0.01 s"
    got = watch.start(line.get, timeout=0.1).said(3)
    check.equal(got, "raised TimeoutError", shown=shown, hint=whole)
    check.at_most(watch.waits, 14, "waits", shown=shown, hint=whole)
    check.within(line.put, "a", shown="put('a')", none_ok=True)
    shown = "put('b', timeout=0.1), woken early every 0.01 s"
    got = watch.start(line.put, "b", timeout=0.1).said(3)
    check.equal(got, "raised TimeoutError", shown=shown, hint=whole)

steady = "measure with time.monotonic(); time.time() jumps when the clock is set"
with threads.Watch(jump=-3600) as watch:
    shown = "put('b', timeout=0.05) while the clock is set back"
    got = watch.start(line.put, "b", timeout=0.05).said()
    check.equal(got, "raised TimeoutError", shown=shown, hint=steady)
check.within(line.get, shown="get()")
with threads.Watch(jump=-3600) as watch:
    shown = "get(timeout=0.05) while the clock is set back"
    got = watch.start(line.get, timeout=0.05).said()
    check.equal(got, "raised TimeoutError", shown=shown, hint=steady)
with threads.Watch(jump=3600) as watch:
    shown = "get(timeout=60) while the clock is set forward, then put('a')"
    consumer = watch.start(line.get, timeout=60)
    watch.settle()
    check.within(line.put, "a", shown=shown, none_ok=True)
    check.equal(consumer.said(), "returned 'a'", shown=shown, hint=steady)

# %% [grade] e1.close
every = "close() notifies all consumers and all producers"
keep = "get() looks at the items first, and at closed only when there are none"
with threads.Watch() as watch:
    shown = "four consumers sleep in get(), then close()"
    line = check.call(BoundedQueue, 2, shown="BoundedQueue(2)")
    consumers = [
        watch.start(line.get, timeout=timeout) for timeout in (None, None, 60, 60)
    ]
    watch.settle()
    check.within(line.close, shown=shown, none_ok=True)
    got = threads.said(consumers)
    check.equal(got, ["raised Closed"] * 4, shown=shown, hint=every)

    shown = "four producers sleep in put(), then close()"
    line = BoundedQueue(2)
    for item in "ab":
        check.within(line.put, item, shown=shown, none_ok=True)
    producers = [
        watch.start(line.put, "c", timeout=timeout) for timeout in (None, None, 60, 60)
    ]
    watch.settle()
    check.within(line.close, shown=shown, none_ok=True)
    got = threads.said(producers)
    check.equal(got, ["raised Closed"] * 4, shown=shown, hint=every)
    check.equal(len(line), 2, shown="len after close()", hint=keep)
    refuse = "put() on a closed queue raises Closed, whether it is full or not"
    for timeout in (0, None):
        shown = f"put('d', timeout={timeout}) on a queue that is closed and full"
        got = watch.start(line.put, "d", timeout=timeout).said()
        check.equal(got, "raised Closed", shown=shown, hint=refuse)
    for timeout, item in ((0, "a"), (None, "b")):
        shown = f"get(timeout={timeout}) after close() of a queue with 'a', 'b'"
        got = watch.start(line.get, timeout=timeout).said()
        check.equal(got, f"returned {item!r}", shown=shown, hint=keep)
    for timeout in (0, None, 0):
        shown = f"get(timeout={timeout}) when closed and drained"
        got = watch.start(line.get, timeout=timeout).said()
        check.equal(got, "raised Closed", shown=shown, hint=keep)
    for timeout in (0, None):
        shown = f"put('d', timeout={timeout}) when closed and drained"
        got = watch.start(line.put, "d", timeout=timeout).said()
        check.equal(got, "raised Closed", shown=shown, hint=refuse)
    shown = "close() a second time, then get()"
    check.within(line.close, shown=shown, none_ok=True)
    check.equal(watch.start(line.get).said(), "raised Closed", shown=shown)

    shown = "close() of a queue with None, then get() twice"
    line = BoundedQueue(2)
    check.within(line.put, None, shown=shown, none_ok=True)
    check.within(line.close, shown=shown, none_ok=True)
    got = [watch.start(line.get).said() for _ in range(2)]
    check.equal(got, ["returned None", "raised Closed"], shown=shown, hint=keep)

# %% [grade] e1.idle
asleep = "sleep in condition.wait(), which nobody ends but a notification"
empty = check.call(BoundedQueue, 1, shown="BoundedQueue(1)")
full = BoundedQueue(1)
check.within(full.put, "x", shown="put('x')", none_ok=True)
shown = "four consumers and four producers wait"
try:
    with threads.Watch() as watch:
        for timeout in (None, None, 60, 60):
            watch.start(empty.get, timeout=timeout)
            watch.start(full.put, "y", timeout=timeout)
        resting = watch.settle(0.5)
        before = time.process_time()
        threading.Event().wait(0.25)
        spent = time.process_time() - before
        check.at_most(watch.sleeps, 0, "calls of time.sleep", shown=shown, hint=asleep)
        check.at_most(watch.waits, 3, "waits of one thread", shown=shown, hint=asleep)
        check.true(
            resting and spent < 0.12,
            shown=shown,
            said=f"used {1e3 * spent:.0f} ms of processor time in 250 ms of waiting",
            hint=asleep,
        )
finally:
    empty.close()
    full.close()

# %% [grade] e1.crowd
atomic = "check and change the queue under one lock, without letting go in between"
EACH = 40


def produce(line: object, number: int) -> None:
    for count in range(EACH):
        line.put((number, count))


def consume(line: object) -> list:
    taken = []
    while True:
        try:
            taken.append(line.get())
        except Closed:
            return taken


pace = threads.uneven(check.rng())
for capacity, producers, consumers in ((1, 2, 4), (2, 4, 2), (1, 1, 4), (3, 3, 3)):
    for slow in (False, True):
        shown = (
            f"BoundedQueue({capacity}), {producers} producers of {EACH} items, "
            f"{consumers} consumers, then close()"
        )
        line = check.call(BoundedQueue, capacity, shown=shown)
        watch = threads.Watch(pace=pace if slow else None)
        with threads.switching(1e-6), watch:
            takers = [watch.start(consume, line) for _ in range(consumers)]
            makers = [watch.start(produce, line, n) for n in range(producers)]
            got = threads.said(makers)
            where = shown + ": producers"
            check.equal(got, ["returned None"] * producers, shown=where, hint=atomic)
            check.within(line.close, shown=shown, none_ok=True)
            got = [words.partition(" [")[0] for words in threads.said(takers)]
            where = shown + ": consumers"
            check.equal(got, ["returned"] * consumers, shown=where, hint=atomic)
        got = sorted(item for task in takers for item in task.value)
        want = [(n, count) for n in range(producers) for count in range(EACH)]
        check.equal(got, want, shown=shown, hint=atomic)
        in_order = all(
            own == sorted(own)
            for task in takers
            for n in range(producers)
            for own in [[item for item in task.value if item[0] == n]]
        )
        check.true(
            in_order,
            shown=shown,
            said="a consumer got two items of one producer in the wrong order",
            hint=atomic,
        )

# %% [grade] e1.speed
import queue as library

COUNT = 10_000


def seconds_of(line: object) -> float:
    start = time.thread_time()
    for number in range(COUNT):
        line.put(number)
    for _ in range(COUNT):
        line.get()
    return time.thread_time() - start


shown = f"{COUNT:,} puts, then {COUNT:,} gets, by one thread"
yours = check.call(BoundedQueue, COUNT, shown=shown)
ratio = check.within(seconds_of, yours, seconds=5, shown=shown) / seconds_of(
    library.Queue(COUNT)
)
for _ in range(4):  # the least of some, since other work may disturb one
    if ratio > 1.5:
        again = seconds_of(BoundedQueue(COUNT)) / seconds_of(library.Queue(COUNT))
        ratio = min(ratio, again)
check.at_most(
    ratio,
    2.5,
    "times the processor time of queue.Queue",
    shown=shown,
    hint="each put and get does a few steps, however long the queue is: use a deque",
)

# %% [grade] e2.abort
once = "copy and clear the items in one step under the lock"
with threads.Watch() as watch:
    shown = "shutdown('abort') of a queue with None, 0, 'a'"
    line = check.call(StoppableQueue, 3, shown="StoppableQueue(3)")
    for item in (None, 0, "a"):
        check.within(line.put, item, shown=shown, none_ok=True)
    got = check.within(line.shutdown, "abort", shown=shown)
    check.equal(got, [None, 0, "a"], shown=shown, hint=once)
    check.equal(len(line), 0, shown="len after " + shown, hint=once)
    for call, args in ((line.get, ()), (line.put, ("b",))):
        got = watch.start(call, *args).said()
        check.equal(
            got, "raised Closed", shown=f"{call.__name__} after an abort", hint=once
        )
    got = check.within(line.shutdown, "abort", shown="a second abort")
    check.equal(got, [], shown="a second abort", hint=once)

    shown = "a producer sleeps in put('c') on a full queue; shutdown('abort')"
    line = StoppableQueue(2)
    for item in "ab":
        check.within(line.put, item, shown=shown, none_ok=True)
    producer = watch.start(line.put, "c")
    watch.settle()
    got = check.within(line.shutdown, "abort", shown=shown)
    owns = "a producer whose put raises Closed keeps its item"
    check.equal(got, ["a", "b"], shown=shown, hint=owns)
    check.equal(producer.said(), "raised Closed", shown=shown + ": put", hint=owns)

    shown = "two consumers sleep in get(); shutdown('abort')"
    line = StoppableQueue(2)
    consumers = [watch.start(line.get) for _ in range(2)]
    watch.settle()
    check.equal(check.within(line.shutdown, "abort", shown=shown), [], shown=shown)
    got = threads.said(consumers)
    check.equal(got, ["raised Closed"] * 2, shown=shown + ": get", hint=once)

    shown = "shutdown('later')"
    line = StoppableQueue(2)
    check.raises(line.shutdown, ValueError, "later", shown=shown)
    got = watch.start(line.put, "a", timeout=0).said()
    check.equal(got, "returned None", shown="put('a') after " + shown)


def consume_all(line: object, taken: list) -> None:
    try:
        while True:
            taken.append(line.get())
    except Closed:
        pass


pace = threads.uneven(check.rng())
for stop in (1, 3, 10, 20, 30):
    with threads.Watch(pace=pace) as watch:
        shown = f"four consumers, 60 items, abort after about {stop} were taken"
        line, taken = StoppableQueue(60), [[] for _ in range(4)]
        for number in range(60):
            line.put(number)
        tasks = [watch.start(consume_all, line, own) for own in taken]
        threads.until(lambda: len(line) <= 60 - stop)
        aborting = watch.start(line.shutdown, "abort")
        got = aborting.said().partition(" [")[0]
        check.equal(got, "returned", shown=shown + ": shutdown")
        left = aborting.value
        got = threads.said(tasks)
        check.equal(got, ["returned None"] * 4, shown=shown + ": consumers")
        everything = sorted([*left, *(item for own in taken for item in own)])
        where = shown + ": consumed and returned"
        check.equal(everything, list(range(60)), shown=where, hint=once)

# %% [grade] e2.drain
last = "whoever takes the last item of a closed queue wakes those who drain"
with threads.Watch() as watch:
    shown = "shutdown('drain') of an empty queue"
    line = check.call(StoppableQueue, 2, shown="StoppableQueue(2)")
    check.equal(watch.start(line.shutdown, "drain").said(), "returned []", shown=shown)
    got = watch.start(line.put, "a").said()
    check.equal(got, "raised Closed", shown="put('a') after " + shown)

for early in (0, 3):
    with threads.Watch(early=early) as watch:
        shown = "shutdown('drain') of a full queue with a sleeping producer"
        line = StoppableQueue(2)
        for item in ("a", None):
            check.within(line.put, item, shown=shown, none_ok=True)
        producer = watch.start(line.put, "c")
        watch.settle()
        drains = [watch.start(line.shutdown, "drain") for _ in range(3)]
        got = producer.said()
        check.equal(got, "raised Closed", shown=shown + ": put", hint="close first")
        for item in ("a", None):
            threading.Event().wait(0.05)  # who was woken in vain sleeps again
            watch.settle()
            check.true(
                all(drain.running for drain in drains),
                shown=shown,
                said=f"ended while {item!r} was still in the queue",
                hint="loop while items are left",
            )
            got = check.within(line.get, shown=shown + ": get", none_ok=True)
            check.equal(got, item, shown=shown + ": get")
        got = threads.said(drains)
        check.equal(got, ["returned []"] * 3, shown=shown, hint=last)
        got = watch.start(line.get).said()
        check.equal(got, "raised Closed", shown="get after a drain")
        check.at_most(watch.waits, 4 + early, "waits", shown=shown, hint=last)
        check.at_most(watch.sleeps, 0, "calls of time.sleep", shown=shown, hint=last)

with threads.Watch() as watch:
    shown = "shutdown('drain', timeout=0.03) and nobody takes the items"
    line = StoppableQueue(2)
    check.within(line.put, "a", shown=shown, none_ok=True)
    for timeout in (0, 0.03):
        got = watch.start(line.shutdown, "drain", timeout=timeout).said()
        check.equal(got, "raised TimeoutError", shown=shown)
    got = watch.start(line.put, "b", timeout=0).said()
    check.equal(got, "raised Closed", shown="put('b') after a drain that timed out")
    check.equal(len(line), 1, shown="len after a drain that timed out")

    shown = "an abort while another thread drains"
    drain = watch.start(line.shutdown, "drain", timeout=60)
    watch.settle()
    check.equal(check.within(line.shutdown, "abort", shown=shown), ["a"], shown=shown)
    check.equal(drain.said(), "returned []", shown=shown, hint="an abort wakes drains")

with threads.Watch(pace=lambda: 0.002) as watch:
    shown = "an abort, each line of which takes 2 ms, while another thread drains"
    line = StoppableQueue(2)
    check.within(line.put, "a", shown=shown, none_ok=True)
    drain = watch.start(line.shutdown, "drain")
    watch.settle()
    got = watch.start(line.shutdown, "abort").said()
    check.equal(got, "returned ['a']", shown=shown)
    woken = "an abort wakes the drains when it has taken the items, not before"
    check.equal(drain.said(), "returned []", shown=shown, hint=woken)

with threads.Watch(nap=0.01) as watch:
    shown = "shutdown('drain', timeout=0.1), woken early every 0.01 s"
    line = StoppableQueue(2)
    check.within(line.put, "a", shown=shown, none_ok=True)
    got = watch.start(line.shutdown, "drain", timeout=0.1).said(3)
    check.equal(got, "raised TimeoutError", shown=shown, hint="one deadline, as in get")

with threads.Watch() as watch:
    shown = "three consumers sleep in get(); shutdown('drain')"
    line = StoppableQueue(2)
    consumers = [watch.start(line.get) for _ in range(3)]
    watch.settle()
    got = watch.start(line.shutdown, "drain").said()
    check.equal(got, "returned []", shown=shown)
    got = threads.said(consumers)
    check.equal(got, ["raised Closed"] * 3, shown=shown + ": get")


# %% [grade] e3.results
check.call(run_pipeline, [], [abs], workers=[1], maxsize=1, shown="run_pipeline([], …)")


def outcome(*args: object, **options: object) -> list[tuple]:
    return [
        (one.index, one.value, repr(one.error))
        for one in run_pipeline(*args, **options)
    ]


def half(n: int) -> int | None:
    if n % 7 == 3:
        raise ValueError(n)
    if n % 7 == 4:
        raise StopIteration(n)
    if n % 7 == 5:
        raise Closed(n)
    return n // 2 if n % 7 else None


seen = []


def words(n: int | None) -> str:
    seen.append(n)
    return f"<{n}>"


errors = {3: ValueError, 4: StopIteration, 5: Closed}
want = [
    (i, None, repr(errors[n % 7](n)))
    if n % 7 in errors
    else (i, f"<{n // 2 if n % 7 else None}>", "None")
    for i, n in enumerate(range(100, 160))
]
isolate = "catch Exception around the call of the stage only, and pass the error on"
for counts, maxsize in (([1, 1], 1), ([3, 2], 2), ([2, 5], 4)):
    for ordered in (True, False):
        seen.clear()
        how = f"workers={counts}, {maxsize=}, {ordered=}"
        shown = f"run_pipeline(60 items, 2 stages, {how})"
        got = check.within(
            *(outcome, iter(range(100, 160)), [half, words]),
            workers=counts,
            maxsize=maxsize,
            ordered=ordered,
            seconds=3,
            shown=shown,
            hint=isolate,
        )
        got = got if ordered else sorted(got)
        check.equal(got, want, shown=shown, ordered=ordered, hint=isolate)
        skipped = "an item whose stage failed skips the stages that follow"
        where = shown + ": calls of the second stage"
        check.equal(
            len(seen), sum(e == "None" for *_, e in want), shown=where, hint=skipped
        )

shown = "run_pipeline([], …)"
options = {"workers": [2], "maxsize": 1}
got = check.within(outcome, [], [abs], shown=shown, seconds=2, **options)
check.equal(got, [], shown=shown)
for bad in ({"workers": [1, 1]}, {"workers": [0]}, {"maxsize": 0}, {"workers": []}):
    shown = f"run_pipeline([1], [abs], {', '.join(f'{k}={v}' for k, v in bad.items())})"
    task = threads.Task(lambda bad=bad: outcome([1], [abs], **(options | bad)))
    task.thread.start()
    check.equal(task.said(), "raised ValueError", shown=shown)
shown = "run_pipeline([1], [abs, abs], workers=[1, 0], maxsize=1)"
task = threads.Task(lambda: outcome([1], [abs, abs], workers=[1, 0], maxsize=1))
task.thread.start()
check.equal(task.said(), "raised ValueError", shown=shown)

held = threading.Event()
gone = []


def hold_first(n: int) -> int:
    if n == 0:
        held.wait(5)
    gone.append(n)
    return n


for ordered in (False, True):
    held.clear()
    gone.clear()
    shown = f"run_pipeline(6 items, the first is slow, workers=[2], {ordered=})"
    stream = run_pipeline(
        range(6), [hold_first], workers=[2], maxsize=2, ordered=ordered
    )
    with threads.Watch() as watch:
        first = watch.start(next, stream)
        threads.until(lambda: len(gone) >= 2)
        check.true(
            len(gone) >= 2,
            shown=shown,
            said="the slow item holds up the other worker",
            hint="let every worker take the next item as soon as it is free",
        )
        if not ordered:
            asked = "with ordered=False yield a result as soon as it comes"
            check.true(
                threads.until(lambda: not first.running),
                shown=shown,
                said="no result while the first item is slow, though others are done",
                hint=asked,
            )
        held.set()
        got = first.said().partition("(")[0]
        check.equal(got, "returned Result", shown=shown + ": the first")
        rest = check.within(lambda: [one.index for one in stream], shown=shown)
        got = [first.value.index, *rest]
        check.equal(
            got if ordered else sorted(got),
            list(range(6)),
            shown=shown,
            ordered=ordered,
        )

# %% [grade] e3.ahead
import itertools

check.call(run_pipeline, [], [abs], workers=[1], maxsize=1, shown="run_pipeline([], …)")

hold = "count what is drawn and not yet received; draw only while that is below a limit"


class Source:
    """Numbers up to a count, and how many of them were drawn."""

    def __init__(self, count: int) -> None:
        self.drawn, self.count = 0, count

    def __iter__(self) -> "Source":
        return self

    def __next__(self) -> int:
        if self.drawn == self.count:
            raise StopIteration
        self.drawn += 1
        return self.drawn - 1


for counts, maxsize, ordered in (([1], 1, True), ([2, 3], 2, True), ([2, 1], 3, False)):
    limit = sum(counts) + maxsize * len(counts) + 1
    shown = f"run_pipeline(…, workers={counts}, {maxsize=}, {ordered=}), slow consumer"
    source = Source(3000)
    stages = [lambda n: n + 1] * len(counts)
    stream = run_pipeline(
        source, stages, workers=counts, maxsize=maxsize, ordered=ordered
    )
    received = 0
    for more in (1, 20, 1):
        check.within(lambda: [next(stream) for _ in range(more)], shown=shown)
        received += more
        threads.until(lambda: source.drawn > received + limit, seconds=0.05)
        check.at_most(
            source.drawn - received,
            limit,
            "items drawn ahead of the consumer",
            shown=shown,
            hint=hold,
        )
    check.within(stream.close, shown=shown + ": close()", none_ok=True, seconds=2)

shown = "run_pipeline(…, workers=[3], maxsize=2), the first item takes for ever"
held = threading.Event()


def stuck(n: int) -> int:
    if n == 0:
        held.wait(20)
    return n


source = Source(3000)
stream = run_pipeline(source, [stuck], workers=[3], maxsize=2)
with threads.Watch() as watch:
    first = watch.start(next, stream)
    threads.until(lambda: source.drawn > 6, seconds=0.1)
    early = "results that wait for an earlier one are in flight too: they need a limit"
    check.at_most(
        source.drawn, 6, "items drawn before the first result", shown=shown, hint=early
    )
    held.set()
    first.said()
    check.equal(first.value.index if first.value else None, 0, shown=shown)
    got = check.within(lambda: [next(stream).index for _ in range(20)], shown=shown)
    check.equal(got, list(range(1, 21)), shown=shown + ": the next 20", ordered=True)
check.within(stream.close, shown="close()", none_ok=True, seconds=2)

shown = "the first 50 results of an endless source"
stream = run_pipeline(itertools.count(), [abs, str], workers=[2, 2], maxsize=3)
got = check.within(
    lambda: [next(stream).value for _ in range(50)], shown=shown, seconds=2
)
check.equal(got, [str(n) for n in range(50)], shown=shown, ordered=True)
check.within(stream.close, shown="close()", none_ok=True, seconds=2)

# %% [grade] e3.parallel

check.call(run_pipeline, [], [abs], workers=[1], maxsize=1, shown="run_pipeline([], …)")

free = "call the stage while no lock is held"
shown = "run_pipeline(12 items, a stage in which 3 workers wait for each other)"
meeting = threading.Barrier(3)


def meet(n: int) -> int:
    meeting.wait(4)
    return n


def values(*args: object, **options: object) -> list:
    return [one.value for one in run_pipeline(*args, **options)]


got = check.within(
    *(values, range(12), [meet]),
    workers=[3],
    maxsize=2,
    seconds=5,
    shown=shown,
    hint=free,
)
check.equal(got, list(range(12)), shown=shown, ordered=True, hint=free)

shown = "run_pipeline: stage 2 of item 0 waits until stage 1 has begun item 1"
begun = threading.Event()


def begin(n: int) -> int:
    if n == 1:
        begun.set()
    return n


def follow(n: int) -> bool:
    return begun.wait(4)


got = check.within(
    *(values, range(4), [begin, follow]),
    workers=[1, 1],
    maxsize=1,
    seconds=5,
    shown=shown,
    hint="each stage has workers of its own, and a queue between them",
)
check.equal(got, [True] * 4, shown=shown)

shown = "run_pipeline(40 items, 2 stages, workers=[2, 3]): at once in a stage"
inside, most, counting = [0, 0], [0, 0], threading.Lock()


def crowded(stage: int) -> object:
    def enter(n: int) -> int:
        with counting:
            inside[stage] += 1
            most[stage] = max(most[stage], inside[stage])
        threading.Event().wait(0.001)
        with counting:
            inside[stage] -= 1
        return n

    return enter


got = check.within(
    *(values, range(40), [crowded(0), crowded(1)]),
    workers=[2, 3],
    maxsize=4,
    seconds=3,
    shown=shown,
)
check.equal(got, list(range(40)), shown=shown, ordered=True)
for stage, allowed in enumerate((2, 3)):
    check.at_most(most[stage], allowed, f"workers in stage {stage}", shown=shown)

shown = "run_pipeline whose stage runs a pipeline of its own"


def nested(n: int) -> int:
    own = run_pipeline(range(n), [abs], workers=[2], maxsize=1)
    return sum(one.value for one in own)


got = check.within(
    *(values, range(6), [nested]),
    workers=[2],
    maxsize=1,
    seconds=3,
    shown=shown,
    hint=free,
)
check.equal(got, [0, 0, 1, 3, 6, 10], shown=shown, ordered=True, hint=free)

# %% [grade] e3.ends
import itertools
from unittest import mock

before = set(threading.enumerate())
join = "in a finally of the generator: close all queues, then join every thread"


def left() -> list:
    return [
        thread
        for thread in threading.enumerate()
        if thread not in before and thread is not threading.current_thread()
    ]


def quiet(shown: str) -> None:
    threads.until(lambda: not left())
    check.at_most(len(left()), 0, "threads left over", shown=shown, hint=join)


shown = "close() after 3 results of an endless source"
drawn = []
stream = run_pipeline(
    (drawn.append(n) or n for n in itertools.count()),
    [abs, str],
    workers=[2, 3],
    maxsize=2,
)


def settled() -> bool:
    """Whether nothing more is drawn: whoever draws waits for the consumer."""
    count_before = len(drawn)
    threading.Event().wait(0.01)
    return len(drawn) == count_before


died = []
with mock.patch("threading.excepthook", lambda args: died.append(args.exc_type)):
    check.within(lambda: [next(stream) for _ in range(3)], shown=shown)
    threads.until(settled)
    check.within(stream.close, shown=shown, none_ok=True, seconds=2, hint=join)
catch = "a worker that finds its queue closed ends without an error"
check.equal(died, [], shown=shown + ": threads that died of an exception", hint=catch)
count = len(left())
check.at_most(
    count, 0, "threads still alive when close() returns", shown=shown, hint=join
)
known = len(drawn)
threading.Event().wait(0.02)
check.equal(len(drawn), known, shown=shown + ": items drawn later", hint=join)

shown = "close() before the first result"
stream = run_pipeline(itertools.count(), [abs], workers=[2], maxsize=2)
check.within(stream.close, shown=shown, none_ok=True, seconds=2, hint=join)
quiet(shown)

shown = "close() when only the slow first stage is busy and other workers have no work"
stream = run_pipeline(range(5), [abs, abs], workers=[1, 4], maxsize=4, ordered=False)
check.within(next, stream, shown=shown)
check.within(stream.close, shown=shown, none_ok=True, seconds=2, hint=join)
quiet(shown)

shown = "all results of 20 items taken"
got = check.within(
    lambda: len(list(run_pipeline(range(20), [abs], workers=[4], maxsize=2))),
    shown=shown,
)
check.equal(got, 20, shown=shown)
quiet(shown)


class Stop(BaseException):
    """Like KeyboardInterrupt: no Exception."""


def stop(n: int) -> int:
    if n == 5:
        raise Stop
    return n


def broken() -> object:
    yield from range(4)
    raise OSError("the source broke")


raise_it = "record what is no Exception, abort all queues, raise it in the generator"
for name, source, stage, sort in (
    ("a stage raises a BaseException", range(60), stop, "Stop"),
    ("the source raises OSError", broken(), abs, "OSError"),
):
    for counts in ([1, 1], [3, 2]):
        shown = f"run_pipeline, workers={counts}: {name}"
        stream = run_pipeline(source, [stage, abs], workers=counts, maxsize=2)
        with threads.Watch() as watch:
            task = watch.start(lambda: [one.index for one in stream])
            check.equal(task.said(2), f"raised {sort}", shown=shown, hint=raise_it)
        quiet(shown)
        source = range(60) if sort == "Stop" else broken()

shown = "close() while a stage is at work"
inside, gate = threading.Event(), threading.Event()


def held(n: int) -> int:
    if n:
        inside.set()
        gate.wait(5)
    return n


stream = run_pipeline(range(3), [held], workers=[1], maxsize=2)
with threads.Watch() as watch:
    check.within(next, stream, shown=shown)
    check.within(inside.wait, 2, shown=shown + ": the stage gets the next item")
    closing = watch.start(stream.close)
    check.equal(closing.said(0.05), "still waiting", shown=shown, hint=join)
    gate.set()
    check.equal(closing.said(2), "returned None", shown=shown, hint=join)

# %% [grade] e4.semaphore
stored = "keep a number: release adds one, whether somebody waits or not"
with threads.without(threading.Semaphore, threading.Barrier), threads.Watch() as watch:
    shown = "Semaphore(0): release() twice, then acquire() three times"
    permits = check.call(Semaphore, 0, shown="Semaphore(0)")
    got = watch.start(permits.acquire, timeout=0).said()
    check.equal(got, "returned False", shown="Semaphore(0).acquire(timeout=0)")
    for _ in range(2):
        check.within(permits.release, shown=shown, none_ok=True)
    got = [watch.start(permits.acquire, timeout=0).said() for _ in range(3)]
    want = ["returned True", "returned True", "returned False"]
    check.equal(got, want, shown=shown, ordered=True, hint=stored)
    for timeout in (0.03, -1):
        shown = f"Semaphore(0).acquire(timeout={timeout})"
        start = time.monotonic()
        got = watch.start(permits.acquire, timeout=timeout).said()
        took = time.monotonic() - start
        check.equal(got, "returned False", shown=shown)
        check.true(took >= timeout, shown=shown, said=f"gave up after {took:.4f} s")
    shown = "Semaphore(3): acquire() five times, then release() twice"
    permits = check.call(Semaphore, 3, shown="Semaphore(3)")
    tasks = [watch.start(permits.acquire) for _ in range(5)]
    watch.settle()
    check.equal(sum(task.running for task in tasks), 2, shown=shown + ": asleep")
    check.at_most(watch.waits, 3, "waits of one thread", shown=shown)
    for _ in range(2):
        check.within(permits.release, shown=shown, none_ok=True)
    got = threads.said(tasks)
    check.equal(got, ["returned True"] * 5, shown=shown, hint="each release wakes one")
    shown = "acquire() sleeps; release() and at once acquire(timeout=0) by another"
    sleeper = watch.start(permits.acquire)
    watch.settle()
    with threads.switching(5):

        def overtake() -> list:
            permits.release()
            return [permits.acquire(timeout=0) for _ in range(2)]

        got = check.within(overtake, shown=shown)
    watch.settle()
    got.append(sleeper.running)
    again = "look at the number again after each wait"
    check.equal(got, [True, False, True], shown=shown, hint=again)
    check.within(permits.release, shown=shown, none_ok=True)
    check.equal(sleeper.said(), "returned True", shown=shown, hint=again)
with threads.Watch(early=3) as watch:
    shown = "acquire(timeout=60), three early wake-ups, then release()"
    sleeper = watch.start(permits.acquire, timeout=60)
    watch.settle()
    check.true(
        sleeper.running, shown=shown, said="took a permit that is not there", hint=again
    )
    check.within(permits.release, shown=shown, none_ok=True)
    check.equal(sleeper.said(), "returned True", shown=shown, hint=again)
    got = watch.start(permits.acquire, timeout=0).said()
    check.equal(
        got, "returned False", shown=shown + ", then acquire(timeout=0)", hint=again
    )
with threads.Watch(nap=0.01) as watch:
    shown = "acquire(timeout=0.1), woken early every 0.01 s"
    got = watch.start(permits.acquire, timeout=0.1).said(3)
    check.equal(got, "returned False", shown=shown, hint="compute the deadline once")
check.raises(Semaphore, ValueError, -1)

shown = "Semaphore(2): at most two of six threads inside"
permits, inside, most, counting = Semaphore(2), [0], [0], threading.Lock()


def visit() -> str:
    for _ in range(40):
        permits.acquire()
        with counting:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        with counting:
            inside[0] -= 1
        permits.release()
    return "done"


with threads.switching(1e-6), threads.Watch() as watch:
    tasks = [watch.start(visit) for _ in range(6)]
    got = threads.said(tasks, 3)
    check.equal(got, ["returned 'done'"] * 6, shown=shown)
    check.at_most(most[0], 2, "threads inside", shown=shown)

# %% [grade] e4.barrier
number_it = "sleep while the round you came in is the current one"
with threads.without(threading.Semaphore, threading.Barrier):
    line_up = check.call(Barrier, 2, shown="Barrier(2)")
for parties in (0, -1):
    check.raises(Barrier, ValueError, parties)

for parties in (1, 2, 4):
    for early in (0, 3):
        shown = f"Barrier({parties}), all but one arrive"
        shown += ", early wake-ups" if early else ""
        with threads.Watch(early=early) as watch:
            meeting = check.call(Barrier, parties, shown=f"Barrier({parties})")
            for _ in range(3):
                tasks = [watch.start(meeting.wait) for _ in range(parties - 1)]
                watch.settle()
                got = threads.said(tasks, 0)
                want = ["still waiting"] * (parties - 1)
                check.equal(got, want, shown=shown, hint=number_it)
                check.at_most(
                    watch.waits, 3 + early, "waits of one thread", shown=shown
                )
                tasks.append(watch.start(meeting.wait))
                got = sorted(threads.said(tasks))
                want = [f"returned {place}" for place in range(parties)]
                where = f"Barrier({parties}), all arrive: places"
                check.equal(got, want, shown=where, hint=number_it)

shown = "Barrier(2): A sleeps; B arrives, runs on and comes back before A has woken"
meeting = Barrier(2)
with threads.Watch() as watch:
    slow = watch.start(meeting.wait)
    watch.settle()
    with threads.switching(5):

        def twice() -> list:
            return [meeting.wait(), meeting.wait()]

        fast = watch.start(twice)
        fast.said(0.2)
    check.equal(slow.said(), "returned 0", shown=shown + ": A", hint=number_it)
    watch.settle()
    check.equal(fast.said(0), "still waiting", shown=shown + ": B", hint=number_it)
    got = watch.start(meeting.wait).said()
    check.equal(got, "returned 1", shown=shown + "; then A again", hint=number_it)
    check.equal(fast.said(), "returned [1, 0]", shown=shown + ": B", hint=number_it)

shown = "Barrier(3), 60 rounds in a row"
meeting, tally, counting = Barrier(3), [0] * 60, threading.Lock()


def march() -> str:
    for step in range(60):
        with counting:
            tally[step] += 1
        meeting.wait()
        if tally[step] != 3:
            raise RuntimeError(f"passed round {step} after {tally[step]} arrivals")
    return "done"


with threads.switching(1e-6), threads.Watch() as watch:
    tasks = [watch.start(march) for _ in range(3)]
    got = threads.said(tasks, 3)
    check.equal(got, ["returned 'done'"] * 3, shown=shown, hint=number_it)


# %% [grade] e5.pixels
def slow_blur(image: object, radius: int) -> object:
    made = image.copy()
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            rows = range(max(0, y - radius), min(image.shape[0], y + radius + 1))
            columns = range(max(0, x - radius), min(image.shape[1], x + radius + 1))
            around = [image[r, c].astype(int) for r in rows for c in columns]
            made[y, x] = (2 * sum(around) + len(around)) // (2 * len(around))
    return made


rng = check.rng()
inside = "only pixels inside the picture count, in the sum and in the number"
for shape in ((1, 1), (1, 6), (5, 1), (4, 7), (6, 5, 3)):
    picture = rng.integers(0, 256, shape).astype(np.uint8)
    bright = np.full(shape, 255, np.uint8)
    for radius in (0, 1, 2, 9):
        for one in (picture, bright):
            check.case(
                *(blur, one, radius),
                want=slow_blur(one, radius),
                shown=f"blur(a picture of shape {shape}, {radius})",
                hint=inside,
            )
for radius in (-1, -5):
    shown = f"blur(a picture, {radius})"
    error = check.raises(blur, images.Invalid, picture, radius, shown=shown)
    check.equal(
        getattr(error, "code", None), "invalid_dimensions", shown=shown + ": code"
    )
shown = "blur of the row 0, 1 with radius 1: the mean is 0.5"
want = np.array([[1, 1]], np.uint8)
check.case(blur, np.array([[0, 1]], np.uint8), 1, want=want, shown=shown)
every = np.arange(256, dtype=np.uint8).reshape(16, 16)
for amount in (0, 1, -1, 90, -90, 255, -255, 1000, -1000):
    want = np.array(
        [[min(255, max(0, int(v) + amount)) for v in row] for row in every], np.uint8
    )
    check.case(
        *(brighten, every, amount),
        want=want,
        shown=f"brighten(0 to 255, {amount})",
        hint="add in a wider type, limit to 0 and 255, then go back to uint8",
    )

# %% [grade] e5.snapshot
import itertools


class LastFirst(ThreadPoolExecutor):
    """A pool whose first call ends only when eleven others have ended."""

    def __init__(self, max_workers: int) -> None:
        super().__init__(max_workers)
        self.numbers, self.ended = itertools.count(), threading.Semaphore(0)

    def submit(self, function: object, /, *args: object, **options: object) -> object:
        if next(self.numbers):
            future = super().submit(function, *args, **options)
            future.add_done_callback(lambda _: self.ended.release())
            return future

        def held() -> object:
            for _ in range(11):
                self.ended.acquire(timeout=0.3)
            return function(*args, **options)

        return super().submit(held)


rng = check.rng()
originals = "every job reads the files that were passed in, never what a job made"
for workers_now in (1, 2, 5):
    files = {name: rng.integers(0, 200, (3, 4)).astype(np.uint8) for name in "abc"}
    jobs, want, reports = [], {}, []
    for number in range(14):
        source, target = (str(name) for name in rng.choice(list("abcdef"), 2))
        amount = int(rng.integers(1, 50))
        jobs.append(images.Job(source, target, (("brighten", amount), ("rotate90", 2))))
        missing = source not in files
        reports.append(images.Report(number, "missing_input" if missing else None))
        if not missing:
            want[target] = np.rot90(files[source] + np.uint8(amount), 2)
    shown = (
        f"process_jobs(files a, b, c, 14 jobs from and to a … f, {workers_now} workers)"
    )
    got, made = check.call(
        *(process_jobs, files, jobs),
        executor_factory=ThreadPoolExecutor,
        workers=workers_now,
        shown=shown,
        hint=originals,
    )
    where = shown + ": reports"
    check.equal(
        got, reports, shown=where, ordered=True, hint="in the order of the jobs"
    )
    check.equal(made, want, shown=shown + ": files made", hint=originals)

photo_now = rng.integers(0, 256, (5, 6, 3)).astype(np.uint8)
steps = (("grayscale",), ("flip", "horizontal"), ("scale", 10, 3), ("blur", 1))
want = photo_now
for name, *rest in steps[:3]:
    want = images.OPERATIONS[name](want, *rest)
tall = np.pad(want.astype(float), 1, constant_values=np.nan)
near = [tall[y : y + 10, x : x + 3] for y in range(3) for x in range(3)]
want = np.floor(np.nanmean(near, axis=0) + 0.5 + 1e-9).astype(np.uint8)
shown = "process_jobs with grayscale, flip, scale, blur"
jobs = [images.Job("p", "q", steps), images.Job("p", "r", ())]
got, made = check.call(
    *(process_jobs, {"p": photo_now}, jobs),
    executor_factory=ThreadPoolExecutor,
    workers=2,
    shown=shown,
)
check.equal(got, [images.Report(0), images.Report(1)], shown=shown)
check.equal(made, {"q": want, "r": photo_now}, shown=shown, near=None)
shown = "process_jobs with 12 jobs, of which the first ends last"
jobs = [images.Job("p", "same", (("brighten", n),)) for n in range(11)]
jobs.insert(5, images.Job("gone", "same", ()))
got, made = check.within(
    *(process_jobs, {"p": photo_now}, jobs),
    executor_factory=LastFirst,
    workers=3,
    shown=shown,
    seconds=5,
)
want = [images.Report(n, "missing_input" if n == 5 else None) for n in range(12)]
late = "collect in the order of the jobs, not in the order in which they end"
check.equal(got, want, shown=shown + ": reports", ordered=True, hint=late)
want = {"same": np.minimum(photo_now.astype(int) + 10, 255).astype(np.uint8)}
check.equal(made, want, shown=shown + ": files made", hint=late)
shown = "process_jobs(files, [], …)"
got, made = check.call(
    *(process_jobs, {}, []), executor_factory=ThreadPoolExecutor, workers=1, shown=shown
)
check.equal((got, made), ([], {}), shown=shown)

# %% [grade] e5.failures
files = {"a": check.rng().integers(0, 256, (4, 4, 3)).astype(np.uint8)}
alone = "turn every error into the report of its own job; the others go on"
kinds = [
    ((("brighten", 5),), None),
    ((("sharpen", 1),), "invalid_operation"),
    ((("scale", 0, 5),), "invalid_dimensions"),
    ((("scale", 5, -1),), "invalid_dimensions"),
    ((("blur", -1),), "invalid_dimensions"),
    ((("flip", "diagonal"),), "invalid_operation"),
    ((("brighten",),), "invalid_operation"),
    ((("rotate90", "left"),), "invalid_operation"),
    ((("grayscale",), ("sharpen", 1)), "invalid_operation"),
    ((("flip", "vertical"),), None),
]
jobs = [images.Job("a", f"out{n}", steps) for n, (steps, _) in enumerate(kinds)]
jobs += [images.Job("gone", "out0", ()), images.Job("gone", "x", (("sharpen", 1),))]
want = [images.Report(n, error) for n, (_, error) in enumerate(kinds)]
want += [images.Report(n, "missing_input") for n in (len(kinds), len(kinds) + 1)]
shown = "process_jobs with ten jobs that fail beside two that succeed"
got, made = check.call(
    *(process_jobs, files, jobs),
    executor_factory=ThreadPoolExecutor,
    workers=3,
    shown=shown,
    hint=alone,
)
check.equal(got, want, shown=shown, ordered=True, hint=alone)
kept = "a job that fails leaves an earlier file of that name alone"
check.equal(sorted(made), ["out0", "out9"], shown=shown + ": files made", hint=kept)
check.equal(made["out9"], np.flip(files["a"], 0), shown=shown + ": out9", hint=kept)

# %% [grade] e5.processes
import pickle
from concurrent import futures


class FarAway(futures.Executor):
    """Runs each call at once, on copies, as another process would."""

    made, calls, limits = 0, 0, ()

    def __init__(self, max_workers: int) -> None:
        FarAway.made += 1
        FarAway.limits += (max_workers,)

    def submit(
        self, function: object, /, *args: object, **options: object
    ) -> futures.Future:
        FarAway.calls += 1
        packed = pickle.dumps((function, args, options))
        future = futures.Future()
        try:
            work, there, named = pickle.loads(packed)
            future.set_result(pickle.loads(pickle.dumps(work(*there, **named))))
        except Exception as error:
            future.set_exception(error)
        return future


FarAway.map = lambda self, function, *many, **_: [
    self.submit(function, *args).result() for args in zip(*many, strict=False)
]
picture = check.rng().integers(0, 100, (4, 4)).astype(np.uint8)
jobs = [images.Job("a", str(n), (("brighten", n), ("blur", 0))) for n in range(6)]
jobs.append(images.Job("a", "bad", (("sharpen",),)))
shown = "process_jobs(…, executor_factory=a pool of processes, workers=3)"
named = "submit a function that stands at the top level, with plain arguments"
reports, made = check.call(
    *(process_jobs, {"a": picture}, jobs),
    executor_factory=FarAway,
    workers=3,
    shown=shown,
    hint=named,
)
want = {str(n): picture + np.uint8(n) for n in range(6)}
check.equal(made, want, shown=shown + ": files made", hint=named)
want = [images.Report(n) for n in range(6)] + [images.Report(6, "invalid_operation")]
check.equal(reports, want, shown=shown, ordered=True)
check.equal(FarAway.limits, (3,), shown=shown + ": max_workers of each pool made")
check.true(
    FarAway.calls >= 7,
    shown=shown,
    said=f"handed {FarAway.calls} calls to the pool for 7 jobs",
    hint="submit each job, so that they can run side by side",
)


# %% [grade] e6.cycles
import itertools


def arrows_of(trace: list) -> list[tuple]:
    """Return (held, wanted, thread, locks held) for each first acquisition."""
    found, held = [], {}
    for thread, action, lock in trace:
        own = held.setdefault(thread, [])
        if action == "rel":
            own.remove(lock)
            continue
        if lock not in own:
            found += [(before, lock, thread, set(own)) for before in set(own)]
        own.append(lock)
    return found


def cycles_of(trace: list) -> list[tuple[str, ...]]:
    arrows, found = arrows_of(trace), set()
    locks = sorted({lock for _, _, lock in trace})
    for size in range(2, len(locks) + 1):
        for path in itertools.permutations(locks, size):
            if path[0] != min(path):
                continue
            steps = zip(path, (*path[1:], path[0]), strict=True)
            choices = [[a for a in arrows if a[:2] == step] for step in steps]
            for chosen in itertools.product(*choices):
                apart = all(
                    a[2] != b[2] and not a[3] & b[3]
                    for a, b in itertools.combinations(chosen, 2)
                )
                if apart:
                    found.add(path)
                    break
    return sorted(found)


def nest(thread: str, *locks: str) -> list[tuple[str, str, str]]:
    taken = [(thread, "acq", lock) for lock in locks]
    return taken + [(thread, "rel", lock) for lock in reversed(locks)]


one_thread = "the arrows of a cycle come from different threads"
for trace, want, shown, hint in (
    ([], [], "an empty trace", ""),
    (nest("T1", "A", "B") + nest("T2", "A", "B"), [], "two threads, same order", ""),
    (nest("T1", "A", "B") + nest("T2", "B", "A"), [("A", "B")], "AB and BA", ""),
    (nest("T1", "A", "B") + nest("T1", "B", "A"), [], "one thread: AB, BA", one_thread),
    (
        nest("T1", "A", "B") + nest("T2", "B", "C") + nest("T1", "C", "A"),
        [],
        "T1: AB, CA; T2: BC",
        one_thread,
    ),
    (
        nest("T1", "B", "A") + nest("T2", "C", "B") + nest("T3", "A", "C"),
        [("A", "C", "B")],
        "BA, CB and AC",
        "a cycle goes from the held lock to the wanted one",
    ),
    (
        nest("T1", "A", "X", "B") + nest("T2", "B", "A"),
        [("A", "B")],
        "AXB and BA",
        "an arrow leaves every lock held, not only the last one taken",
    ),
    (
        [e for i in range(5) for e in nest(f"T{i}", f"L{i}", f"L{(i + 1) % 5}")],
        [("L0", "L1", "L2", "L3", "L4")],
        "five philosophers, five forks",
        "a cycle may have any length",
    ),
    (
        nest("T1", "A", "B")
        + nest("T2", "B", "A")
        + nest("T3", "C", "D", "C")[:2]
        + nest("T4", "D", "C"),
        [("A", "B"), ("C", "D")],
        "two pairs",
        "report every cycle, sorted",
    ),
):
    where = f"lock_order_cycles({shown})"
    check.case(lock_order_cycles, trace, want=want, shown=where, hint=hint)

rng = check.rng()
for trial in range(150):
    locks, crew = list("ABCDE")[: int(rng.integers(2, 6))], int(rng.integers(2, 5))
    parts = []
    for _ in range(int(rng.integers(2, 9))):
        depth = min(len(locks), int(rng.integers(2, 4)))
        names = [str(name) for name in rng.permutation(locks)[:depth]]
        parts.append(nest(f"T{rng.integers(crew)}", *names))
    trace = [event for part in parts for event in part]
    shown = f"lock_order_cycles({trace})"
    shown = shown if len(shown) < 400 else f"lock_order_cycles(random trace {trial})"
    check.case(lock_order_cycles, trace, want=cycles_of(trace), shown=shown)

# %% [grade] e6.reentry
again = "count how often a thread holds a lock; only the first time gives an arrow"
twice = [("T1", "acq", "A"), ("T1", "acq", "A"), ("T1", "rel", "A"), ("T1", "acq", "B")]
twice += [("T1", "rel", "B"), ("T1", "rel", "A")]
other = [("T2", "acq", "B"), ("T2", "acq", "A"), ("T2", "rel", "A"), ("T2", "rel", "B")]
shown = "lock_order_cycles(T1: A, A again, release once, B; T2: B, A)"
check.case(lock_order_cycles, twice + other, want=[("A", "B")], shown=shown, hint=again)
inner = [("T1", "acq", "A"), ("T1", "acq", "B"), ("T1", "acq", "A")]
inner += [("T1", "rel", "A"), ("T1", "rel", "B"), ("T1", "rel", "A")]
shown = "lock_order_cycles(T1: A, B, A again; T2: the same)"
same = [("T2", action, lock) for _, action, lock in inner]
check.case(lock_order_cycles, inner + same, want=[], shown=shown, hint=again)
crossed = [("T1", "acq", "A"), ("T1", "acq", "B"), ("T1", "rel", "A")]
crossed += [("T1", "acq", "C"), ("T1", "rel", "B"), ("T1", "rel", "C")]
third = [("T2", "acq", "C"), ("T2", "acq", "A"), ("T2", "rel", "C"), ("T2", "rel", "A")]
shown = "lock_order_cycles(T1: A, B, release A, C; T2: C, A)"
check.case(
    *(lock_order_cycles, crossed + third),
    want=[],
    shown=shown,
    hint="locks are released in any order: an arrow leaves only what is held",
)
third = [(thread, action, lock.replace("A", "B")) for thread, action, lock in third]
shown = "lock_order_cycles(T1: A, B, release A, C; T2: C, B)"
check.case(lock_order_cycles, crossed + third, want=[("B", "C")], shown=shown)
for trace, shown in (
    ([("T1", "rel", "A")], "a release of what nobody holds"),
    ([("T1", "acq", "A"), ("T2", "rel", "A")], "T2 releases what T1 holds"),
    ([*twice, ("T1", "rel", "A")], "A taken twice, released three times"),
):
    check.raises(
        lock_order_cycles, ValueError, trace, shown=f"lock_order_cycles({shown})"
    )

# %% [grade] e6.gates


def hold(thread: str, *locks: str) -> list[tuple[str, str, str]]:
    taken = [(thread, "acq", lock) for lock in locks]
    return taken + [(thread, "rel", lock) for lock in reversed(locks)]


def early(thread: str, first: str, second: str) -> list[tuple[str, str, str]]:
    """G guards the first lock only: it is released before the second is taken."""
    order = [("acq", "G"), ("acq", first), ("rel", "G"), ("acq", second)]
    order += [("rel", second), ("rel", first)]
    return [(thread, action, lock) for action, lock in order]


gate = "two threads that hold a common lock cannot both be at their arrow"
free = "a gate counts only if it is held at the moment of the arrow, by both"
for trace, want, shown, hint in (
    (hold("T1", "G", "A", "B") + hold("T2", "G", "B", "A"), [], "G around both", gate),
    (
        hold("T1", "G", "A", "B") + hold("T2", "B", "A"),
        [("A", "B")],
        "G around one of them",
        free,
    ),
    (
        hold("T1", "G", "A", "B") + hold("T2", "H", "B", "A"),
        [("A", "B")],
        "two different gates",
        free,
    ),
    (
        early("T1", "A", "B") + early("T2", "B", "A"),
        [("A", "B")],
        "G released before the second lock",
        free,
    ),
    (
        hold("T1", "G", "A", "B") + hold("T2", "G", "B", "A") + hold("T2", "B", "A"),
        [("A", "B")],
        "T2 once with G and once without",
        "keep every arrow: one without a gate is enough",
    ),
    (
        hold("T1", "G", "A", "B") + hold("T2", "B", "C") + hold("T3", "G", "C", "A"),
        [],
        "three threads, two of them under G",
        gate,
    ),
    (
        hold("T1", "A", "B") + hold("T2", "G", "B", "C") + hold("T3", "G", "C", "A"),
        [],
        "three threads, the other two under G",
        gate,
    ),
    (
        hold("T1", "B", "G") + hold("T2", "G", "A", "B"),
        [("B", "G")],
        "the gate itself is in a cycle",
        "a gate is a lock like any other",
    ),
):
    where = f"lock_order_cycles({shown})"
    check.case(lock_order_cycles, trace, want=want, shown=where, hint=hint)
