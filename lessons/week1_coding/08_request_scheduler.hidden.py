"""Hidden tests of notebook 8 of week 1, one block for each graded cell."""

# %% [grade] e1.order
import math
from fractions import Fraction

from course.sim.serving import Request

rng = check.rng()
rule = "least priority + arrived / tau first, ties by submission"


def next_one(waiting, tau, now):
    """Return the ticket with the least effective priority, found by a full sort."""

    def effective(ticket):
        req = waiting[ticket]
        age = Fraction(now) - Fraction(req.arrived)
        aged = 0 if tau == math.inf else age / Fraction(tau)
        return Fraction(req.priority) - aged, ticket

    return sorted(waiting, key=effective)[0]


for trial in range(40):
    tau = (math.inf, 0.5, 2, 16)[trial % 4]
    queue = check.call(RequestQueue, tau, shown=f"RequestQueue({tau})")
    waiting, now, said = {}, 0.0, []
    for number in range(4 + trial // 2):
        now += float(rng.integers(0, 3)) / 2
        if rng.random() < 0.7:
            age = float(rng.integers(0, 40)) / 2
            req = Request(
                f"r{number}",
                priority=int(rng.integers(0, 4)),
                arrived=max(0.0, now - age),
                payload=(None, {"text": number}, [number])[number % 3],
            )
            ticket = queue.submit(req)
            waiting[ticket] = req
            said.append(f"{req.name} (priority {req.priority}, arrived {req.arrived})")
        elif waiting:
            shown = f"RequestQueue({tau}) with {', '.join(said[-4:])}: pop({now})"
            got = check.call(queue.pop, now, shown=shown, hint=rule)
            want = waiting.pop(next_one(waiting, tau, now))
            check.equal(got.name, want.name, shown=shown, hint=rule)
    shown = f"RequestQueue({tau}) after {', '.join(said[-5:])}: pop until empty"
    while waiting:
        got = check.call(queue.pop, now, shown=shown, hint=rule)
        want = waiting.pop(next_one(waiting, tau, now))
        check.equal(got.name, want.name, shown=shown, hint=rule)
    check.equal(queue.pop(now), None, shown=shown + ", then once more")

equal_ones = [Request(f"r{n}", payload={"n": n}) for n in range(30)]
queue = check.call(RequestQueue, shown="RequestQueue()")
tickets = [queue.submit(req) for req in equal_ones]
shown = "30 requests of equal priority"
check.equal(len(set(tickets)), 30, shown=f"{shown}: the number of tickets")
got = [queue.pop(0.0).name for _ in equal_ones]
check.equal(got, [req.name for req in equal_ones], shown=shown, hint=rule)
first = Request("first", payload=[{"a": 1}])
queue.submit(first)
check.equal(queue.pop(1.0), first, shown="pop after submit: the whole request")

starving = check.call(RequestQueue, 2.0, shown="RequestQueue(2.0)")
starving.submit(Request("patient", priority=10, arrived=0.0))
for second in range(40):
    starving.submit(Request("urgent", priority=0, arrived=float(second)))
    if starving.pop(float(second)).name == "patient":
        break
shown = "RequestQueue(2.0): priority 10 at 0 s, each second one of priority 0: seconds"
check.at_most(second, 21, "until the patient one is served", shown=shown, hint=rule)
for bad in (0, -1.5):
    check.raises(RequestQueue, ValueError, bad)

# %% [grade] e1.deadlines
import math

from course.sim.serving import Request

late = "past its deadline means now > deadline; pop passes over it, expire reports it"
queue = check.call(RequestQueue, shown="RequestQueue()")
tickets = {}
for name, level, deadline in (
    *[("a", 0, 5.0), ("b", 1, 9.0), ("c", 2, 5.0), ("d", 3, math.inf), ("e", 4, 3.0)],
    *[("f", 5, 7.0), ("g", 6, 6.0)],
):
    tickets[name] = queue.submit(Request(name, priority=level, deadline=deadline))
names = {ticket: name for name, ticket in tickets.items()}
base = "a to g with deadlines 5 9 5 - 3 7 6"
shown = f"{base}: expire(3.0)"
check.equal([names.get(t) for t in queue.expire(3.0)], [], shown=shown, hint=late)
shown = f"{base}: pop(5.0)"
got = check.call(queue.pop, 5.0, shown=shown, hint=late)
check.equal(got.name, "a", shown=shown, hint=late)
shown = f"{base}: pop(6.5), after a was popped"
got = check.call(queue.pop, 6.5, shown=shown, hint=late)
check.equal(got.name, "b", shown=shown, hint=late)
shown = f"{base}: then pop(6.5) again"
got = check.call(queue.pop, 6.5, shown=shown, hint=late)
check.equal(got.name, "d", shown=shown, hint=late)
check.equal(len(queue), 4, shown=f"{base}: len after three pops", hint=late)
shown = f"{base}: expire(6.5), after a, b and d were popped"
got = [names.get(t) for t in check.call(queue.expire, 6.5, shown=shown)]
check.equal(got, ["e", "c", "g"], shown=shown, hint="earliest deadline first")
check.equal(queue.expire(6.5), [], shown=f"{shown}, once more")
check.equal(queue.cancel(tickets["e"]), False, shown="cancel of what expired")
check.equal(len(queue), 1, shown=f"{shown}: len")
check.equal(queue.pop(7.0).name, "f", shown=f"{base}: pop(7.0)", hint=late)
check.equal(queue.expire(math.inf), [], shown="expire(inf) of an empty queue")

queue = check.call(RequestQueue, shown="RequestQueue()")
tickets = [queue.submit(Request(str(n), deadline=1.0)) for n in range(12)]
shown = "12 requests with one deadline: expire"
check.equal(queue.expire(2.0), tickets, shown=shown, hint="ties by submission")

rng = check.rng()
for _ in range(15):
    queue = check.call(RequestQueue, 4.0, shown="RequestQueue(4.0)")
    alive, now = {}, 0.0
    for number in range(25):
        now += float(rng.integers(0, 2))
        deadline = now + float(rng.integers(0, 12))
        level = int(rng.integers(3))
        req = Request(f"r{number}", level, arrived=now, deadline=deadline)
        alive[queue.submit(req)] = req
        if rng.random() < 0.3:
            on_time = [t for t in alive if alive[t].deadline >= now]
            ranked = sorted(
                on_time, key=lambda t: (alive[t].priority + alive[t].arrived / 4, t)
            )
            want = alive.pop(ranked[0]).name if ranked else None
            got = queue.pop(now)
            shown = f"RequestQueue(4.0), {number} random requests: pop({now})"
            check.equal(got and got.name, want, shown=shown, hint=late)
        if rng.random() < 0.3:
            gone = [t for t in alive if alive[t].deadline < now]
            gone.sort(key=lambda t: (alive[t].deadline, t))
            shown = f"RequestQueue(4.0), {number} random requests: expire({now})"
            check.equal(queue.expire(now), gone, shown=shown, hint=late)
            for ticket in gone:
                del alive[ticket]
        check.equal(len(queue), len(alive), shown="len after random operations")

# %% [grade] e1.cancel
from course.sim.serving import Request

once = "a ticket is waiting from submit until it is popped, cancelled or expired"
queue = check.call(RequestQueue, shown="RequestQueue()")
check.equal(queue.cancel(0), False, shown="RequestQueue().cancel(0)", hint=once)
reqs = [Request(f"r{n}", priority=n % 3) for n in range(9)]
tickets = [queue.submit(req) for req in reqs]
got = [queue.cancel(tickets[n]) for n in (0, 4, 4, 8)]
shown = "nine requests: cancel numbers 0, 4, 4, 8"
check.equal(got, [True, True, False, True], shown=shown, hint=once)
check.equal(len(queue), 6, shown=f"{shown}: len", hint=once)
popped = queue.pop(0.0)
shown = f"{shown}: pop"
check.equal(popped.name, "r3", shown=shown, hint="a cancelled one is never served")
got = queue.cancel(tickets[3])
check.equal(got, False, shown=f"{shown}, then cancel that one", hint=once)
again = queue.submit(reqs[0])
shown = "number 0 submitted again after it was cancelled"
check.true(
    again not in tickets,
    shown=shown,
    said="got a ticket that was used before",
    hint="count tickets up; never reuse one",
)
got = [queue.pop(0.0).name for _ in range(6)]
check.equal(got, ["r6", "r0", "r1", "r7", "r2", "r5"], shown=f"{shown}: pop all")
check.equal((queue.pop(0.0), len(queue)), (None, 0), shown=f"{shown}: empty")
check.equal(queue.cancel(again), False, shown="cancel of what was popped", hint=once)

rng = check.rng()
queue, alive = check.call(RequestQueue, shown="RequestQueue()"), {}
used, names = [], {}
for number in range(200):
    if rng.random() < 0.55 or not used:
        level = int(rng.integers(4))
        ticket = queue.submit(Request(f"r{number}", priority=level))
        alive[ticket], names[ticket] = level, f"r{number}"
        used.append(ticket)
    elif rng.random() < 0.7:
        ticket = used[int(rng.integers(max(0, len(used) - 30), len(used)))]
        shown = f"cancel({ticket}) after {number} random operations"
        want = alive.pop(ticket, None) is not None
        check.equal(queue.cancel(ticket), want, shown=shown, hint=once)
    elif alive:
        want = min(alive, key=lambda t: (alive[t], t))
        shown = f"pop after {number} random operations"
        got = check.call(queue.pop, 0.0, shown=shown)
        check.equal(got.priority, alive.pop(want), shown=shown, hint=once)
        check.equal(got.name, names[want], shown=shown, hint=once)
    check.equal(len(queue), len(alive), shown=f"len after {number} random operations")


for _ in range(6):
    queue, alive = check.call(RequestQueue, shown="RequestQueue()"), {}
    for level in rng.permutation(70).tolist():
        alive[queue.submit(Request("r", priority=level))] = level
    for ticket in rng.permutation(sorted(alive))[:55].tolist():
        queue.cancel(ticket)
        del alive[ticket]
    got = [queue.pop(0.0).priority for _ in alive]
    shown = "70 requests, 55 of them cancelled: the priorities that pop gives"
    hint = "a heap of which entries are taken out is no heap: heapify"
    check.equal(got, sorted(alive.values()), shown=shown, hint=hint)

# %% [grade] e1.cost
import gc
import time
import types
from collections import deque

from course.sim.serving import Request

SKIPPED = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)


