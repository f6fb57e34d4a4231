"""Week 1, notebook 8: the queue, the batcher, the rate limit and the memory of a server."""

# %% [md] title
# # Decide who runs next, together with whom, and in which memory
#
# By the end of this notebook you have the four data structures in front of a
# language model: the queue, the batcher, the rate limit, and the block memory that
# keeps a thousand conversations apart.

# %% [md] able
# ## You will be able to
#
# * **build** a priority queue with ageing, deadlines and cancellation in logarithmic time
# * **form** batches under a token budget in which nobody waits for ever
# * **manage** memory in blocks so that a failed allocation changes nothing

# %% [map]
# ## Map

# %% [md] asked
# ## Where this is asked
#
# "Design the scheduler of an inference server" is a favourite of infrastructure rounds,
# as 60 minutes of code or as a design talk. The interviewer scores whether you name
# what starves, which tie rule you choose, what happens when memory runs out *half-way*
# through an operation, and whether the cost of `cancel` is what you say it is.
#
# Not taught here: threads and locks (another notebook of this week), the attention
# arithmetic, or the GPU side of paged memory (week 4).

# %% [setup]
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from course import check, desk, viz, widgets
from course.sim import serving
from course.sim.serving import Request
from course.viz import serving as draw

desk.open("w1-serving")

# %% [md] knee-words
# ## 1 · Why anybody waits
#
# A server that is busy half of the time has time to spare, so why a queue? Because requests
# come in clumps. One that arrives while another is being served waits, even if the
# next minute is empty.
#
# **Utilisation** is the share of time that the server is busy. **Latency** is the time
# from arrival to result: waiting plus service. We measure latency in units of one mean service time, so 1
# means "did not wait at all". The **p95** is the latency that 95 in 100 requests stay under.

# %% guess-knee
widgets.predict(
    "knee",
    "Latency at 95% busy, divided by latency at 50% busy (random sizes)?",
    unit="times",
)

# %% [md] knee-now
# Now measure 40,000 requests through one server at each setting:

# %% knee-measured
widgets.reveal(
    "knee",
    serving.latencies(0.95).mean() / serving.latencies(0.5).mean(),
    explain="Little spare time is left in which the queue could drain.",
)

# %% [md] knee-explore
# The curve has a **knee**: flat for long, then steep. Move along it, then change the
# sizes of the requests while the load stays as it is:

# %% knee-figure
BUSY = [round(0.05 * n, 2) for n in range(2, 20)]


def knee(at: float = 0.8, sizes: str = "random") -> dict:
    runs = [serving.latencies(busy, sizes) for busy in BUSY]
    return {
        "busy": BUSY,
        "at": at,
        "mean": [run.mean() for run in runs],
        "p95": [np.percentile(run, 95) for run in runs],
    }


widgets.explore(
    knee,
    draw.knee,
    question="Where is the knee, and what do a few very long requests do to everybody?",
    alt="Mean and p95 latency against utilisation: both are flat up to some 60 percent "
    "and rise steeply beyond 80; the p95 curve lies well above the mean.",
    at=BUSY,
    sizes=list(serving.SIZES),
)

# %% [md] knee-read
# With random sizes, queueing theory gives a mean of 1 / (1 − utilisation): 2 at 50%, 5 at 80%, 20 at 95%. Compare it with the curve.
# A few very long requests move the knee to the left, because everybody behind one
# waits for all of it.
#
# So a server that must be both busy and quick has to decide well:
# **who goes first** (the queue), **who goes together** (the batcher), **who may
# come in at all** (the rate limit), and **in which memory** they live.
#
# ### The request
#
# All four look at one record, which the course provides. A *smaller* priority is more urgent:

# %% request-example
print(Request("a", priority=2, arrived=10.0, deadline=15.0, tokens=300, tenant="acme"))

# %% [md] fifo-within
# ## 2 · Who goes first
#
# Four rules, in the order in which an interviewer adds them:
#
# 1. The most urgent first; among equals the one **submitted** first.
# 2. A request may be **cancelled**: the user closed the page.
# 3. A request has a **deadline**. At `now > deadline` its answer is worth nothing: never serve it, report it.
# 4. **Ageing**: who waits gets more urgent, or a stream of urgent requests starves the rest. The *effective* priority at `now` is `priority − (now − arrived) / tau`: every `tau` seconds of waiting win one level.

# %% [md] heap
# ### A heap, and how to cancel in it
#
# A **heap** (`heapq`) keeps its smallest item at the front; pushing an item and popping the smallest each
# cost O(log n). Two traps:
#
# * Of tuples with equal first items Python compares the next ones. `(priority, request)` works until two priorities tie, then raises `TypeError`: requests have no order. A counter in second place, `(priority, ticket)`, breaks every tie and gives first-come-first-served for free.
# * You cannot take an item out of the middle without searching for it. So do not: keep the living in a **dict** by ticket, and when a dead ticket comes to the front, skip it. This is **lazy deletion**.

# %% tie
import heapq

line = [
    (1, 0, "second level, first in"),
    (0, 1, "urgent"),
    (1, 2, "second level, last in"),
]
heapq.heapify(line)
print([heapq.heappop(line)[2] for _ in range(3)])
try:
    heapq.heapify([(1, Request("a")), (1, Request("b"))])
except TypeError as error:
    print("without a counter:", error)

# %% [md] garbage
# Lazy deletion leaves garbage behind: an urgent request at the front, a million submitted and cancelled
# behind it, and the heap holds a million dead entries. The cure is to rebuild the heap from the living
# whenever the dead outnumber them. A rebuild costs O(n), but so many deletions came before it that each pays a constant share.
#
# Deadlines are another order, so they get a second heap, of `(deadline, ticket)`. One dict says who is alive in both.
#
# ### Ageing without touching the heap
#
# Effective priorities change all the time. Must the heap be sorted anew at each pop? Predict first:

# %% guess-order
widgets.predict(
    "swap",
    "Two requests wait, tau is 10 s. Can their order change while both wait?",
    options=["yes", "no"],
)

# %% [md] swap-now
# Here is one of priority 5 that came at 0 s and one of priority 2 that came at 20 s:

# %% swap-measured
print("now     older   younger  older - younger")
for now in (20, 30, 60, 200):
    older, younger = 5 - (now - 0) / 10, 2 - (now - 20) / 10
    print(f"{now:>3} {older:9.1f} {younger:9.1f} {older - younger:9.1f}")
widgets.reveal("swap", "no", explain="Both age at one speed: the difference stays.")

# %% [md] cancels
# In the difference of two, `now` cancels:
#
# `p₁ − (now − a₁)/tau  <  p₂ − (now − a₂)/tau`  is the same as  `p₁ + a₁/tau  <  p₂ + a₂/tau`
#
# So the key `priority + arrived / tau` **never changes**: compute it once, push it, done. It
# has to use the time of *arrival*, not of submission: a request that was retried keeps its age.
# Without ageing, `tau` is infinite and the second term is 0.
#
# By hand, with `tau = 10`:
#
# | ticket | priority | arrived | deadline | key |
# |---:|---:|---:|---:|---:|
# | 0 | 5 | 0 | – | 5 |
# | 1 | 2 | 20 | – | 4 |
# | 2 | 2 | 40 | – | 6 |
# | 3 | 0 | 40 | 45 | 4 |
#
# At 40, `pop` gives ticket 1: its key ties with that of 3, and it was submitted first. At 46, with ticket 1 gone, ticket 3 is too late: `pop` passes over it
# and gives ticket 0, and `expire(46)` returns `[3]`. At exactly 45 it would still have been served.

# %% [card] e1 minutes=20 core
# The queue
#
# `submit` returns a ticket that no other request has. `cancel` says whether it was still waiting. `pop(now)` removes
# and returns the request with the least effective priority, ties by submission; it never returns one
# past its deadline. `expire(now)` removes the latter and returns their tickets, earliest deadline first, ties by submission.
# `len` counts what is still in. `now` never goes back. All in O(log n), memory O(waiting). `tau <= 0` raises `ValueError`.

# %% [hand] e1
# **By hand.** Submit A (priority 1), B (1), C (0). `cancel` of C's ticket is `True`, again `False`. Then
# `pop` gives A, B, `None`. Submit C once more: it gets a new ticket, and its place by its key.

# %% [answer] e1
import itertools