def entries(thing) -> int:
    """Return how many entries all containers hold that can be reached from `thing`."""
    seen, stack, count = set(), [thing], 0
    while stack:
        one = stack.pop()
        if id(one) in seen or isinstance(one, (*SKIPPED, Request)):
            continue
        seen.add(id(one))
        if isinstance(one, (list, dict, set, frozenset, deque)):
            count += len(one)
        stack += gc.get_referents(one)
    return count


garbage = "rebuild a heap from what is waiting when most of it is dead"
for how in ("cancelled", "popped", "expired"):
    queue = check.call(RequestQueue, shown="RequestQueue()")
    queue.submit(Request("kept", priority=-9 if how != "popped" else 9))
    for number in range(12_000):
        now = float(number)
        req = Request("r", arrived=now, deadline=1e9 if how == "popped" else now)
        ticket = queue.submit(req)
        if how == "cancelled":
            queue.cancel(ticket)
        elif how == "popped":
            queue.pop(now)
        else:
            queue.expire(now + 0.5)
    shown = f"one request waits, 12,000 behind it were {how}"
    check.equal(len(queue), 1, shown=f"{shown}: len")
    check.at_most(
        entries(queue), 3000, "entries in its containers", shown=shown, hint=garbage
    )

WORK = {
    "cancel": lambda queue, tickets: [queue.cancel(t) for t in tickets],
    "pop": lambda queue, tickets: [queue.pop(0.0) for _ in tickets],
    "submit": lambda queue, tickets: [
        queue.submit(Request("s", priority=-t)) for t in tickets
    ],
    "expire": lambda queue, tickets: [queue.expire(0.0) for _ in tickets * 3],
}
rng = check.rng()


def seconds(work: str, waiting: int) -> float:
    """Return processor seconds of 200 calls while so many wait."""
    queue = RequestQueue(5.0)
    levels = rng.integers(0, 1000, waiting).tolist()
    tickets = [
        queue.submit(Request("r", priority=level, deadline=1e6 + level))
        for level in levels
    ]
    chosen = [tickets[n] for n in rng.permutation(waiting)[:200]]
    start = time.thread_time()
    WORK[work](queue, chosen)
    return time.thread_time() - start


for work in WORK:
    shown = f"200 calls of {work} while 250 and 6,000 wait"
    check.call(seconds, work, 250, shown=shown)
    check.at_most(
        lambda work=work: seconds(work, 6000) / seconds(work, 250),
        6,
        "times the processor time with 24 times as many waiting",
        shown=shown,
        hint="a dict finds a ticket at once, a heap its front; nothing may search",
    )

# %% [grade] e2.budget
import itertools

from course.sim.serving import Request

rng = check.rng()
front = "fill from the front: take each that still fits, pass over what does not"


def best_batch(waiting, *, max_seqs, token_budget, now, max_wait):
    """Try every set of requests; the one that is filled from the front wins."""
    possible = [req for req in waiting if req.tokens <= token_budget]
    models = []
    for req in possible:
        models += [req.model] if req.model not in models else []
    for model in models:
        mine = [req for req in possible if req.model == model]
        best = max(
            taken
            for taken in itertools.product((False, True), repeat=len(mine))
            if sum(taken) <= max_seqs
            and sum(r.tokens for r, t in zip(mine, taken, strict=True) if t)
            <= token_budget
        )
        batch = [req for req, taken in zip(mine, best, strict=True) if taken]
        oldest = min(req.arrived for req in batch)
        total = sum(req.tokens for req in batch)
        full = len(batch) < len(mine) or len(batch) >= max_seqs
        if full or total >= token_budget or now - oldest >= max_wait:
            return batch
    return []


for trial in range(300):
    waiting = [
        Request(
            f"r{n}",
            tokens=int(rng.integers(1, 9)),
            arrived=float(rng.integers(0, 10)),
            model=str(rng.choice(["x", "y"])) if trial % 2 else "",
        )
        for n in range(int(rng.integers(0, 8)))
    ]
    limits = {
        "max_seqs": int(rng.integers(1, 5)),
        "token_budget": int(rng.integers(4, 16)),
        "now": 10.0,
        "max_wait": float(rng.choice([0, 3, 6, 100])),
    }
    words = ", ".join(f"{name}={value}" for name, value in limits.items())
    drawn = ", ".join(
        f"{r.name}: {r.tokens} tokens from {r.arrived:g} s {r.model}" for r in waiting
    )
    shown = f"form_batch([{drawn}], {words})"
    got = check.call(form_batch, waiting, shown=shown, hint=front, **limits)
    names = [req.name for req in got]
    got_tokens = sum(req.tokens for req in got)
    check.at_most(
        got_tokens, limits["token_budget"], "tokens in the batch", shown=shown
    )
    want = [req.name for req in best_batch(waiting, **limits)]
    check.equal(names, want, shown=shown, hint=front)
for bad in (0, -1):
    shown = f"form_batch([], max_seqs={bad}, token_budget=8, now=0, max_wait=1)"
    limits = {"max_seqs": bad, "token_budget": 8, "now": 0, "max_wait": 1}
    check.raises(form_batch, ValueError, [], shown=shown, **limits)

# %% [grade] e2.wait
from course.sim.serving import Request

full = "full: max_seqs taken, no token left, or one of the same model passed over"
due = "due: any member has waited max_wait or more since it arrived"
rows = [
    ([(4, 0), (5, 0)], 9, 3, 1, [], full),
    ([(4, 0), (6, 0)], 9, 3, 1, [0, 1], full + " (here: no token is left)"),
    ([(4, 0), (7, 0)], 9, 3, 1, [0], full + " (here: passed over)"),
    ([(1, 0), (1, 0)], 2, 3, 1, [0, 1], full + " (here: max_seqs)"),
    ([(1, 0), (1, 0), (1, 0)], 2, 3, 1, [0, 1], full),
    ([(4, 0)], 9, 3, 3, [0], due + " (here: exactly max_wait)"),
    ([(4, 0)], 9, 3, 2.875, [], due),
    ([(4, 2), (1, 0)], 9, 3, 3, [0, 1], due + " (here: not the first)"),
    ([(1, 2), (1, 0), (1, 2)], 9, 3, 3, [0, 1, 2], due + " (here: one in the middle)"),
    ([(1, 1), (1, 2), (1, 1)], 9, 3, 3, [], due),
    ([(4, 5)], 9, 0, 5, [0], "max_wait=0 means at once"),
    ([], 9, 0, 5, [], "nobody waits"),
]
for sizes, max_seqs, max_wait, now, want, hint in rows:
    waiting = [
        Request(f"r{n}", tokens=tokens, arrived=float(arrived))
        for n, (tokens, arrived) in enumerate(sizes)
    ]
    limits = {"token_budget": 10, "max_seqs": max_seqs}
    limits |= {"now": float(now), "max_wait": max_wait}
    words = ", ".join(f"{name}={value}" for name, value in limits.items())
    shown = f"form_batch((tokens, arrived) = {sizes}, {words})"
    got = check.call(form_batch, waiting, shown=shown, hint=hint, **limits)
    check.equal([r.name for r in got], [f"r{n}" for n in want], shown=shown, hint=hint)

# %% [grade] e2.model
from course.sim.serving import Request

apart = "one model a batch; try the models in order, and start the first that is ready"
rows = [
    ("xyx", [5, 5, 5], [0, 0, 0], 2, [0, 2]),
    ("xyy", [5, 6, 6], [0, 0, 0], 9, [1]),
    ("xyy", [5, 5, 5], [0, 0, 0], 9, [1, 2]),
    ("xy", [5, 5], [0, -9], 9, [1]),
    ("xy", [5, 5], [-9, -9], 9, [0]),
    ("xy", [5, 5], [0, 0], 9, []),
    ("xyz", [6, 6, 6], [0, 0, 0], 9, []),
    ("yxzxz", [1, 4, 5, 5, 5], [0, 0, 0, 0, 0], 9, [2, 4]),
    ("xyxx", [99, 5, 5, 5], [0, 0, 0, 0], 2, [2, 3]),
    ("xyxyx", [99, 5, 5, 5, 5], [0, 0, 0, 0, 0], 9, [1, 3]),
]
for models, sizes, arrived, max_seqs, want in rows:
    waiting = [
        Request(f"r{n}", tokens=size, model=model, arrived=float(came))
        for n, (model, size, came) in enumerate(
            zip(models, sizes, arrived, strict=True)
        )
    ]
    limits = {"token_budget": 10, "max_seqs": max_seqs, "now": 0.0, "max_wait": 5}
    words = ", ".join(f"{name}={value}" for name, value in limits.items())
    shown = f"form_batch(models {models}, tokens {sizes}, arrived {arrived}, {words})"
    got = check.call(form_batch, waiting, shown=shown, hint=apart, **limits)
    check.equal([r.name for r in got], [f"r{n}" for n in want], shown=shown, hint=apart)

# %% [grade] e2.long
from course.sim.serving import Request

over = "a request that does not fit is passed over; at the front it goes first"
waiting = [Request("short", tokens=3), Request("long", tokens=9)]
waiting += [Request(f"s{n}", tokens=2) for n in range(20)]
limits = {"max_seqs": 8, "token_budget": 10, "now": 0.0, "max_wait": 5}
rounds = []
for _ in range(3):
    shown = f"form_batch(3, 9, 2, 2, 2, … tokens), round {len(rounds) + 1}"
    got = check.call(form_batch, waiting, shown=shown, hint=over, **limits)
    rounds.append([req.name for req in got])
    waiting = [req for req in waiting if req.name not in rounds[-1]]
    waiting += [Request(f"new {len(rounds)} {n}", tokens=2) for n in range(4)]
want = [["short", "s0", "s1", "s2"], ["long"], ["s3", "s4", "s5", "s6", "s7"]]
check.equal(rounds, want, shown="form_batch, three rounds in a row", hint=over)

never = "what exceeds the whole budget is ignored: it fills nothing, blocks nobody"
rows = [
    ([(11, 0)], []),
    ([(11, -9)], []),
    ([(11, 0), (4, 0)], []),
    ([(4, 0), (11, 0)], []),
    ([(11, -9), (4, 0)], []),
    ([(11, 0), (4, -9)], [1]),
    ([(11, 0), (4, 0), (6, 0)], [1, 2]),
    ([(4, 0), (50, 0), (7, 0)], [0]),
    ([(10, 0), (1, 0)], [0]),
    ([(10, 0)], [0]),
]
for sizes, want in rows:
    waiting = [
        Request(f"r{n}", tokens=tokens, arrived=float(arrived))
        for n, (tokens, arrived) in enumerate(sizes)
    ]
    shown = f"form_batch((tokens, arrived) = {sizes}, token_budget=10, now=0)"
    got = check.call(form_batch, waiting, shown=shown, hint=never, **limits)
    check.equal([r.name for r in got], [f"r{n}" for n in want], shown=shown, hint=never)

# %% [grade] e3.refill
from fractions import Fraction