class RequestQueue:
    """Requests by priority with ageing: every `tau` seconds win one level."""

    def __init__(self, tau: float = math.inf) -> None:
        ### BEGIN SOLUTION
        if tau <= 0:
            raise ValueError(f"tau must be positive: {tau}")
        self.tau = tau
        self._waiting: dict[int, Request] = {}
        # Heaps of (key, ticket); a ticket that is not waiting any more is skipped.
        self._order: list[tuple[float, int]] = []
        self._deadlines: list[tuple[float, int]] = []
        self._tickets = itertools.count()
        ### END SOLUTION

    def __len__(self) -> int:
        ### BEGIN SOLUTION
        return len(self._waiting)
        ### END SOLUTION

    def submit(self, req: Request) -> int:
        """Let a request wait; return its ticket."""
        ### BEGIN SOLUTION
        ticket = next(self._tickets)
        self._waiting[ticket] = req
        key = req.priority + req.arrived / self.tau  # `now` would cancel
        heapq.heappush(self._order, (key, ticket))
        heapq.heappush(self._deadlines, (req.deadline, ticket))
        return ticket
        ### END SOLUTION

    def cancel(self, ticket: int) -> bool:
        """Take a request out; return whether it was waiting."""
        ### BEGIN SOLUTION
        if ticket not in self._waiting:
            return False
        self._remove(ticket)
        return True
        ### END SOLUTION

    def pop(self, now: float) -> Request | None:
        """Remove and return the request to serve next, or None."""
        ### BEGIN SOLUTION
        while self._order:
            _, ticket = heapq.heappop(self._order)
            req = self._waiting.get(ticket)
            if req is not None and now <= req.deadline:
                self._remove(ticket)
                return req
        return None  # what is past its deadline stays for `expire`
        ### END SOLUTION

    def expire(self, now: float) -> list[int]:
        """Remove what is past its deadline; return the tickets by deadline."""
        ### BEGIN SOLUTION
        expired = []
        while self._deadlines and self._deadlines[0][0] < now:
            _, ticket = heapq.heappop(self._deadlines)
            if ticket in self._waiting:
                self._remove(ticket)
                expired.append(ticket)
        return expired

    def _remove(self, ticket: int) -> None:
        """Forget a ticket, and rebuild a heap once most of it is garbage."""
        del self._waiting[ticket]
        for heap in (self._order, self._deadlines):
            if len(heap) > 2 * len(self._waiting) + 8:
                heap[:] = [entry for entry in heap if entry[1] in self._waiting]
                heapq.heapify(heap)
        ### END SOLUTION


# %% [look] e1
FOUR = [
    Request("a", priority=5, arrived=0),
    Request("b", priority=2, arrived=20),
    Request("c", priority=2, arrived=40),
    Request("d", priority=0, arrived=40, deadline=45),
]


def popped() -> list[list[str]]:
    rows = []
    for tau, now in ((math.inf, 40), (10, 40), (10, 46)):
        queue = RequestQueue(tau)
        for req in FOUR:
            queue.submit(req)
        taken = [queue.pop(now) for _ in FOUR]
        rows.append([f"{tau},{now}s", *(req.name for req in taken if req)])
    return rows


viz.beside(
    viz.attempt(popped),
    [line.split() for line in ("inf,40s d b c a", "10,40s b d a c", "10,46s b a c")],
    draw.order,
    alt="Who is popped in which order, by tau and time: d b c a without ageing, "
    "b d a c with tau 10, and b a c after the deadline of d; yours and expected.",
    height=2.2,
)

# %% [check] e1 points=2
queue = check.call(RequestQueue, shown="RequestQueue()")
a, b, c = (
    queue.submit(Request(name, priority=level))
    for name, level in (("A", 1), ("B", 1), ("C", 0))
)
shown = "RequestQueue() after submitting A (1), B (1), C (0)"
check.equal(len(queue), 3, shown=f"len of {shown}")
gone = [queue.cancel(c), queue.cancel(c)]
check.equal(gone, [True, False], shown=f"{shown}: cancel C twice")
names = [getattr(queue.pop(0.0), "name", None) for _ in range(3)]
check.equal(names, ["A", "B", None], shown=f"{shown}, cancel C: pop three times")

# %% [grade] e1.order points=6 mode=split
# Random requests and times against a full sort; ties; ageing by arrival; any payload.

# %% [grade] e1.deadlines points=3 mode=split
# The last moment, what pop passes over, the order of the report, expired only once.

# %% [grade] e1.cancel points=3 mode=split
# Unknown tickets, twice, after pop, submitted again; len through all of it.

# %% [grade] e1.cost points=3 mode=shared
# Time of cancel and pop with many waiting; memory after thousands have left.

# %% [hints] e1
# nudge: Which of the five methods has to search, if a dict by ticket says who is still waiting?
#
# idea: A dict of the waiting, one heap for the order, one for the deadlines. Both heaps hold a number and a ticket, nothing else, and both may hold dead tickets.
#
# outline: submit: next ticket, into the dict, push on both heaps. cancel: out of the dict. pop: pop the order heap until its ticket is in the dict and not too late. expire: pop the deadline heap while its front is past; report those still in the dict. One helper removes from the dict and rebuilds a heap that is longer than twice the dict.

# %% [md] starve
# ### What ageing is for
#
# A second of work each: an urgent request every 1.1 s, and a patient one (ten levels
# lower) every 8 s. Together that is slightly more than the server can do, so somebody
# has to wait. Your queue decides who:


# %% starvation
def waits(tau: float) -> list[tuple[float, float, bool]]:
    served = serving.serve(RequestQueue(tau), serving.rush())
    return [(req.arrived, wait, req.priority > 0) for req, wait in served]


both = viz.attempt(lambda: {"no ageing": waits(math.inf), "tau = 2 s": waits(2.0)})
if isinstance(both, dict):
    viz.show(
        lambda: draw.waits(both),
        alt="Waiting time against arrival of urgent and patient requests. Without "
        "ageing the patient ones wait longer and longer, the urgent ones hardly; with "
        "tau = 2 s the patient ones level off, and the urgent ones begin to wait.",
    )

# %% [md] starve-read
# Without ageing the patient ones only get the gaps that the urgent ones leave. With it, a patient request
# overtakes every urgent one that arrives more than ten levels × `tau` = 20 s after it: that is a **bound** on
# how long strangers can delay it, and the sentence that an interviewer waits for. Ageing makes no work
# vanish: the urgent ones pay.

# %% [md] batch-why
# ## 3 · Who goes together
#
# Running one request through a large model means reading all its weights from memory. Running 32 together
# reads the weights *once*. So a **batch** costs little more than a single request. In the following
# simulation, of 10,000 requests, it costs 20 ms, and 1 ms more for each request in it.
#
# But a batch must be collected, and the first in it waits for the others. How long should
# it wait for company at most?

# %% guess-wait
widgets.predict(
    "company",
    "150 requests a second. Waiting up to 60 ms for company changes the p95 by?",
    unit="ms",
)

# %% wait-measured
p95s = [np.percentile(serving.batch_latencies(wait, 150)[0], 95) for wait in (0, 60)]
widgets.reveal(
    "company",
    p95s[1] - p95s[0],
    explain="More latency: a busy server collects a batch by itself, as it works.",
)

# %% [md] wait-explore
# So what is waiting good for? Move the longest wait, then the load, and watch both panels:

# %% wait-figure
WAITS = [0, 2, 5, 10, 20, 30, 40, 60, 80, 100, 130, 160]


def company(patience: int = 60, per_second: int = 150) -> dict:
    runs = [serving.batch_latencies(wait, per_second) for wait in WAITS]
    return {
        "waits": WAITS,
        "patience": patience,
        "p95": [np.percentile(latency, 95) for latency, _ in runs],
        "size": [size for _, size in runs],
    }


widgets.explore(
    company,
    draw.batch_wait,
    question="What does waiting buy and cost, and at which load does it matter least?",
    alt="Left, p95 latency against the longest wait for company: level up to 20 ms, "
    "then rising; right, the mean batch size, which rises in the same way.",
    patience=WAITS,
    per_second=[20, 150, 400, 550],
)

# %% [md] wait-read
# While a batch runs, requests queue up, and they are the next batch. Waiting
# *longer* buys larger batches, which means more spare time and cheaper hardware, at the price of latency. So `max_wait` is a
# knob for cost, set as high as your latency promise allows. Near full load it changes little: batches fill quickly by themselves.

# %% [md] batch-rules
# ### The rules of a batch
#
# * **Tokens, not requests**, are the limit: one prompt of 8,000 tokens weighs as much as a hundred short ones. A batch holds at most `token_budget` tokens *and* `max_seqs` requests.
# * All run on one **model**.
# * A request that does not fit is **passed over**, not a wall: shorter ones behind it may fill the gap. Nor can it be passed over for ever, because batches are filled from the front: once it is first, it goes first.
# * One that exceeds the *whole* budget never fits. It must not block or hold up anything; refusing it is the front door's job.
# * The batch starts when it is **full** or when a member is **due**.

# %% [md] batch-full
# "Full" needs care. A batch of 95 tokens out of 100 may never reach 100. Call it full when it has `max_seqs`
# requests, or no token is left, **or somebody of the same model had to be passed over**: then waiting longer cannot help. "Due" means that *any* member has waited
# `max_wait` or more since it arrived. Not just the first: the order is by urgency, and the oldest may stand last.
#
# With several models, try them in the order in which they first appear, and start the first batch that is full or due. A half-empty
# batch for model A must not hold up a full one for model B.

# %% [md] batch-hand
# By hand: budget 10, `max_seqs` 4, `max_wait` 5. Waiting, in order:
#
# | name | tokens | arrived | model |
# |---|---:|---:|---|
# | a | 4 | 3 | x |
# | b | 3 | 0 | x |
# | c | 2 | 1 | y |
# | d | 5 | 2 | x |
# | e | 3 | 3 | x |
#
# For model x: a (4), b (7), d does not fit (12), e fits (10). It is full, because d was passed over: `[a, b, e]`. Take d
# and e away: a and b, 7 tokens, are not full. At 4, nobody has waited 5: the answer is `[]`.
# At 5, b is due: `[a, b]`.

# %% [card] e2 minutes=20 core
# The batcher
#
# Return the batch to start now, or `[]` to wait. `waiting` is in order of urgency; keep that order and change nothing.
# Ignore what exceeds the whole budget. Then, for each model in order of first appearance: go through its requests, take what fits, pass over what
# does not. Return the first batch that is full or due. `max_seqs < 1` raises `ValueError`.

# %% [hand] e2
# **By hand.** Budget 10: tokens 8, 4, 2 give the batch 8 + 2, full because 4 was passed over. Tokens 8, 40, 1 give 8 + 1
# and it is *not* full: 40 fits no batch, so nobody waits because of this one.


# %% [answer] e2
def form_batch(
    waiting: Sequence[Request],
    *,
    max_seqs: int,
    token_budget: int,
    now: float,
    max_wait: float,
) -> list[Request]:
    """Return the requests to run together now; an empty list means wait.

    Raises ValueError for max_seqs below 1.

    >>> two = [Request("a", tokens=6), Request("b", tokens=4)]
    >>> batch = form_batch(two, max_seqs=9, token_budget=10, now=0, max_wait=5)
    >>> [req.name for req in batch]
    ['a', 'b']
    """
    ### BEGIN SOLUTION
    if max_seqs < 1:
        raise ValueError(f"a batch holds at least one request, not {max_seqs}")
    possible = [req for req in waiting if req.tokens <= token_budget]
    for model in dict.fromkeys(req.model for req in possible):
        batch: list[Request] = []
        room = token_budget
        passed_over = False
        for req in possible:
            if req.model != model:
                continue
            if len(batch) < max_seqs and req.tokens <= room:
                batch.append(req)
                room -= req.tokens
            else:
                passed_over = True
        full = passed_over or len(batch) == max_seqs or room == 0
        if full or any(now - req.arrived >= max_wait for req in batch):
            return batch
    return []
    ### END SOLUTION


# %% [look] e2
FIVE = [
    Request(name, tokens=tokens, arrived=arrived, model=model)
    for name, tokens, arrived, model in (
        *[("a", 4, 3, "x"), ("b", 3, 0, "x"), ("c", 2, 1, "y")],
        *[("d", 5, 2, "x"), ("e", 3, 3, "x")],
    )
]


def batches() -> list[list[tuple[str, int]]]:
    left, rows = [*FIVE], []
    for now in range(8):
        batch = form_batch(left, max_seqs=4, token_budget=10, now=now, max_wait=5)
        rows.append([(req.name, req.tokens) for req in batch])
        left = [req for req in left if req not in batch]
    return rows


EXPECTED = [[] for _ in range(8)]
EXPECTED[0], EXPECTED[6] = [("a", 4), ("b", 3), ("e", 3)], [("c", 2)]
EXPECTED[7] = [("d", 5)]
viz.beside(
    viz.attempt(batches),
    EXPECTED,
    draw.batch(10),
    alt="Batches at 0 to 7 seconds, yours and expected: a, b, e at 0; c alone at 6; "
    "d alone at 7; nothing otherwise.",
)

# %% [check] e2 points=2
sizes = [Request(str(n), tokens=n) for n in (8, 4, 2)]
limits = {"max_seqs": 4, "token_budget": 10, "now": 0, "max_wait": 5}
words = "max_seqs=4, token_budget=10, now=0, max_wait=5"
shown = f"form_batch(requests of 8, 4, 2 tokens, {words})"
got = check.call(form_batch, sizes, shown=shown, **limits)
check.equal([req.name for req in got], ["8", "2"], shown=shown, hint="see 'By hand'")
shown = f"form_batch(requests of 8 and 1 tokens, {words})"
few = [Request("8", tokens=8), Request("1", tokens=1)]
got = check.call(form_batch, few, shown=shown, **limits)
check.equal(got, [], shown=shown, hint="not full and nobody is due: wait")

# %% [grade] e2.budget points=5 mode=split
# Random queues and limits: who is taken, by trying out every possible batch.

# %% [grade] e2.wait points=4 mode=split
# Full in its three senses; due, whoever it is; the very moment.

# %% [grade] e2.model points=3 mode=split
# One model a batch; a full or due one is not held up by another.

# %% [grade] e2.long points=2 mode=split
# Long prompts are served in the end, and impossible ones hold up nobody.

# %% [hints] e2
# nudge: After a batch was filled from the front, which single fact tells you that waiting longer cannot make it better?
#
# idea: Keep three things while you walk: the members, the tokens still free, and whether somebody was passed over. Decide after the walk.
#
# outline: Drop what exceeds the budget. For each distinct model, in order: walk through its requests; append if there is a place and the tokens fit, else note that one was passed over. Then: full if one was passed over, the places are used up or no token is left; due if any member has waited long enough. Return the first such batch; after all models, the empty list.

# %% [md] continuous
# ### Batches that never end
#
# A language model produces one token per step, and answers differ in length. In a **static** batch, the short
# answers are done early and their places stay empty until the longest is through. **Continuous
# batching** forms the batch anew at every step: who is done leaves, who waits comes in.

# %% continuous-figure
LENGTHS = [3, 9, 2, 4, 8, 2, 3, 5, 2, 7, 3, 4]
viz.show(
    lambda: draw.places(
        {
            "static": serving.slots(LENGTHS, 4, continuous=False),
            "continuous": serving.slots(LENGTHS, 4, continuous=True),
        }
    ),
    alt="Twelve requests in four places over time. Static batches leave gaps until the "
    "longest is done; continuous batching fills each place at once and ends earlier.",
)

# %% [md] continuous-read
# The loop is short: at each step, free what is done, call `form_batch` for the places and tokens that are left with
# `max_wait=0`, and run one step. What it needs from the rest: a queue that pops quickly,
# and memory that can be given out one token at a time. That is section 5.

# %% [md] bucket-words
# ## 4 · Who may come in at all
#
# No order saves a server that gets more than it can do: beyond the knee, everybody waits. A **token
# bucket** limits each customer to a `rate`, and still allows a short `burst`:
#
# * the bucket holds at most `burst` tokens, and starts full,
# * `rate` tokens flow in each second; what does not fit is lost,
# * a request for `n` takes `n` out, or, if there are fewer, **takes nothing** and learns how long to wait.
#
# By hand, with rate 2 per second and burst 4:
#
# | at | in the bucket | ask for | answer | left |
# |---:|---:|---:|---|---:|
# | 0 s | 4 | 3 | 0 | 1 |
# | 0.5 s | 2 | 4 | wait 1 s | 2 |
# | 1 s | 3 | 3 | 0 | 0 |
# | 9 s | 4 (not 16) | 4 | 0 | 0 |
#
# Providers run two buckets side by side, for input and for output tokens. A
# request then needs both, and takes from both or from neither.

# %% [md] drift-words
# ### The bucket that never fills
#
# Computers count time in whole nanoseconds, and it is tempting to count tokens whole as well.
# Here is a bucket that does. It is asked every 100 ms, at 2 tokens a second. How many tokens has it after 10 s?


# %% lossy
def tokens_after(polls: int, every_ns: int, rate: int) -> int:
    """Refill a whole number of tokens at each look. It is wrong."""
    held = 0
    for _ in range(polls):
        held += every_ns * rate // 1_000_000_000
    return held