NS = 1_000_000_000
rng = check.rng()
rule = "rate tokens a second flow in, at most burst stay; a refusal takes nothing"
for rate, burst, start in (
    *[(1, 1, 0), (2, 4, 7), (3, 10, 1_760_000_000_123_456_789)],
    *[(7, 3, 0), (1000, 50, 10**15), (999_999_937, 5, 3)],
):
    now = [start]
    name = f"TokenBucket({rate}, {burst})"
    bucket = check.call(TokenBucket, rate, burst, lambda t=now: t[0], shown=name)
    level, last = Fraction(burst), start
    for _ in range(60):
        gap = int(rng.integers(0, 3 * NS)) * burst // rate
        now[0] += gap if rng.random() < 0.3 else gap // 10
        n = int(rng.integers(0, burst + 1))
        level += Fraction((now[0] - last) * rate, NS)
        level, last = min(level, Fraction(burst)), now[0]
        want = 0
        if n > level:
            short = (n - level) * NS / rate
            want = -(-short.numerator // short.denominator)
        else:
            level -= n
        shown = f"{name}, {float(level):.6g} tokens in it: take({n})"
        check.case(bucket.take, n, want=want, shown=shown, hint=rule)

now = [0]
bucket = check.call(TokenBucket, 5, 3, lambda: now[0], shown="TokenBucket(5, 3)")
now[0] = 3600 * NS
shown = "TokenBucket(5, 3), unused for an hour: take(1) four times"
got = [bucket.take(1) for _ in range(4)]
hint = "what does not fit into the bucket is lost"
check.equal(got, [0, 0, 0, 200_000_000], shown=shown, hint=hint)

# %% [grade] e3.polling
NS = 1_000_000_000
lost = "count billionths of a token: rate of them come each nanosecond, none is lost"
for rate, burst, every in ((2, 5, 7_000_000), (1, 1, 999_983), (3, 2, 1)):
    now = [0]
    name = f"TokenBucket({rate}, {burst})"
    bucket = check.call(TokenBucket, rate, burst, lambda t=now: t[0], shown=name)
    check.equal(bucket.take(burst), 0, shown=f"{name}: take({burst}) when full")
    need = -(-burst * NS // rate)
    for polls in range(1, 250):
        now[0] += every
        if now[0] >= need:
            break
        shown = f"{name}, emptied, asked {polls} times, every {every:,} ns"
        check.case(bucket.take, burst, want=need - now[0], shown=shown, hint=lost)
    now[0] = need - 1
    shown = f"{name}, emptied, asked {polls} times: a nanosecond before it is full"
    check.case(bucket.take, burst, want=1, shown=shown, hint=lost)
    now[0] = need
    shown = f"{name}, emptied, asked {polls} times: when it is full again"
    check.case(bucket.take, burst, want=0, shown=shown, hint=lost)

rng = check.rng()
enough = "round the wait up, and count whole billionths, so that it is exactly enough"
now = [1_760_000_000_123_456_789]
for rate, burst in ((3, 7), (7, 2), (1_000_003, 100), (13, 9)):
    name = f"TokenBucket({rate}, {burst})"
    bucket = check.call(TokenBucket, rate, burst, lambda: now[0], shown=name)
    for _ in range(40):
        n = int(rng.integers(1, burst + 1))
        shown = f"{name}: take({n}) after the wait it named"
        wait = check.call(bucket.take, n, shown=shown)
        if wait:
            now[0] += wait - 1
            check.equal(bucket.take(n), 1, shown=f"{shown}, less 1 ns", hint=enough)
            now[0] += 1
            check.equal(bucket.take(n), 0, shown=shown, hint=enough)

# %% [grade] e3.clock
NS = 1_000_000_000
still = "now = max(clock, the last look): time that goes back stands still"
now = [10 * NS]
name = "TokenBucket(2, 4)"
bucket = check.call(TokenBucket, 2, 4, lambda: now[0], shown=name)
check.equal(bucket.take(4), 0, shown=f"{name} at 10 s: take(4)")
steps = [(5, 1, NS // 2), (9, 2, NS), (10, 1, NS // 2)]
steps += [(10.5, 1, 0), (10.5, 1, NS // 2), (1, 1, NS // 2), (11, 1, 0)]
steps += [(100, 4, 0), (99, 4, 2 * NS), (101, 2, 0), (101, 1, NS // 2)]
for at, n, want in steps:
    now[0] = int(at * NS)
    shown = f"{name}, emptied at 10 s; the clock then says …, {at} s: take({n})"
    check.case(bucket.take, n, want=want, shown=shown, hint=still)

# %% [grade] e3.refused
NS = 1_000_000_000
now = [0]
name = "TokenBucket(2, 4)"
bucket = check.call(TokenBucket, 2, 4, lambda: now[0], shown=name)
never = "no wait helps: raise ValueError before anything changes"
for n in (5, 1000, -1, -5):
    shown = f"{name}: take({n})"
    check.raises(bucket.take, ValueError, n, shown=shown, hint=never)
nothing = "a refusal takes nothing"
check.equal(bucket.take(3), 0, shown=f"{name}, after refusals: take(3)", hint=nothing)
got = [bucket.take(4), bucket.take(2), bucket.take(1), bucket.take(0)]
want = [3 * NS // 2, NS // 2, 0, 0]
shown = f"{name} with 1 token left: take 4, 2, 1, 0"
check.equal(got, want, shown=shown, hint=nothing)
for n in (5, -1):
    shown = f"{name}, empty: take({n})"
    check.raises(bucket.take, ValueError, n, shown=shown, hint=never)
for rate, burst in ((0, 4), (2, 0), (-1, 4), (2, -4)):
    shown = f"TokenBucket({rate}, {burst})"
    check.raises(TokenBucket, ValueError, rate, burst, lambda: 0, shown=shown)
check.equal(
    check.call(TokenBucket, 1, 1, lambda: 0, shown="TokenBucket(1, 1)").take(1),
    0,
    shown="TokenBucket(1, 1): take(1)",
)

# %% [grade] e4.blocks
import numpy as np

rng = check.rng()
place = "token i belongs into slot i % block of block table[i // block]"
for num_blocks, block in ((6, 3), (9, 1), (5, 4)):
    name = f"PagedKV({num_blocks}, {block})"
    kv = check.call(PagedKV, num_blocks, block, shown=name)
    whole = np.asarray(kv.memory)
    shape = whole.shape, str(whole.dtype)
    check.equal(shape, ((num_blocks, block), "int64"), shown=f"{name}.memory")
    texts = {}
    for number in range(110):
        verb = str(rng.choice(["alloc", "append", "append", "append", "free"]))
        seq = str(rng.choice(list("ABCD")))
        used = sum(-(-len(text) // block) for text in texts.values())
        left = num_blocks - used
        if seq in texts and verb == "free":
            kv.free(seq)
            del texts[seq]
        elif seq in texts:
            token = int(rng.integers(1, 2**40))
            good = len(texts[seq]) % block != 0 or left > 0
            shown = f"{name}, {number} random operations, {left} free: append({seq!r})"
            check.case(kv.append, seq, token, want=good, shown=shown)
            texts[seq] += [token] * good
        else:
            text = rng.integers(1, 2**40, int(rng.integers(0, 2 * block + 2))).tolist()
            good = -(-len(text) // block) <= left
            shown = f"{name}, {left} free: alloc({seq!r}, {len(text)} tokens)"
            check.case(kv.alloc, seq, text, want=good, shown=shown)
            if good:
                texts[seq] = text
        memory = np.asarray(kv.memory)
        owned = []
        for seq, text in texts.items():
            shown = f"{name}, {number + 1} random operations, sequence {seq}"
            table = kv.table(seq)
            owned += table
            check.equal(len(table), -(-len(text) // block), shown=f"{shown}: blocks")
            got = [int(memory[table[i // block], i % block]) for i in range(len(text))]
            check.equal(got, text, shown=f"{shown}: its tokens", hint=place)
        check.equal(
            len(set(owned)),
            len(owned),
            shown=f"{name}, {number + 1} random operations: different blocks in tables",
            hint="a block belongs to one sequence at a time",
        )

# %% [grade] e4.full
import numpy as np

same = "count first, take afterwards: a refusal changes nothing"


def state(kv, names):
    tables = [kv.table(name) for name in names]
    return tables, np.asarray(kv.memory).tolist(), kv.stats()


kv = check.call(PagedKV, 5, 2, shown="PagedKV(5, 2)")
kv.alloc("A", [1, 2, 3])
kv.alloc("B", [4, 5])
before = state(kv, "AB")
shown = "PagedKV(5, 2) with 2 free blocks: alloc of 5 tokens"
for _ in range(4):
    check.case(kv.alloc, "C", [7, 8, 9, 10, 11], want=False, shown=shown)
    check.equal(state(kv, "AB"), before, shown=f"{shown}: state after it", hint=same)
    check.raises(kv.table, KeyError, "C", shown=f"{shown}: table of it", hint=same)
shown = "PagedKV(5, 2) with 2 free blocks, after refusals: alloc of 4 tokens"
check.case(kv.alloc, "C", [7, 8, 9, 10], want=True, shown=shown, hint=same)
before = state(kv, "ABC")
for seq in "BCBC":
    shown = f"no free block, the last one of {seq} is full: append({seq!r}, 6)"
    check.case(kv.append, seq, 6, want=False, shown=shown, hint=same)
    check.equal(state(kv, "ABC"), before, shown=f"{shown}: state after it", hint=same)
shown = "no free block, the last one of A has an empty slot: append('A', 6)"
room = "a slot in the last block needs no new block"
check.case(kv.append, "A", 6, want=True, shown=shown, hint=room)
shown = "no free block: alloc of no tokens"
check.case(kv.alloc, "E", [], want=True, shown=shown, hint="0 tokens need 0 blocks")
check.case(kv.append, "E", 1, want=False, shown="no free block: its first token")
kv.free("C")
check.case(kv.append, "B", 6, want=True, shown="append after a free", hint=same)
check.case(kv.append, "E", 6, want=True, shown="append after a free", hint=same)
got = [kv.stats()["free"], sorted(kv.table("A") + kv.table("B") + kv.table("E"))]
check.equal(got, [0, [0, 1, 2, 3, 4]], shown="all five blocks are in a table again")

# %% [grade] e4.edges
kv = check.call(PagedKV, 4, 2, shown="PagedKV(4, 2)")
check.case(kv.alloc, "empty", [], want=True, shown="alloc('empty', [])")
check.equal(kv.table("empty"), [], shown="its table", hint="0 tokens need 0 blocks")
kv.alloc("two", [1, 2])
shown = "PagedKV(4, 2): blocks of 2 tokens"
check.equal(len(kv.table("two")), 1, shown=shown, hint="round up, not on")
once = "a sequence is known from alloc until free"
for tokens in ([3], [], [1] * 99):
    shown = f"alloc('two', {len(tokens)} tokens) while 'two' is there"
    check.raises(kv.alloc, ValueError, "two", tokens, shown=shown, hint=once)
for act, args, shown in (
    (kv.append, ("none", 1), "append('none', 1), an unknown name"),
    (kv.free, ("none",), "free('none'), an unknown name"),
    (kv.table, ("none",), "table('none'), an unknown name"),
):
    check.raises(act, KeyError, *args, shown=shown, hint=once)
kv.free("two")
check.raises(kv.free, KeyError, "two", shown="free('two') twice", hint=once)
check.raises(kv.append, KeyError, "two", 1, shown="append after free", hint=once)
check.equal(kv.stats()["free"], 4, shown="free blocks after free('two') twice")
none = check.call(PagedKV, 0, 2, shown="PagedKV(0, 2)")
check.case(none.alloc, "a", [1], want=False, shown="PagedKV(0, 2).alloc('a', [1])")
check.case(none.alloc, "a", [], want=True, shown="PagedKV(0, 2).alloc('a', [])")
for num_blocks, block in ((-1, 2), (4, 0), (4, -2)):
    check.raises(PagedKV, ValueError, num_blocks, block)

# %% [grade] e4.copy
kv = check.call(PagedKV, 4, 2, shown="PagedKV(4, 2)")
kv.alloc("two", [4])
table = kv.table("two")
copy = "return a copy: list(...)"
kv.append("two", 5)
kv.append("two", 6)
check.equal(len(table), 1, shown="a table handed out before two appends", hint=copy)
table = kv.table("two")
table.append(77)
shown = "len(table('two')), 3 tokens, after a change to a list handed out"
check.equal(len(kv.table("two")), 2, shown=shown, hint=copy)

# %% [grade] e4.wasted
kv = check.call(PagedKV, 10, 4, shown="PagedKV(10, 4)")
rule = "used blocks times block, less the tokens that are stored"
empty = {"free": 10, "used": 0, "wasted": 0}
check.equal(kv.stats(), empty, shown="PagedKV(10, 4).stats()", hint=rule)
steps = [("A", 9, 3, 3), ("B", 4, 4, 3), ("C", 1, 5, 6), ("D", 0, 5, 6)]
for seq, count, used, wasted in steps:
    kv.alloc(seq, [5] * count)
    want = {"free": 10 - used, "used": used, "wasted": wasted}
    shown = f"stats() after alloc of {seq}, {count} tokens, blocks of 4"
    check.equal(kv.stats(), want, shown=shown, hint=rule)
for token in range(9):
    kv.append("D", token)
    used = 5 + token // 4 + 1
    want = {"free": 10 - used, "used": used, "wasted": 6 + 3 - token % 4}
    shown = f"stats() after {token + 1} appends to an empty sequence"
    check.equal(kv.stats(), want, shown=shown, hint=rule)
for seq, used, wasted in (("A", 5, 6), ("D", 2, 3), ("B", 1, 3), ("C", 0, 0)):
    kv.free(seq)
    want = {"free": 10 - used, "used": used, "wasted": wasted}
    check.equal(kv.stats(), want, shown=f"stats() after free of {seq}", hint=rule)

# %% [grade] e5.shares
from course.sim.serving import Request

rng = check.rng()
rule = "one quantum of credit a visit; send while the credit covers the next request"


def expected(waiting, quantum):
    """A request is served in the round in which all up to it is covered by credit."""
    tenants, owed, found = [], {}, []
    for number, req in enumerate(waiting):
        if req.tenant not in owed:
            tenants.append(req.tenant)
        owed[req.tenant] = owed.get(req.tenant, 0) + req.tokens
        turn = -(-owed[req.tenant] // quantum)
        found.append((turn, tenants.index(req.tenant), number, req.name))
    return [name for *_, name in sorted(found)]


for trial in range(150):
    quantum = int(rng.integers(1, 9))
    waiting = [
        Request(
            f"r{n}",
            tenant=str(rng.choice(list("abc"))),
            tokens=int(rng.integers(1, 12)),
        )
        for n in range(trial // 10)
    ]
    drawn = ", ".join(f"{req.tenant}: {req.tokens}" for req in waiting)
    shown = f"fair_order([{drawn}], {quantum})"
    got = check.call(fair_order, waiting, quantum, shown=shown, hint=rule)
    want = expected(waiting, quantum)
    check.equal([req.name for req in got], want, shown=shown, hint=rule)

flood = [Request(f"a{n}", tenant="a", tokens=5) for n in range(60)]
flood += [Request(f"b{n}", tenant="b", tokens=1) for n in range(100)]
got = check.call(fair_order, flood, 5, shown="fair_order(a: 60 × 5, b: 100 × 1, 5)")
served = {"a": 0, "b": 0}
for req in got:
    served[req.tenant] += req.tokens
    apart = abs(served["a"] - served["b"])
    if served["b"] < 100:
        check.at_most(
            apart, 5, "tokens apart", shown="fair_order(a: 60 × 5, b: 100 × 1, 5)"
        )

# %% [grade] e5.edges
from course.sim.serving import Request

alone = [Request(f"r{n}", tenant="a", tokens=n + 1) for n in range(5)]
shown = "fair_order of one tenant's requests"
check.case(fair_order, alone, 3, want=alone, shown=shown, hint="its own order stays")
check.case(fair_order, [], 3, want=[], shown="fair_order([], 3)")
rich = "credit is kept from visit to visit, but not after the last request"
mixed = [Request("long", tenant="a", tokens=7)]
mixed += [Request(f"s{n}", tenant="b", tokens=1) for n in range(9)]
shown = "fair_order(a: 7, b: 9 × 1, quantum=2)"
got = check.call(fair_order, mixed, 2, shown=shown, hint=rich)
want = [*(f"s{n}" for n in range(6)), "long", "s6", "s7", "s8"]
check.equal([req.name for req in got], want, shown=shown, hint=rich)
for quantum in (0, -4):
    shown = f"fair_order([], {quantum})"
    check.raises(fair_order, ValueError, [], quantum, shown=shown)
    shown = f"fair_order(five requests, {quantum})"
    check.raises(fair_order, ValueError, alone, quantum, shown=shown)

# %% [grade] e6.share
saved = "equal full prefixes are stored once, wherever they come from"
for block in (1, 2, 4):
    for shared in range(4):
        kv = check.call(SharedKV, 40, block, shown=f"SharedKV(40, {block})")
        prefix = list(range(100, 100 + shared * block))
        kv.alloc("A", [*prefix, 7] + [8] * (2 * block))
        one = kv.stats()["used"]
        kv.alloc("B", [*prefix, 9] + [8] * (2 * block))
        both = kv.stats()["used"]
        same = len({*kv.table("A")} & {*kv.table("B")})
        shown = f"SharedKV(40, {block}): two sequences with {shared} equal blocks first"
        got = {"shared": same, "saved": 2 * one - both}
        check.equal(got, {"shared": shared, "saved": shared}, shown=shown, hint=saved)

kv = check.call(SharedKV, 20, 2, shown="SharedKV(20, 2)")
kv.alloc("A", [1, 2, 3, 4])
kv.alloc("B", [5, 6, 3, 4])
before = "a block is the same only if everything before it is the same too"
shown = "[1, 2, 3, 4] and [5, 6, 3, 4] in blocks of 2: used blocks"
check.equal(kv.stats()["used"], 4, shown=shown, hint=before)
kv.alloc("C", [3, 4])
shown = "the same, and [3, 4] at the beginning: used blocks"
check.equal(kv.stats()["used"], 5, shown=shown, hint=before)

kv = check.call(SharedKV, 20, 4, shown="SharedKV(20, 4)")
for seq in "AB":
    kv.alloc(seq, [1, 2, 3])
partial = "only full blocks are shared by content: a partial one is still written to"
shown = "[1, 2, 3] twice, blocks of 4: used blocks"
check.equal(kv.stats()["used"], 2, shown=shown, hint=partial)
kv.append("A", 4)
kv.append("B", 4)
shown = "[1, 2, 3] twice, blocks of 4, then 4 appended to both: used blocks"
check.equal(kv.stats()["used"], 1, shown=shown, hint=saved)
kv.alloc("C", [1, 2, 3, 4, 5])
shown = "[1, 2, 3, 4] twice by append, then [1, 2, 3, 4, 5]: used blocks"
check.equal(kv.stats()["used"], 2, shown=shown, hint=saved)
for token in (5, 6, 7, 8):
    kv.append("A", token)
    kv.append("B", token)
shown = "two sequences of 8 equal tokens by append, one of 5: used blocks"
check.equal(kv.stats()["used"], 3, shown=shown, hint=saved)

kv = check.call(SharedKV, 20, 2, shown="SharedKV(20, 2)")
collide = "compare the tokens themselves: hash(-1) == hash(-2)"
kv.alloc("A", [-1, -1, 5, 5])
kv.alloc("B", [-2, -2, 5, 5])
kv.alloc("C", [0, 2**61 - 1])
kv.alloc("D", [2**61 - 1, 0])
shown = "[-1, -1, 5, 5], [-2, -2, 5, 5], [0, 2**61-1], [2**61-1, 0]: used blocks"
check.equal(kv.stats()["used"], 6, shown=shown, hint=collide)
shown = "the first tokens of [-1, -1, 5, 5] and [-2, -2, 5, 5]"
first = [int(kv.memory[kv.table(seq)[0]][0]) for seq in "AB"]
check.equal(first, [-1, -2], shown=shown, hint=collide)
check.raises(kv.alloc, ValueError, "A", [1], shown="alloc of a known name")
check.raises(kv.free, KeyError, "Z", shown="free of an unknown name")

kv = check.call(SharedKV, 4, 2, shown="SharedKV(4, 2)")
kv.alloc("A", [1, 2, 3, 4, 5, 6, 7, 8])
shown = "no free block: alloc of 8 tokens that are all there already, in 4 blocks"
check.case(kv.alloc, "B", [1, 2, 3, 4, 5, 6, 7, 8], want=True, shown=shown, hint=saved)
check.equal(kv.table("B"), kv.table("A"), shown=f"{shown}: its table", hint=saved)

# %% [grade] e6.fork
import numpy as np


def text(kv, seq, length):
    table, memory = kv.table(seq), np.asarray(kv.memory)
    block = memory.shape[1]
    return [int(memory[table[i // block], i % block]) for i in range(length)]


copied = "copy the last block, and only if another sequence uses it too"
kv = check.call(SharedKV, 12, 4, shown="SharedKV(12, 4)")
kv.alloc("A", list(range(10)))
kv.fork("A", "B")
shown = "10 tokens in blocks of 4, forked"
check.equal(kv.table("B"), kv.table("A"), shown=f"{shown}: table of the fork")
check.equal(kv.stats()["used"], 3, shown=f"{shown}: used blocks", hint=copied)
old = kv.table("A")
kv.append("B", 77)
shown = f"{shown}, then one token appended to the fork"
check.equal(kv.stats()["used"], 4, shown=f"{shown}: used blocks", hint=copied)
check.equal(kv.table("A"), old, shown=f"{shown}: table of the other", hint=copied)
check.equal(kv.table("B")[:2], old[:2], shown=f"{shown}: its first two blocks")
check.equal(text(kv, "B", 11), [*range(10), 77], shown=f"{shown}: its tokens")
check.equal(text(kv, "A", 10), [*range(10)], shown=f"{shown}: the other's tokens")
kv.append("A", 55)
used = kv.stats()["used"]
shown = f"{shown}, then one to the other"
check.equal(used, 4, shown=f"{shown}: used blocks", hint=copied + "; now none does")
check.equal(text(kv, "A", 11), [*range(10), 55], shown=f"{shown}: its tokens")
check.equal(text(kv, "B", 11), [*range(10), 77], shown=f"{shown}: the fork's tokens")

kv = check.call(SharedKV, 6, 4, shown="SharedKV(6, 4)")
kv.alloc("A", list(range(6)))
for dst in ("B", "C"):
    kv.fork("A", dst)
counted = "each table counts as a user of its blocks"
kv.free("A")
shown = "6 tokens, forked twice, the first one freed"
check.equal(kv.stats()["used"], 2, shown=f"{shown}: used blocks", hint=counted)
check.equal(text(kv, "B", 6), [*range(6)], shown=f"{shown}: tokens of a fork")
kv.alloc("D", [91, 92, 93, 94, 95])
check.equal(text(kv, "B", 6), [*range(6)], shown=f"{shown}, and another came in")
kv.free("B")
kv.append("C", 6)
shown = f"{shown}, then one fork freed and one appended to"
check.equal(kv.stats()["used"], 4, shown=f"{shown}: used blocks", hint=copied)
kv.free("C")
kv.free("D")
check.equal(kv.stats()["used"], 0, shown="everything freed: used", hint=counted)

kv = check.call(SharedKV, 2, 4, shown="SharedKV(2, 4)")
kv.alloc("A", [1, 2, 3, 4, 5])
kv.fork("A", "B")
refused = "no block for the copy: return False, and change nothing"
shown = "no free block, forked: append to the fork"
check.case(kv.append, "B", 6, want=False, shown=shown, hint=refused)
got = (kv.table("A") == kv.table("B"), text(kv, "A", 5), kv.stats()["used"])
check.equal(got, (True, [1, 2, 3, 4, 5], 2), shown=f"{shown}: state", hint=refused)
kv.free("B")
check.case(kv.append, "A", 6, want=True, shown="append after the fork was freed")
kv.alloc("E", [])
check.case(kv.fork, "E", "F", want=None, shown="fork of an empty sequence")
check.equal(kv.table("F"), [], shown="table of a fork of an empty sequence")
check.raises(kv.fork, ValueError, "A", "E", shown="fork to a known name")
check.raises(kv.fork, KeyError, "none", "G", shown="fork of an unknown name")
check.raises(kv.table, KeyError, "G", shown="table after a fork that failed")
kv.alloc("G", [])

# %% [grade] e6.evict
known = "a free block that is full stays known until it is needed"
kv = check.call(SharedKV, 4, 2, shown="SharedKV(4, 2)")
kv.alloc("A", [1, 2, 3, 4, 5])
old = kv.table("A")
kv.free("A")
shown = "[1, 2, 3, 4, 5] in blocks of 2, freed: stats()"
want = {"used": 0, "free": 4, "cached": 2}
check.equal(kv.stats(), want, shown=shown, hint=known)
kv.alloc("B", [1, 2, 3, 4, 9])
shown = "[1, 2, 3, 4, 5], freed, then [1, 2, 3, 4, 9]: its first two blocks"
check.equal(kv.table("B")[:2], old[:2], shown=shown, hint=known)
check.equal(kv.stats()["cached"], 0, shown="stats()['cached'] after that", hint=known)
kv.free("B")

order = "first what caches nothing, then what was released longest ago"
kv = check.call(SharedKV, 3, 2, shown="SharedKV(3, 2)")
kv.alloc("A", [1, 2])
kv.alloc("B", [3, 4])
a, b = kv.table("A")[0], kv.table("B")[0]
kv.free("A")
kv.free("B")
kv.alloc("C", [5])
shown = "3 blocks, two of them cached, one blank: alloc of one token"
check.true(
    kv.table("C")[0] not in (a, b),
    shown=shown,
    said="takes a cached block",
    hint=order,
)
kv.free("C")
kv.alloc("C", [6])
check.equal(kv.stats()["cached"], 2, shown=f"{shown}, freed, and again", hint=order)
kv.alloc("A", [1, 2])
kv.free("A")
kv.alloc("D", [7])
shown = "[1, 2] and [3, 4] freed, [1, 2] used and freed again: a block is needed"
check.equal(kv.table("D"), [b], shown=f"{shown}: it is that of [3, 4]", hint=order)
kv.alloc("A", [1, 2])
check.equal(kv.table("A"), [a], shown=f"{shown}: [1, 2] is still known", hint=order)
shown = "all blocks in use: alloc"
check.case(kv.alloc, "E", [8], want=False, shown=shown, hint="never one in use")
kv.free("D")
kv.alloc("B", [3, 4])
shown = "[3, 4] after its block was given to another: tokens"
got = [int(t) for t in kv.memory[kv.table("B")[0]]]
check.equal(got, [3, 4], shown=shown, hint="forget the key when the block is taken")

ends = "release a table from its end: a block is useless without those before it"
kv = check.call(SharedKV, 3, 2, shown="SharedKV(3, 2)")
kv.alloc("A", [1, 2, 3, 4, 5, 6])
old = kv.table("A")
kv.free("A")
kv.alloc("X", [9])
kv.alloc("Y", [8])
shown = "three cached blocks of one sequence; two are needed: which"
check.equal([*kv.table("X"), *kv.table("Y")], old[:0:-1], shown=shown, hint=ends)
kv.free("Y")
kv.alloc("A", [1, 2, 3])
check.equal(kv.table("A")[0], old[0], shown="the first of them is known", hint=ends)

twice = "cached blocks that alloc takes up again are among the free ones"
kv = check.call(SharedKV, 3, 2, shown="SharedKV(3, 2)")
kv.alloc("A", [1, 2, 3, 4])
kv.free("A")
shown = "3 free blocks, 2 of them cached: alloc of these and 2 more"
check.case(kv.alloc, "B", [1, 2, 3, 4, 5, 6, 7], want=False, shown=shown, hint=twice)
want = {"used": 0, "free": 3, "cached": 2}
check.equal(kv.stats(), want, shown=f"{shown}: stats() after the refusal", hint=twice)
shown = "3 free blocks, 2 of them cached: alloc of these and 1 more"
check.case(kv.alloc, "B", [1, 2, 3, 4, 5, 6], want=True, shown=shown, hint=twice)

kv = check.call(SharedKV, 2, 2, shown="SharedKV(2, 2)")
kv.alloc("A", [1, 2])
kv.alloc("B", [3, 4])
a = kv.table("A")[0]
kv.free("A")
kv.free("B")
shown = (
    "2 cached blocks, a refused alloc that begins with the older one, then a new one"
)
check.case(kv.alloc, "C", [1, 2, 7, 7, 7], want=False, shown=shown, hint=twice)
kv.alloc("D", [9])
check.equal(kv.table("D"), [a], shown=f"{shown}: its block", hint="a refusal is no use")

# %% [grade] e6.random
import numpy as np

rng = check.rng()
whole = "users = tables that hold a block; equal full prefixes are stored once"
for num_blocks, block in ((7, 2), (9, 3)):
    name = f"SharedKV({num_blocks}, {block})"
    kv = check.call(SharedKV, num_blocks, block, shown=name)
    memory = np.asarray(kv.memory)
    shape = memory.shape, str(memory.dtype)
    check.equal(shape, ((num_blocks, block), "int64"), shown=f"{name}.memory")
    texts, tails = {}, {}  # a tail is the identity of a partial last block
    fresh = 0

    def full_blocks(text, block=block):
        return {tuple(text[:n]) for n in range(block, len(text) + 1, block)}

    def in_use(texts=texts, tails=tails):
        return set().union(set(), *map(full_blocks, texts.values())), {*tails.values()}

    for number in range(150):
        verb = str(rng.choice(["alloc", "append", "append", "append", "fork", "free"]))
        seq = str(rng.choice(list("ABCD")))
        full, partial = in_use()
        used = len(full) + len(partial)
        if seq not in texts and verb == "fork" and texts:
            src = str(rng.choice(sorted(texts)))
            kv.fork(src, seq)
            texts[seq] = [*texts[src]]
            if src in tails:
                tails[seq] = tails[src]
        elif seq not in texts:
            text = rng.integers(0, 2, int(rng.integers(0, 3 * block))).tolist()
            need = len(full_blocks(text) - full) + (len(text) % block != 0)
            good = used + need <= num_blocks
            shown = f"{name}, {used} used: alloc({seq!r}, {text})"
            check.case(kv.alloc, seq, text, want=good, shown=shown, hint=whole)
            if good:
                texts[seq] = text
                if len(text) % block:
                    fresh += 1
                    tails[seq] = fresh
        elif verb == "free" or len(texts[seq]) > 4 * block:
            kv.free(seq)
            del texts[seq]
            tails.pop(seq, None)
        else:
            token = int(rng.integers(0, 2))
            mine = tails.get(seq)
            others = [one for one in tails if one != seq and tails[one] == mine]
            good = (mine is not None and not others) or used < num_blocks
            shown = f"{name}, {used} used, {texts}: append({seq!r}, {token})"
            check.case(kv.append, seq, token, want=good, shown=shown, hint=whole)
            if good:
                texts[seq].append(token)
                if mine is None or others:
                    fresh += 1
                    tails[seq] = fresh
                if len(texts[seq]) % block == 0:
                    tails.pop(seq, None)
        full, partial = in_use()
        used = len(full) + len(partial)
        counts = kv.stats()
        shown = f"{name} with {texts} after {number + 1} random operations"
        got = counts["used"], counts["free"]
        check.equal(got, (used, num_blocks - used), shown=shown, hint=whole)
        memory = np.asarray(kv.memory)
        for seq, text in texts.items():
            table = kv.table(seq)
            got = [int(memory[table[i // block], i % block]) for i in range(len(text))]
            shown = f"{name}, {number + 1} random operations: tokens of {seq}"
            check.equal(got, text, shown=shown, hint=whole)

# %% [grade] e8.order
from course.sim import dag

rng = check.rng()
ready = "a task is ready once *all* that it needs is done, and is called once"
for size, workers in ((0, 1), (1, 3), (12, 1), (20, 2), (30, 4), (40, 16)):
    graph = dag.Graph.seeded(rng, size)
    deps = {name: [*needed] for name, needed in graph.needs.items() if needed}
    for name in deps:
        if rng.random() < 0.3:
            deps[name] *= 2  # named twice, needed once
    shown = f"run_dag({size} tasks, a random graph, {workers=}, retries=0)"
    got = check.within(
        *(run_dag, graph.tasks(), deps),
        workers=workers,
        retries=0,
        shown=shown,
        seconds=3,
        hint=ready,
    )
    often = dict.fromkeys(graph.needs, 1)
    where = shown + ": calls of each task"
    check.equal(dict(graph.calls), often, shown=where, hint=ready)
    where = shown + ": tasks called before all that they need was done"
    check.equal(graph.early, [], shown=where, hint=ready)
    rows = {
        name: (one.state, one.value, one.error, one.attempts, one.because)
        for name, one in got.items()
    }
    want = {n: ("done", f"{n} is done", None, 1, ()) for n in graph.needs}
    check.equal(rows, want, shown=shown, hint=ready)

error = ValueError("a value")
returned = {"none": None, "zero": 0, "empty": [], "false": False, "error": error}
tasks = {name: lambda value=value: value for name, value in returned.items()}
shown = "run_dag(tasks that return None, 0, [], False and an exception, deps={})"
got = check.within(run_dag, tasks, {}, workers=2, retries=3, shown=shown)
rows = {name: (one.state, repr(one.value), one.attempts) for name, one in got.items()}
want = {name: ("done", repr(value), 1) for name, value in returned.items()}
check.equal(rows, want, shown=shown, hint="whatever a task returns, it is done")

chain = {str(n): [str(n - 1)] * (n > 0) for n in reversed(range(3000))}
wide = {"last": [str(n) for n in range(300)], "first": []}
wide |= {str(n): ["first"] for n in range(300)}
for needs, what in ((chain, "a chain of 3,000 tasks"), (wide, "300 tasks between two")):
    graph = dag.Graph(needs)
    shown = f"run_dag({what}, workers=3, retries=0)"
    got = check.within(
        *(run_dag, graph.tasks(), needs),
        workers=3,
        retries=0,
        shown=shown,
        seconds=5,
        hint="loops, no recursion",
    )
    states = sorted({one.state for one in got.values()})
    count = (len(got), states, graph.early)
    where = shown + ": outcomes, states, tasks called too early"
    check.equal(count, (len(needs), ["done"], []), shown=where, hint=ready)

# %% [grade] e8.rolling
from course.sim import dag, web

rng = check.rng()
roll = "when one task ends, hand out what is ready now; do not wait for the others"
needs = {"plan": [], "search": ["plan"], "code": ["plan"], "read": ["search"]}
needs |= {"test": ["code"], "fix": ["test"], "write": ["read", "fix"]}
scenes = [(dag.Graph(needs, delays={"search": 9.0}, retries=2), 2)]
for size, workers, failing in ((24, 3, 0.0), (24, 2, 0.2), (20, 5, 0.2), (10, 1, 0.2)):
    graph = dag.Graph.seeded(rng, size, slow=0.1, failing=failing, retries=2)
    scenes.append((graph, workers))
for graph, workers in scenes:
    film = web.SlowMotion(graph, workers)
    run = film.run(
        lambda film=film, graph=graph, workers=workers: run_dag(
            graph.tasks(film.wait), graph.needs, workers=workers, retries=2
        )
    )
    size = len(graph.needs)
    shown = f"run_dag({size} tasks in slow motion, {workers=}, retries=2)"
    if run.error is not None:
        raise run.error
    check.true(not run.idle, shown=shown, said=run.idle, hint=roll)
    check.true(
        run.said != "still waiting",
        shown=shown,
        said="did not return after the last task",
        hint="it is over when nothing is ready and nothing runs",
    )
    where = shown + ": tasks called before all that they need was done"
    check.equal(graph.early, [], shown=where, hint="all that it needs, not one of it")
    work = sum(span.stop - span.start for span in run.spans)
    path = {}  # seconds until a task can have ended
    while len(path) < size:
        for name, needed in graph.needs.items():
            if all(one in path for one in needed):
                calls = min(graph.failures.get(name, 0), 2) + 1
                before = max((path[one] for one in needed), default=0)
                path[name] = before + calls * graph.delay(name)
    limit = 1.01 * (work / workers + max(path.values()))
    where = f"{shown}: work / workers + the longest path"
    check.at_most(run.seconds, limit, "simulated seconds", shown=where, hint=roll)

star = {f"t{n}": [] for n in range(12)}
for workers in (1, 2, 5):
    graph = dag.Graph(star, failures={"t3": 1, "t7": 2}, retries=1)
    film = web.SlowMotion(graph, workers)
    run = film.run(
        lambda film=film, graph=graph, workers=workers: run_dag(
            graph.tasks(film.wait), star, workers=workers, retries=1
        ),
        linger=0.003,
    )
    shown = f"run_dag(12 tasks, all ready at once, {workers=}, retries=1)"
    if run.error is not None:
        raise run.error
    check.at_most(
        *(run.most, workers, "tasks at once"),
        shown=shown,
        hint="hand out a task only while fewer than `workers` run",
    )
    check.equal(run.most, workers, shown=shown + ": tasks at once", hint=roll)

# %% [grade] e8.retry
rng = check.rng()
limit = "retries=2 means three calls at most; each task has a limit of its own"


class Enough(BaseException):
    """Ends a task that is called far too often."""


class Odd(Exception):
    """An error of nobody's."""


kinds = (ValueError, OSError, TimeoutError, KeyError, StopIteration, Odd)


def flaky(name, fails, kind, calls):
    def task():
        calls[name] = nth = calls.get(name, 0) + 1
        if nth > 40:
            raise Enough
        if nth <= fails:
            raise kind(f"call {nth}")
        return nth

    return task


def errors(outcome):
    return outcome.error and outcome.error.args


for retries in (0, 1, 2, 5):
    for workers in (1, 3):
        fails = {f"{n}_errors": n for n in (0, 1, 2, 3, 5, 6, 99)}
        calls, tasks = {}, {}
        for name, count in fails.items():
            kind = kinds[int(rng.integers(len(kinds)))]
            tasks[name] = flaky(name, count, kind, calls)
        shown = f"run_dag(tasks that fail at first, {workers=}, {retries=})"
        got = check.within(
            *(run_dag, tasks, {}),
            workers=workers,
            retries=retries,
            shown=shown,
            hint=limit,
        )
        often = {name: min(count, retries) + 1 for name, count in fails.items()}
        check.equal(calls, often, shown=shown + ": calls of each task", hint=limit)
        rows = {
            name: (one.state, one.value, errors(one), one.attempts, one.because)
            for name, one in got.items()
        }
        want = {
            name: ("done", count + 1, None, count + 1, ())
            if count <= retries
            else ("failed", None, (f"call {retries + 1}",), retries + 1, ())
            for name, count in fails.items()
        }
        kept = "keep the error of the last call, and no error of a task that is done"
        check.equal(rows, want, shown=shown, hint=kept)

called = []
for counts in ((0, 0), (-1, 0), (1, -1), (3, -2)):
    workers, retries = counts
    shown = f"run_dag(one task, {workers=}, {retries=})"
    tasks = {"a": lambda: called.append("a")}
    check.raises(
        *(run_dag, ValueError, tasks, {}),
        workers=workers,
        retries=retries,
        shown=shown,
    )
    check.equal(
        called, [], shown=shown + ": tasks called", hint="check before any call"
    )

# %% [grade] e8.skip
from course.sim import dag

rng = check.rng()
rule = (
    "skip what needs a failed or skipped task, and nothing else; name the failed ones"
)


def expected(graph):
    """Return (state, because) of each task, from the bad ones that lie before it."""
    bad = {name for name, n in graph.failures.items() if n > graph.retries}
    before = {}
    while len(before) < len(graph.needs):
        for name, needed in graph.needs.items():
            if all(one in before for one in needed):
                deeper = set().union(*(before[one] for one in needed))
                before[name] = deeper | ({*needed} & bad)
    # A bad task that is skipped never fails, so it is nobody's reason.
    failed = {name for name in bad if not before[name]}
    return {
        name: ("skipped", tuple(sorted(before[name] & failed)))
        if before[name]
        else ("failed" if name in bad else "done", ())
        for name in graph.needs
    }


fixed = {"a": [], "b": ["a"], "c": ["b"], "d": ["c", "e"], "e": [], "f": ["a"]}
fixed |= {"g": [], "h": ["g", "b"], "i": ["h", "f"], "j": ["f", "e"], "k": ["d", "i"]}
line = {str(n): [str(n - 1)] * (n > 0) for n in range(3000)}
graphs = [
    (
        dag.Graph(fixed, failures={"b": 2, "g": 9, "e": 1, "c": 9}, retries=1),
        "11 tasks",
    ),
    (
        dag.Graph(fixed, failures={"a": 2, "g": 1}, retries=1),
        "11 tasks, the first fails",
    ),
    (dag.Graph(line, failures={"0": 2}, retries=1), "3,000 tasks after one that fails"),
]
for _ in range(12):
    graph = dag.Graph.seeded(rng, 25, failing=0.25, retries=1)
    graphs.append((graph, "25 tasks, a random graph"))
for number, (graph, what) in enumerate(graphs):
    workers = 1 + number % 4
    shown = f"run_dag({what}, {workers=}, retries=1)"
    got = check.within(
        *(run_dag, graph.tasks(), graph.needs),
        workers=workers,
        retries=1,
        shown=shown,
        seconds=3,
        hint=rule,
    )
    want = expected(graph)
    names = sorted(want.keys() - got.keys())
    where = shown + ": tasks without an outcome"
    check.equal(
        names, [], shown=where, hint="a skipped task is an end, too: count down"
    )
    rows = {name: (one.state, one.because) for name, one in got.items()}
    check.equal(rows, want, shown=shown, hint=rule)
    where = shown + ": calls of each task"
    often = {
        name: min(graph.failures.get(name, 0), 1) + 1
        for name, (state, _) in want.items()
        if state != "skipped"
    }
    check.equal(dict(graph.calls), often, shown=where, hint=rule)
    told = {name: type(one.error).__name__ for name, one in got.items()}
    kept = {
        name: "TaskError" if state == "failed" else "NoneType"
        for name, (state, _) in want.items()
    }
    check.equal(told, kept, shown=shown + ": errors", hint="only a failed task has one")
    blank = {
        (one.value, one.attempts) for one in got.values() if one.state == "skipped"
    }
    where = shown + ": value and attempts of what is skipped"
    check.equal(blank <= {(None, 0)}, True, shown=where, hint="it was never called")

# %% [grade] e8.cycle
import functools
import itertools
import re

from course.sim import dag, threads

rng = check.rng()
first = "count down without calling; look for what is left over before you start"
only = "list the tasks of one cycle, each followed by one that it needs: a -> b -> a"


def refused(names, deps, shown):
    """Return the text of the ValueError, having seen that nothing was called."""
    called = []
    tasks = {name: functools.partial(called.append, name) for name in names}
    call = functools.partial(run_dag, tasks, deps, workers=2, retries=1)
    error = check.raises(
        *(threads.bounded, ValueError, call),
        shown=shown,
        hint=first,
    )
    check.equal(called, [], shown=shown + ": tasks called", hint=first)
    return str(error)


ring = {str(n): [str((n + 1) % 3000)] for n in range(3000)}
innocent = {"a": [], "b": ["a", "d"], "c": ["b"], "d": ["c", "a"], "e": ["d"]}
innocent |= {"f": ["e", "a"], "g": ["f"], "h": []}
graphs = [
    ({"a": ["a"]}, "a needs itself"),
    ({"a": ["b"], "b": ["a"], "c": []}, "a and b need each other"),
    (innocent, "8 tasks, 3 of them on a cycle"),
    ({"a": ["z"], "z": ["z", "b"], "b": []}, "a needs z, z needs itself"),
    ({"p": ["q"], "q": ["p"], "r": ["s", "p"], "s": ["r"]}, "two cycles"),
    (ring, "a ring of 3,000 tasks"),
]
for _ in range(10):
    needs = dag.Graph.seeded(rng, 20).needs
    start = str(rng.choice([name for name in needs if needs[name]]))
    end = start
    while needs[end] and (end == start or rng.random() < 0.7):
        end = str(rng.choice(needs[end]))
    graphs.append(({**needs, end: [*needs[end], start]}, "20 tasks, a random cycle"))
for needs, what in graphs:
    shown = f"run_dag({what}, workers=2, retries=1)"
    text = refused(needs, needs, shown)
    found = re.search(r"\w+(?: -> \w+)+", text)
    walk = found[0].split(" -> ") if found else []
    closed = len(walk) > 1 and walk[0] == walk[-1] and len({*walk}) == len(walk) - 1
    follows = all(b in needs.get(a, ()) for a, b in itertools.pairwise(walk))
    check.true(
        closed and follows,
        shown=f"{shown}: text of the error",
        said=f"lists no cycle: {text[:80]!r}",
        hint=only,
    )

for names, deps, what in (
    ("ab", {"a": ["b", "nobody"]}, "a needs 'nobody'"),
    ("ab", {"b": ["a"], "nobody": []}, "deps['nobody'] = []"),
    ("ab", {"nobody": ["a"]}, "deps['nobody'] = ['a']"),
    ("", {"nobody": []}, "no tasks, deps['nobody'] = []"),
):
    shown = f"run_dag({what}, workers=2, retries=1)"
    text = refused(names, deps, shown)
    check.true(
        "nobody" in text,
        shown=f"{shown}: text of the error",
        said=f"names no such task: {text[:80]!r}",
        hint="say which name is no task",
    )

# %% [grade] e8.end
import threading

from course.sim import dag, threads, web


class Halt(BaseException):
    """No Exception."""


out = "catch Exception, not BaseException; let anything else end the run"
for stop in (KeyboardInterrupt, SystemExit, Halt):
    for workers in (1, 3):
        calls, left = [], []
        before = {*threading.enumerate()}

        def halt(stop=stop, calls=calls):
            calls.append("halt")
            raise stop

        tasks = {"halt": halt, "first": lambda calls=calls: calls.append("first")}
        deps = {"halt": ["first"]}
        for number in range(6):
            name = f"after{number}"
            tasks[name] = lambda name=name, calls=calls: calls.append(name)
            deps[name] = ["halt"] if number % 2 else ["first"]

        def body(tasks=tasks, deps=deps, workers=workers, left=left, before=before):
            me = threading.current_thread()
            try:
                return run_dag(tasks, deps, workers=workers, retries=2)
            finally:
                left.append(len({*threading.enumerate()} - before - {me}))

        shown = f"run_dag(a task raises {stop.__name__}, {workers=}, retries=2)"
        task = threads.Task(body)
        task.thread.start()
        check.equal(task.said(2), f"raised {stop.__name__}", shown=shown, hint=out)
        where = shown + ": calls of that task"
        check.equal(calls.count("halt"), 1, shown=where, hint=out)
        later = calls[calls.index("halt") + 1 :]
        if workers > 1:
            later = [name for name in later if deps[name] == ["halt"]]
        where = shown + ": tasks that were started afterwards"
        check.equal(later, [], shown=where, hint="hand out nothing more")
        where = shown + ": threads that are left when it ends"
        check.equal(left, [0], shown=where, hint="leave the pool by its with block")

needs = {"first": [], "a": ["first"], "b": ["first"], "c": ["first"], "d": ["a", "b"]}
for workers in (2, 4):
    graph = dag.Graph(needs)
    film = web.SlowMotion(graph, workers)
    run = film.run(
        lambda film=film, graph=graph, workers=workers: run_dag(
            graph.tasks(film.wait), needs, workers=workers, retries=0
        ),
        watch=True,
    )
    shown = f"run_dag(5 tasks, all slow, {workers=}, retries=0)"
    if run.error is not None:
        raise run.error
    check.at_most(
        *(run.restless, 4, "lines of your code in 20 ms in which no task ended"),
        shown=shown,
        hint="sleep in wait(…, return_when=FIRST_COMPLETED), or on a condition",
    )
    check.equal(run.said.partition(" ")[0], "returned", shown=shown)
    where = shown + ": threads that are left when it returns"
    check.equal(run.left, 0, shown=where, hint="leave the pool by its with block")