print("asked once in 10 s:  ", tokens_after(1, 10_000_000_000, 2))
print("asked every 100 ms:  ", tokens_after(100, 100_000_000, 2))
print("ten floats of 0.1 are 1:", sum([0.1] * 10) == 1.0)

# %% [md] drift-read
# Each look throws the fraction away, so an impatient client starves *itself*. Floats lose less,
# but their sums are not exact either: a client that has waited as long as it was told may be refused again.
#
# Choose a unit in which everything is whole. At `rate` tokens a second, one nanosecond brings exactly `rate` **billionths of a
# token**. Count those: no fraction, no drift, no tolerance. The wait in nanoseconds is `missing / rate`, **rounded up**; in whole numbers, `-(-missing // rate)`.

# %% [card] e3 minutes=10 core
# The token bucket
#
# `take(n)` returns 0 and takes `n` tokens, or takes nothing and returns the least wait in whole nanoseconds
# after which the same call succeeds (if nobody else asks). `clock()` gives whole nanoseconds; should it go back, treat it as standing still.
# Raise `ValueError` for `n < 0`, for `n > burst` (no wait helps), and for a rate or burst below 1.

# %% [hand] e3
# **By hand.** Rate 3, burst 1. `take(1)` is 0. At once again: 1 token = 10⁹ billionths are missing, 3 come in a nanosecond, so
# the wait is 333,333,334 ns. One nanosecond earlier there are 999,999,999 billionths: too few.

# %% [answer] e3
BILLION = 1_000_000_000


class TokenBucket:
    """At most `burst` tokens at once and `rate` a second. `clock()` is in ns."""

    def __init__(self, rate: int, burst: int, clock: Callable[[], int]) -> None:
        ### BEGIN SOLUTION
        if rate < 1 or burst < 1:
            raise ValueError(f"rate and burst must be positive: {rate}, {burst}")
        self.rate, self.burst = rate, burst
        self._clock = clock
        self._seen = clock()
        self._held = burst * BILLION  # in billionths of a token
        ### END SOLUTION

    def take(self, n: int) -> int:
        """Take n tokens and return 0, or take none and return the wait in ns."""
        ### BEGIN SOLUTION
        if not 0 <= n <= self.burst:
            raise ValueError(f"0 to {self.burst} tokens can be taken, not {n}")
        now = max(self._seen, self._clock())
        came = (now - self._seen) * self.rate
        self._held = min(self.burst * BILLION, self._held + came)
        self._seen = now
        missing = n * BILLION - self._held
        if missing > 0:
            return -(-missing // self.rate)
        self._held -= n * BILLION
        return 0
        ### END SOLUTION


# %% [look] e3
ASKED = [(0.0, 3), (0.5, 4), (1.0, 3), (1.5, 2), (2.0, 2), (9.0, 4), (9.5, 2)]


def asked() -> list[tuple[float, int, float]]:
    now = [0]
    bucket, rows = TokenBucket(2, 4, lambda: now[0]), []
    for at, n in ASKED:
        now[0] = int(at * BILLION)
        rows.append((at, n, bucket.take(n) / BILLION))
    return rows


viz.beside(
    viz.attempt(asked),
    [(at, n, w) for (at, n), w in zip(ASKED, (0, 1, 0, 0.5, 0, 0, 0.5), strict=True)],
    draw.bucket,
    alt="Requests to a bucket of rate 2 and burst 4 over nine seconds, granted ones as "
    "full bars, refused ones hatched with their wait: yours and expected.",
)

# %% [check] e3 points=1
now, got = [0], []
bucket = check.call(TokenBucket, 3, 1, lambda: now[0], shown="TokenBucket(3, 1)")
shown = "TokenBucket(3, 1): take(1) at 0, 0, 333333333 and 333333334 ns"
for now[0] in (0, 0, 333_333_333, 333_333_334):
    got.append(bucket.take(1))
check.equal(got, [0, 333_333_334, 1, 0], shown=shown, hint="see 'By hand'; round up")

# %% [grade] e3.refill points=4 mode=split
# Random requests at random times, against fractions; never more than the burst.

# %% [grade] e3.polling points=3 mode=split
# Asking often changes nothing; the advised wait is enough, a nanosecond less is not.

# %% [grade] e3.clock points=2 mode=split
# Time that goes back, and comes again.

# %% [grade] e3.refused points=2 mode=split
# Requests that no wait can satisfy; a refusal takes nothing.

# %% [hints] e3
# nudge: Which two numbers, remembered from the last call, say how much is in the bucket now?
#
# idea: Remember how much was in at the last look, in billionths, and when that was. Bring both up to date first; then decide.
#
# outline: Refuse impossible n. now is the clock, but not before the last look. Add the nanoseconds since then times the rate, at most the full bucket. If n tokens are in, take them and return 0; otherwise return what is missing divided by the rate, rounded up.

# %% [md] kv-words
# ## 5 · In which memory
#
# While a model writes an answer, it keeps two vectors, a **key** and a **value**, for each token so far, so that it need
# not compute them again. This **KV cache** grows by one entry a token, and it is what a server runs out of. The scheduler
# sees it as slots: one slot for each token of each sequence.
#
# Nobody knows how long an answer becomes. Reserving one contiguous strip of the greatest length for each
# sequence wastes most of it when answers are short. **Paging** cuts the memory into **blocks** of a few slots and gives them out one at a time.

# %% strips
viz.show(
    lambda: draw.contiguous(
        [
            ("one strip each", [*"AAAAA", *"·" * 7, *"BBB", *"·" * 9]),
            ("blocks of 4", [*"AAAABBB·A···", *" " * 12]),
        ]
    ),
    alt="Two strips of memory. In the upper, A and B reserve twelve slots each, fill "
    "five and three; in the lower, blocks of four leave four empty slots in all.",
)

# %% [md] kv-table
# Each sequence has a **block table**: the numbers of its blocks, in order. With blocks of `block` slots, token `i` of a sequence is in slot
# `i % block` of block `table[i // block]`. Blocks may stand anywhere; only the *last* block of a
# sequence can have empty slots, so each wastes at most `block − 1`.
#
# By hand, 4 blocks of 2 slots:
#
# | operation | table of A | table of B | free |
# |---|---|---|---:|
# | `alloc("A", [7, 8, 9])` | two blocks | | 2 |
# | `alloc("B", [5])` | two blocks | one block | 1 |
# | `append("A", 1)` | two blocks, both full | one block | 1 |
# | `append("A", 2)` | **three** blocks | one block | 0 |
# | `alloc("C", [3, 4])` is `False` | | | 0 |
# | `append("B", 6)` is `True` | | one block, full | 0 |

# %% [md] kv-oom
# ### All or nothing
#
# The last two lines are where servers break. Out of blocks is no accident, it is the normal state of a busy server: it then stops admitting, or preempts
# somebody. That works only if the refusal **changed nothing**. Find the mistake:
#
# ```python
# def alloc(self, seq, tokens):
#     self.tables[seq] = []
#     for _ in range(blocks_for(tokens)):
#         if not self.free_blocks:
#             return False
#         self.tables[seq].append(self.free_blocks.pop())
# ```
#
# On `False`, the blocks that it took are in the table of a sequence that officially does not exist. Nobody frees it: the server leaks, a little with each refusal.
#
# So: count first, take afterwards. And `append` must not ask for a block that it does not need.

# %% [card] e4 minutes=15 core
# Paged memory
#
# `memory` is an int64 array (num_blocks, block) that holds the tokens. `alloc` and `append` return `False`, and change nothing, when blocks lack. A
# known sequence in `alloc` and negative `num_blocks` or `block < 1` raise `ValueError`; an unknown one elsewhere `KeyError`.
# `table` returns a list of the sequence's own blocks, which nobody else's change reaches. `stats` counts free and used blocks, and wasted slots: those in used blocks that hold no token.

# %% [hand] e4
# **By hand.** Blocks of 2: an empty sequence needs 0 blocks, 1 or 2 tokens need 1, 3 need 2: `-(-n // 2)`. After the third line
# of the table above, `stats()` is `{"free": 1, "used": 3, "wasted": 1}`.


# %% [answer] e4
class PagedKV:
    """Sequences of tokens in `num_blocks` blocks of `block` slots each."""

    def __init__(self, num_blocks: int, block: int) -> None:
        ### BEGIN SOLUTION
        if num_blocks < 0 or block < 1:
            raise ValueError(f"no such memory: {num_blocks} blocks of {block}")
        self.block = block
        self.memory = np.zeros((num_blocks, block), dtype=np.int64)
        self._free = list(range(num_blocks))
        self._tables: dict[str, list[int]] = {}
        self._lengths: dict[str, int] = {}
        ### END SOLUTION

    def alloc(self, seq: str, tokens: Sequence[int]) -> bool:
        """Store a new sequence; False if there are too few free blocks."""
        ### BEGIN SOLUTION
        if seq in self._tables:
            raise ValueError(f"{seq} is there already")
        if -(-len(tokens) // self.block) > len(self._free):
            return False
        self._tables[seq], self._lengths[seq] = [], 0
        for token in tokens:
            self.append(seq, token)
        return True
        ### END SOLUTION

    def append(self, seq: str, token: int) -> bool:
        """Add one token; False if it needs a block and none is free."""
        ### BEGIN SOLUTION
        table, slot = self._tables[seq], self._lengths[seq] % self.block
        if slot == 0:
            if not self._free:
                return False
            table.append(self._free.pop())
        self.memory[table[-1], slot] = token
        self._lengths[seq] += 1
        return True
        ### END SOLUTION

    def free(self, seq: str) -> None:
        """Forget a sequence; its blocks are free again."""
        ### BEGIN SOLUTION
        self._free += self._tables.pop(seq)
        del self._lengths[seq]
        ### END SOLUTION

    def table(self, seq: str) -> list[int]:
        """Return the blocks of a sequence, in order."""
        ### BEGIN SOLUTION
        return list(self._tables[seq])
        ### END SOLUTION

    def stats(self) -> dict[str, int]:
        """Return {"free": blocks, "used": blocks, "wasted": slots}."""
        ### BEGIN SOLUTION
        used = len(self.memory) - len(self._free)
        wasted = used * self.block - sum(self._lengths.values())
        return {"free": len(self._free), "used": used, "wasted": wasted}
        ### END SOLUTION


# %% [look] e4
def paged() -> dict[str, tuple[list[int], int]]:
    kv = PagedKV(8, 4)
    kv.alloc("A", [1] * 6)
    kv.alloc("B", [2] * 4)
    kv.alloc("C", [3] * 9)
    kv.free("B")
    for token in range(4):
        kv.append("A", token)
    return {"A": (kv.table("A"), 10), "C": (kv.table("C"), 9)}


viz.beside(
    viz.attempt(paged),
    {"A": ([0, 1, 2], 10), "C": ([3, 4, 5], 9)},
    draw.blocks(4, 8),
    titles=("yours", "one right answer: any blocks will do"),
    alt="Eight blocks of four slots coloured by sequence: A holds three blocks, the "
    "last half empty, C holds three with one token in the last, two are free.",
    height=2.6,
)

# %% [check] e4 points=2
kv = check.call(PagedKV, 4, 2, shown="PagedKV(4, 2)")
steps = [("alloc", "A", [7, 8, 9]), ("alloc", "B", [5]), ("append", "A", 1)]
steps += [("append", "A", 2), ("alloc", "C", [3, 4]), ("append", "B", 6)]
want = [True, True, True, True, False, True]
for (verb, seq, what), good in zip(steps, want, strict=True):
    shown = f"PagedKV(4, 2), the table by hand: {verb}({seq!r}, {what})"
    act = {"alloc": kv.alloc, "append": kv.append}[verb]
    check.case(act, seq, what, want=good, shown=shown)
shown = "the tables of A and B together, after the table by hand"
owned = sorted(kv.table("A") + kv.table("B"))
check.equal(owned, [0, 1, 2, 3], shown=shown, hint="no block belongs to two")

# %% [grade] e4.blocks points=4 mode=split
# Hundreds of random operations: every token in its slot, no block in two tables.

# %% [grade] e4.full points=3 mode=split
# Out of blocks: the answer is False and nothing has changed, nothing is lost.

# %% [grade] e4.edges points=2 mode=split
# Empty sequences, exact multiples, freed twice, unknown names, impossible sizes.

# %% [grade] e4.copy points=1 mode=shared
# A table that was handed out and later changes do not touch each other.

# %% [grade] e4.wasted points=2 mode=split
# The counts of stats, at most block − 1 wasted slots for each sequence.

# %% [hints] e4
# nudge: After how many tokens does a sequence need its next block, and what does `length % block` say then?
#
# idea: A list of free blocks, a table and a length for each sequence. alloc counts what it needs, compares with the free list, and only then takes anything.
#
# outline: append: slot is length % block; if it is 0, take a free block or return False; write the token, add 1 to the length. alloc: refuse a known name, compare the blocks needed (rounded up) with the free ones, make an empty table, append each token. free: give the table's blocks back. stats follows from the lengths.

# %% [md] size-words
# ### How large should a block be?
#
# Forty sequences of random length, at most 400 tokens, in your memory. Small blocks waste less; but each block is one more table entry
# to look up, and reading memory in small pieces is slow. Which size would you take?


# %% size-figure
def sizes(block: int = 16) -> dict:
    lengths = np.random.default_rng(8).integers(1, 400, 40).tolist()
    result = {"block": block, "sizes": [1, 2, 4, 8, 16, 32, 64, 128], "counts": []}
    for size in result["sizes"]:
        kv = PagedKV(8000 // size + 40, size)
        for number, length in enumerate(lengths):
            kv.alloc(str(number), [0] * length)
        result["counts"].append((kv.stats()["wasted"], kv.stats()["used"]))
    return {**result, "tokens": sum(lengths)}


widgets.explore(
    sizes,
    draw.block_sizes,
    question="At which size does waste begin to matter?",
    alt="Left, the share of wasted slots, which rises from none at blocks of 1 to some "
    "quarter at 128; right, the table entries, which fall with the block size.",
    block=[1, 2, 4, 8, 16, 32, 64, 128],
)

# %% [md] fair-words
# ## 6 · Stretch: fair shares between tenants
#
# A customer who sends a thousand requests gets a thousand turns. To be fair, share out **tokens**, not turns.
# **Deficit round robin** (Shreedhar and Varghese, 1995) does it in constant time for each request: go round the tenants; at each visit a
# tenant gets `quantum` tokens of credit and sends requests, in order, while the credit covers the next one;
# the rest is kept.
#
# With quantum 3, A waiting with 2, 2 and B with 4, 1: A sends its first (credit left 1). B has 3: not enough for 4. A has 4: sends its second. B has 6: sends both.
# The order is A2, A2, B4, B1.

# %% [card] e5 minutes=10 stretch
# Deficit round robin
#
# Return all requests in the order in which deficit round robin serves them. Tenants go round in order of first
# appearance; each tenant's requests keep their order. A tenant with nothing left is out.
# Every request has at least 1 token, and may have more than a quantum. `quantum < 1` raises `ValueError`. The input stays as it is.

# %% [hand] e5
# **By hand.** Quantum 1, A waits with 3, B with 1, 1: A has 1, B sends; A has 2, B sends; A has 3 and
# sends. The long one is served in the end, after as much from others as it costs itself.

# %% [answer] e5
from collections import Counter, deque


def fair_order(waiting: Sequence[Request], quantum: int) -> list[Request]:
    """Return the requests as deficit round robin serves their tenants.

    Raises ValueError for a quantum below 1. Source: Shreedhar and Varghese,
    "Efficient Fair Queuing using Deficit Round Robin", SIGCOMM 1995.
    """
    ### BEGIN SOLUTION
    if quantum < 1:
        raise ValueError(f"quantum must be positive: {quantum}")
    lines: dict[str, deque[Request]] = {}
    for req in waiting:
        lines.setdefault(req.tenant, deque()).append(req)
    credit: Counter[str] = Counter()
    order: list[Request] = []
    while lines:
        for tenant, line in list(lines.items()):
            credit[tenant] += quantum
            while line and line[0].tokens <= credit[tenant]:
                credit[tenant] -= line[0].tokens
                order.append(line.popleft())
            if not line:
                del lines[tenant]
    return order
    ### END SOLUTION


# %% [look] e5
GREEDY = [Request(f"a{n}", tenant="acme", tokens=6) for n in range(12)]
GREEDY += [Request(f"b{n}", tenant="bob", tokens=2) for n in range(24)]


def shared_out() -> list[tuple[str, int]]:
    return [(req.tenant, req.tokens) for req in fair_order(GREEDY, 6)]


viz.beside(
    viz.attempt(shared_out),
    [("acme", 6), *[("bob", 2)] * 3] * 8 + [("acme", 6)] * 4,
    draw.shares,
    alt="Tokens served to two tenants against the requests served: both rise together "
    "until bob has nothing left, then acme goes on alone; yours and expected.",
)

# %% [check] e5 points=1
four = [Request(f"A{n}", tenant="A", tokens=2) for n in (1, 2)]
four += [Request("B1", tenant="B", tokens=4), Request("B2", tenant="B", tokens=1)]
shown = "fair_order(A: 2, 2 tokens, B: 4, 1 tokens, quantum=3)"
got = check.call(fair_order, four, 3, shown=shown)
check.equal([req.name for req in got], ["A1", "A2", "B1", "B2"], shown=shown)

# %% [grade] e5.shares points=4 mode=split
# Random tenants and sizes: the exact order, and shares within a quantum.

# %% [grade] e5.edges points=2 mode=split
# One tenant, nobody, a request of many quanta, a quantum that is refused.

# %% [hints] e5
# nudge: What has to be remembered of a tenant between two visits?
#
# idea: A queue and a credit for each tenant. One round visits every tenant that still has something.
#
# outline: Sort the requests into queues by tenant. While there are queues: for each, add the quantum; while the first request costs no more than the credit, take it off and pay; delete an empty queue.

# %% [md] share-words
# ## 7 · Stretch: one block for many
#
# Thousands of conversations begin with the same instructions. Their first blocks hold the same tokens, so one copy
# is enough: **prefix sharing**. Three facts make it sound.
#
# 1. Only **full** blocks are shared by content. Nobody writes into them any more.
# 2. A block is the same only if **everything before it** is the same too: the vectors of a token depend on all tokens before. So its key is (the block before, its tokens).
# 3. A key is the tokens themselves, not just their hash. Two that collide share a block, and one customer reads another's text. Python's own hash collides easily:

# %% collide
print(hash(-1) == hash(-2), hash((-1, -1)) == hash((-2, -2)))

# %% [md] fork-words
# ### Fork, and copy on write
#
# `fork("A", "B")` starts B as a copy of A (two answers to one question) and copies nothing: both tables hold the same blocks, and each block counts its **users**. The last one may be half full, and now two sequences want to write into it.
# **Copy on write**: whoever appends to a block with other users first copies that one block.
#
# When such a block fills up, its content may already exist elsewhere. Then take the existing block and give yours back: equal full prefixes are stored once, however they came about.

# %% [md] evict-words
# ### Free, but not forgotten
#
# A block without users is free. But if it is full, its content stays known, and a later `alloc` with that prefix takes it up again
# without any work: it is **cached**. When a block is needed, take one that caches nothing; if there is none,
# take the cached one that was **released longest ago**, and forget its key. Release a table from its end: a block is useless without those before it,
# so it should go first.
#
# And one trap: the cached blocks that `alloc` takes up again are among the free ones. Do not count them twice.

# %% [card] e6 minutes=30 stretch
# Shared blocks
#
# As `PagedKV`, with the rules above. Two sequences never hold two copies of an equal full prefix. `fork` needs no block; a known `dst` raises `ValueError`.
# `stats` counts `used` blocks (each once), `free` ones (without users), and the `cached` among these. A refusal changes nothing, not even who is evicted next.

# %% [hand] e6
# **By hand.** Blocks of 2. `alloc("A", [1, 2, 3])`, `alloc("B", [1, 2, 4])`: 3 blocks used, the first shared. `fork("B", "C")`: still 3.
# `append("C", 5)`: copies the half-full block, 4. `append("B", 5)`: B's own fills up, C's equal one is there already: 3.

# %% [answer] e6
from collections import OrderedDict

Key = tuple[int | None, tuple[int, ...]]  # the block before, the tokens


class SharedKV:
    """PagedKV whose sequences share equal full prefixes and forked blocks."""

    def __init__(self, num_blocks: int, block: int) -> None:
        ### BEGIN SOLUTION
        self.block = block
        self.memory = np.zeros((num_blocks, block), dtype=np.int64)
        self._tables: dict[str, list[int]] = {}
        self._lengths: dict[str, int] = {}
        self._users: Counter[int] = Counter()
        # Blocks without users, in the order in which they are given out. A cached
        # block leaves before the one its key names, so no key outlives its parent.
        self._idle = OrderedDict.fromkeys(range(num_blocks))
        self._blocks: dict[Key, int] = {}
        self._keys: dict[int, Key] = {}
        ### END SOLUTION

    def alloc(self, seq: str, tokens: Sequence[int]) -> bool:
        """Store a new sequence; False if there are too few free blocks."""
        ### BEGIN SOLUTION
        if seq in self._tables:
            raise ValueError(f"{seq} is there already")
        known = self._known(tokens)
        need = -(-len(tokens) // self.block) - len(known)
        if need > len(self._idle) - sum(block in self._idle for block in known):
            return False
        for block in known:
            self._hold(block)
        self._tables[seq] = known
        self._lengths[seq] = start = len(known) * self.block
        for token in tokens[start:]:
            self.append(seq, token)
        return True
        ### END SOLUTION

    def append(self, seq: str, token: int) -> bool:
        """Add one token; False if it needs a block and none is free."""
        ### BEGIN SOLUTION
        table, slot = self._tables[seq], self._lengths[seq] % self.block
        if slot == 0 or self._users[table[-1]] > 1:
            if not self._idle:
                return False
            new = self._take()
            if slot:
                self.memory[new] = self.memory[table[-1]]
                self._release(table.pop())
            table.append(new)
        self.memory[table[-1], slot] = token
        self._lengths[seq] += 1
        if slot == self.block - 1:
            self._publish(table)
        return True
        ### END SOLUTION

    def fork(self, src: str, dst: str) -> None:
        """Start dst as a copy of src that shares all its blocks."""
        ### BEGIN SOLUTION
        if dst in self._tables:
            raise ValueError(f"{dst} is there already")
        self._tables[dst] = list(self._tables[src])
        self._lengths[dst] = self._lengths[src]
        for block in self._tables[dst]:
            self._hold(block)
        ### END SOLUTION

    def free(self, seq: str) -> None:
        """Forget a sequence; blocks without other users are free, from the last."""
        ### BEGIN SOLUTION
        for block in reversed(self._tables.pop(seq)):
            self._release(block)
        del self._lengths[seq]
        ### END SOLUTION

    def table(self, seq: str) -> list[int]:
        """Return the blocks of a sequence, in order."""
        ### BEGIN SOLUTION
        return list(self._tables[seq])
        ### END SOLUTION

    def stats(self) -> dict[str, int]:
        """Return {"used": blocks, "free": blocks, "cached": blocks among these}."""
        ### BEGIN SOLUTION
        free = len(self._idle)
        cached = sum(block in self._keys for block in self._idle)
        return {"used": len(self.memory) - free, "free": free, "cached": cached}

    def _known(self, tokens: Sequence[int]) -> list[int]:
        """Return the blocks that hold the longest stored prefix of `tokens`."""
        found: list[int] = []
        for stop in range(self.block, len(tokens) + 1, self.block):
            part = tuple(tokens[stop - self.block : stop])
            block = self._blocks.get((found[-1] if found else None, part))
            if block is None:
                break
            found.append(block)
        return found

    def _publish(self, table: list[int]) -> None:
        """Make a block that has just filled up known, or replace it by its equal."""
        own = table[-1]
        before = table[-2] if len(table) > 1 else None
        key = before, tuple(self.memory[own].tolist())
        if key in self._blocks:
            table[-1] = self._blocks[key]
            self._hold(table[-1])
            self._release(own)
        else:
            self._blocks[key] = own
            self._keys[own] = key

    def _take(self) -> int:
        block, _ = self._idle.popitem(last=False)
        if block in self._keys:
            del self._blocks[self._keys.pop(block)]
        self._users[block] = 1
        return block

    def _hold(self, block: int) -> None:
        self._users[block] += 1
        self._idle.pop(block, None)

    def _release(self, block: int) -> None:
        self._users[block] -= 1
        if not self._users[block]:
            self._idle[block] = None
            if block not in self._keys:  # it caches nothing, so it is given out first
                self._idle.move_to_end(block, last=False)
        ### END SOLUTION


# %% [look] e6
def forked() -> dict[str, tuple[list[int], int]]:
    kv = SharedKV(8, 4)
    kv.alloc("A", [1, 2, 3, 4, 5, 6])
    kv.alloc("B", [1, 2, 3, 4, 9])
    kv.fork("A", "C")
    kv.append("C", 8)
    lengths = {"A": 6, "B": 5, "C": 7}
    return {seq: (kv.table(seq), length) for seq, length in lengths.items()}


viz.beside(
    viz.attempt(forked),
    {"A": ([0, 1], 6), "B": ([0, 2], 5), "C": ([0, 3], 7)},
    draw.blocks(4, 8),
    titles=("yours", "one right answer: any blocks will do"),
    alt="Eight blocks of four slots: one is shared by A, B and C, and each of them has "
    "a second block of its own; four are free.",
    height=2.6,
)

# %% [check] e6 points=1
kv = check.call(SharedKV, 8, 2, shown="SharedKV(8, 2)")
kv.alloc("A", [1, 2, 3])
kv.alloc("B", [1, 2, 4])
used = [kv.stats()["used"]]
kv.fork("B", "C")
used.append(kv.stats()["used"])
for seq in ("C", "B"):
    kv.append(seq, 5)
    used.append(kv.stats()["used"])
shown = "used blocks of SharedKV(8, 2), step by step as in 'By hand'"
check.equal(used, [3, 3, 4, 3], shown=shown)

# %% [grade] e6.share points=3 mode=split
# Equal prefixes are stored once; equal blocks after unequal ones are not; collisions.

# %% [grade] e6.fork points=3 mode=split
# Copy on write copies one block, and nobody's tokens change.

# %% [grade] e6.evict points=3 mode=split
# Freed prefixes come back, and leave in order; blocks in use never do.

# %% [grade] e6.random points=2 mode=split
# Hundreds of random operations, with memory nearly full, against plain lists.

# %% [hints] e6
# nudge: Which events change the number of users of a block, and what must happen when it falls to 0?
#
# idea: Four small helpers: take a block from the idle ones (forgetting its key), hold it (one user more), release it (one fewer, maybe idle), and publish one that has just filled up.
#
# outline: alloc walks down the known blocks by (block before, tokens); counts blocks needed beyond them and idle ones that are not among them; holds the known; appends the rest. append takes a new block if the slot is 0 or the last has other users, copying in the second case; after the last slot it publishes. free releases from the end. An idle block without a key goes to the front.

# %% [essay] e7 points=10 rubric=design minutes=10 stretch
# Defend your scheduler
#
# In at most 150 words, to the engineer on call: name the facts that hold between any two operations of your
# queue and your block memory (invariants); the cost of each operation and why the garbage does not grow; who can be delayed by whom and for how long;
# and what happens, step by step, when blocks run out while twenty sequences are half-way through their answers.

# %% [rubric] design
# **A strong answer contains**
#
# * invariants: every waiting ticket is in both heaps; dead entries are at most about as many as living ones; free + used = all blocks; a block's users = the tables that hold it; nobody writes into a block that has other users or is full
# * cost: O(log n) for submit and pop, amortised O(1) for cancel with the rebuild paid by the deletions before it; append O(1)
# * starvation: priorities alone starve; ageing bounds the delay by (levels × tau) of later arrivals; passed-over requests reach the front; tenants share by tokens
# * out of blocks: append returns False and nothing changed; admission stops; one victim (least urgent, or last come) is preempted, by swapping its blocks out or by freeing and recomputing; it keeps its arrival time, so its age; the others go on
#
# **Red flags**: "the queue is fair" without a bound; retrying the failed append in a loop; preempting without saying whose work is lost; killing all sequences; counting requests rather than tokens.
#
# **Levels**
#
# * 0–2: retells the code, or claims that memory cannot run out
# * 3–5: invariants of one structure, costs without the argument for the garbage
# * 6–8: both structures, amortisation, a bound on the delay
# * 9–10: all of it, and a preemption policy with its price, within the limit of words

# %% [md] dag-words
# ## 8 · Stretch: work that waits for other work
#
# A model with tools answers with a *plan* of calls: search, read what was found, run code, write. Some need the results of others, most do not. Such a
# plan is a **task graph**: tasks, and for each the tasks that it **needs**. To run it, keep two things:
#
# * for each task a **count** (its in-degree) of needed tasks that have not ended. When one ends, all that need it count down;
# * the **ready set**: the tasks whose count is 0. Who is free takes one, in any order.
#
# Simpler are **waves**: start all that is ready, wait for all of it, look again. What does that cost, with two workers?

# %% guess-plan
NEEDS = {"plan": [], "search": ["plan"], "code": ["plan"], "read": ["search"]}
NEEDS |= {"test": ["code"], "fix": ["test"], "write": ["read", "fix"]}
widgets.predict(
    "plan",
    "search takes 4 s, test and fix 2 s, the others 1 s. How long do waves take?",
    unit="s",
)

# %% [md] plan-now
# Draw both ways on paper first. Then let `search` take longer or shorter, and add a worker:

# %% plan-figure
from course.sim import dag, web

WAYS = ("waves", "rolling")
SLOW = {"search": 4.0, "test": 2.0, "fix": 2.0}


def two_ways(workers: int = 2, search: float = 4.0) -> dict:
    graph = dag.Graph(NEEDS, delays={**SLOW, "search": search})
    runs = {way: dag.schedule(graph, workers, way == "waves") for way in WAYS}
    bars = {way: graph.bars(spans) for way, spans in runs.items()}
    return {"needs": NEEDS, "seconds": graph.seconds(), "runs": bars}


ends = {way: max(bar[3] for bar in two_ways()["runs"][way]) for way in WAYS}
explain = f"Rolling takes {ends['rolling']:g} s: `test` need not wait for `search`."
widgets.reveal("plan", ends["waves"], explain=explain)
widgets.explore(
    two_ways,
    draw.plan,
    question="When do waves cost nothing? What does a third worker change, and why?",
    alt="A graph of seven tasks, and two charts of two workers: in waves test waits "
    "for search and all is done after 10 s; rolling, after 7 s.",
    workers=(1, 3, 1),
    search=(1, 8, 1),
)

# %% [md] dag-rules
# ### When a task fails, and when the plan is wrong
#
# `retries=2` means at most three calls. Then the task has **failed**; what needs it, directly or not, is **skipped**, and the rest runs. One
# rule does it all: however a task ends, its dependants count down. At 0, one that needs a failed or skipped task is skipped, and ends in turn.
#
# In a **cycle** nobody gets to 0: the run hangs, or tasks are missing. So look before you start: count down without calling anything. What is
# left lies on a cycle *or needs one*. From any of it, step to something left that it needs, and so on: the first task met again closes a cycle.

# %% outcome
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task: its `state` is "done", "failed" or "skipped".

    `attempts` counts the calls. A failed task keeps its last `error`; `because` of a
    skipped one names, sorted, the failed tasks that it needs, directly or not.
    """

    state: str
    value: object = None
    error: Exception | None = None
    attempts: int = 0
    because: tuple[str, ...] = ()


# %% [card] e8 minutes=30 stretch
# Run a task graph
#
# Call each task in a thread once all that it needs is done. Never more than `workers` run at once; none
# is idle while a task is ready; nothing spins. Call again after an `Exception`, at most `retries` times. Anything else ends
# the run: it comes out, and no further task starts. No thread stays. Graphs may be 3,000 deep.
# `ValueError`, before any call, for `workers < 1`, `retries < 0`, names in `deps` that are no tasks, a cycle.

# %% [hand] e8
# **By hand.** `b` and `c` need `a`, `d` needs `b` and `c`; `b` always raises; `retries=1`. `a`, `c`: done, 1 attempt. `b`: failed, 2
# attempts. `d`: skipped because of `("b",)`. If `a` needs `d` as well, the text of the error is `a -> d -> b -> a` or `a -> d -> c -> a`,
# begun anywhere: each task needs the next.
#
# Pools of threads, and how to sleep until one of them is done, are explained in the notebooks on bounded queues and on the crawler.


# %% [answer] e8
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait


def run_dag(
    tasks: Mapping[str, Callable[[], object]],
    deps: Mapping[str, Sequence[str]],
    *,
    workers: int,
    retries: int,
) -> dict[str, Outcome]:
    """Return what became of each task, called once all in `deps[name]` are done.

    A task without an entry in `deps` needs nothing. Raises ValueError for counts that
    make no sense, for names in `deps` that are no tasks, and for a cycle, whose text
    holds the cycle as "a -> b -> a".
    """
    ### BEGIN SOLUTION
    if retries < 0:
        raise ValueError(f"retries must not be negative: {retries}")
    unknown = set(deps).union(*deps.values()) - set(tasks)
    if unknown:
        raise ValueError(f"no such task: {', '.join(sorted(unknown))}")
    needs = {name: set(deps.get(name, ())) for name in tasks}
    users: dict[str, list[str]] = {name: [] for name in tasks}
    for name, needed in needs.items():
        for one in needed:
            users[one].append(name)
    if cycle := _cycle(needs, users):
        raise ValueError(f"tasks that wait for each other: {' -> '.join(cycle)}")

    missing = {name: len(needed) for name, needed in needs.items()}
    ready = deque(name for name in tasks if not missing[name])
    outcomes: dict[str, Outcome] = {}

    def settle(name: str, outcome: Outcome) -> None:
        outcomes[name] = outcome
        for user in users[name]:
            missing[user] -= 1
            if not missing[user]:
                ready.append(user)

    # Only this thread touches what is above; the pool's threads do nothing but call.
    with ThreadPoolExecutor(workers) as pool:
        running: dict[Future[Outcome], str] = {}
        while ready or running:
            while ready and len(running) < workers:
                name = ready.popleft()
                blamed: set[str] = set()
                for one in needs[name]:
                    failed = outcomes[one].state == "failed"
                    blamed.update([one] if failed else outcomes[one].because)
                if blamed:
                    settle(name, Outcome("skipped", because=tuple(sorted(blamed))))
                else:
                    running[pool.submit(_attempt, tasks[name], retries)] = name
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                settle(running.pop(future), future.result())
    return outcomes


def _attempt(task: Callable[[], object], retries: int) -> Outcome:
    """Call a task until it succeeds, or has failed once more than `retries`."""
    for attempt in itertools.count(1):
        try:
            return Outcome("done", task(), attempts=attempt)
        except Exception as error:
            if attempt > retries:
                return Outcome("failed", error=error, attempts=attempt)


def _cycle(needs: dict[str, set[str]], users: dict[str, list[str]]) -> list[str]:
    """Return a task, one that it needs, and so on back to it; empty without a cycle."""
    missing = {name: len(needed) for name, needed in needs.items()}
    ended = [name for name in needs if not missing[name]]
    for name in ended:  # grows as it is read
        for user in users[name]:
            missing[user] -= 1
            if not missing[user]:
                ended.append(user)
    stuck = needs.keys() - ended
    if not stuck:
        return []
    name = min(stuck)
    path: dict[str, int] = {}
    while name not in path:
        path[name] = len(path)
        name = min(needs[name] & stuck)
    return [*list(path)[path[name] :], name]
    ### END SOLUTION


# %% [look] e8
def filmed() -> list[tuple[str, int, float, float]]:
    graph = dag.Graph(NEEDS, delays=SLOW, failures={"test": 1, "read": 3}, retries=1)
    film = web.SlowMotion(graph, workers=2)
    tasks = graph.tasks(film.wait)
    run = film.run(lambda: run_dag(tasks, NEEDS, workers=2, retries=1))
    if run.error is not None:
        raise run.error
    return graph.bars(run.spans)


EXPECTED_PLAN = dag.Graph(
    NEEDS, delays=SLOW, failures={"test": 1, "read": 3}, retries=1
)
viz.beside(
    viz.attempt(filmed),
    EXPECTED_PLAN.bars(dag.schedule(EXPECTED_PLAN, workers=2)),
    draw.bars,
    titles=("yours", "one right order (×: a call that fails)"),
    alt="Which of two workers calls a task when, yours and expected: test fails once, "
    "then succeeds; read fails twice, so that write never runs; all is over after 8 s.",
)


# %% [check] e8 points=1
import functools

from course.sim import threads


def broken() -> None:
    raise ValueError("always")


four = {"a": lambda: 1, "b": broken, "c": lambda: 3, "d": lambda: 4}
wanted = {"b": ["a"], "c": ["a"], "d": ["b", "c"]}
shown = "run_dag(the tasks of 'By hand', workers=2, retries=1)"
counts = {"workers": 2, "retries": 1}
got = check.within(run_dag, four, wanted, **counts, shown=shown)
rows = {
    name: (one.state, one.value, one.attempts, one.because) for name, one in got.items()
}
want = {"a": ("done", 1, 1, ()), "b": ("failed", None, 2, ())}
want |= {"c": ("done", 3, 1, ()), "d": ("skipped", None, 0, ("b",))}
check.equal(rows, want, shown=shown, hint="see 'By hand'")
circle = {**wanted, "a": ["d"]}
shown = "run_dag(the same, and a needs d, workers=2, retries=1)"
run = functools.partial(run_dag, four, circle, **counts)
check.raises(threads.bounded, ValueError, run, shown=shown)

# %% [grade] e8.order points=2 mode=shared
# Random graphs, deep and wide ones: each task once, after all that it needs; values.

# %% [grade] e8.rolling points=3 mode=shared
# In slow motion: nobody is idle while a task is ready; never more calls than workers.

# %% [grade] e8.retry points=1 mode=shared
# How often a task is called, which error is kept, counts that make no sense.

# %% [grade] e8.skip points=2 mode=shared
# Who is skipped and because of whom; everybody else runs; everybody has an outcome.

# %% [grade] e8.cycle points=2 mode=shared
# Cycles of one and of thousands, among innocent tasks; unknown names; no calls.

# %% [grade] e8.end points=1 mode=shared
# What is no Exception comes out; nothing spins; no thread stays.

# %% [hints] e8
# nudge: What has to happen when a task ends, and does it matter *how* it has ended?
#
# idea: One thread keeps the counts, the ready set and the outcomes; a pool's threads only make the calls. In a loop: hand out ready tasks while fewer than `workers` run, then sleep until one of them is done.
#
# outline: Check the arguments; turn deps round, so that each task knows who needs it; count down without calls to find a cycle. Then loop while something is ready or runs. A ready task with a failed or skipped need is skipped at once, otherwise submitted. Sleep with wait and FIRST_COMPLETED. Each task that ends gets its outcome and counts its dependants down; at 0 they are ready. The repeated calls belong into the function that you submit.

# %% [md] aloud
# ## Say it out loud
#
# Rehearse in 90 seconds: "Waiting requests are in a dict by ticket; two heaps hold keys and tickets, and skip the dead. Ageing costs nothing,
# because now cancels in every comparison, so the key is priority plus arrival over tau. A batch is filled
# from the front by tokens; it starts when it is full, when somebody had to be passed over, or when a member is due. The rate limit counts
# billionths of a token, so nothing drifts. Memory comes in blocks: count first, take afterwards, and a refusal changes nothing.
# Full prefixes are shared, partial blocks are copied on write." Then say what you would preempt.

# %% [md] follow
# ## Follow-ups
#
# 1. Blocks run out: swap a victim's blocks to host memory, or recompute?
# 2. Priority inversion: an urgent request waits for blocks of a patient one. What now?
# 3. Speculative decoding proposes five tokens a step and keeps some: what of the budget and of `append`?
# 4. One tenant's prefixes push everybody else's out of the cache. What now?
# 5. Prefill and decode run on different machines. What moves between them?
# 6. A different `tau` for each class: does `now` still cancel? What instead of the heap?
# 7. Two customers share a prefix block. What does one's latency tell about the other?
# 8. `run_dag` crashes half-way. What must be on disk, and what may run twice?

# %% [md] deeper
# ## Go deeper
#
# * W. Kwon and others, *Efficient Memory Management for Large Language Model Serving with PagedAttention*, SOSP 2023
# * G.-I. Yu and others, *Orca: A Distributed Serving System for Transformer-Based Generative Models*, OSDI 2022: continuous batching
# * M. Shreedhar, G. Varghese, *Efficient Fair Queuing using Deficit Round Robin*, SIGCOMM 1995

# %% [review]
# ## Review cards
#
# Q: Why is latency so sensitive near full utilisation?
# A: The queue only drains in spare time, and little is left: with random sizes the mean is 1 / (1 − utilisation) service times.
#
# Q: Why does linear ageing need no re-sorting?
# A: All age at one speed, so `now` cancels in each comparison; the key priority + arrived / tau never changes.
#
# Q: How does a heap support cancel without a search?
# A: Lazy deletion: a dict says who is alive, dead entries are skipped at the front, and the heap is rebuilt when most of it is dead.
#
# Q: When is a batch full, although tokens and places are left?
# A: When somebody had to be passed over: waiting longer cannot help.
#
# Q: Whose waiting time decides that a batch starts?
# A: That of any member; the order is by urgency, so the oldest may stand anywhere.
#
# Q: Why must a token bucket not refill in whole tokens?
# A: Each look throws a fraction away; whoever asks often gets nothing. Count in a unit in which rate × time is whole.
#
# Q: How does an allocation fail without a leak?
# A: It counts what it needs before it takes anything.
#
# Q: What is the key of a shared block?
# A: The block before it and its tokens, compared in full, because a token's vectors depend on all before it and hashes collide.
#
# Q: Who copies, on copy on write, and how much?
# A: Whoever appends to a block with other users copies that one block.
#
# Q: How does one rule run a task graph, and skip what a failure makes impossible?
# A: However a task ends, all that need it count down; at zero one is ready, and is skipped, which is an end too, if it needs a failed or skipped task.
#
# Q: After counting down, what is left of a graph with a cycle?
# A: The cycle and all that needs it. Walk from any of it to something left that it needs: the first task met again closes a cycle.
