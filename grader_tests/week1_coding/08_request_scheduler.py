"""Proof of notebook 8 of week 1: wrong answers that must fail, right ones that pass."""

import graphlib
import heapq
import itertools
import math
import queue
import threading
from collections import Counter, deque
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from fractions import Fraction

import numpy as np
from sortedcontainers import SortedList

from course.ops.proof import edited, right, wrong

# -- e1: RequestQueue --------------------------------------------------------------


@wrong("e1.order", because="not supported between|TypeError")
@wrong("e1.check", because="not supported between|TypeError")
class RequestQueue__compares_requests:
    def __init__(self, tau=math.inf):
        self.tau, self.heap, self.count = tau, [], itertools.count()
        self.alive = set()

    def __len__(self):
        return len(self.alive)

    def submit(self, req):
        ticket = next(self.count)
        self.alive.add(ticket)
        key = req.priority + req.arrived / self.tau
        heapq.heappush(self.heap, (key, req, ticket))
        return ticket

    def cancel(self, ticket):
        there = ticket in self.alive
        self.alive.discard(ticket)
        return there

    def pop(self, now):
        while self.heap:
            _, req, ticket = heapq.heappop(self.heap)
            if ticket in self.alive:
                self.alive.discard(ticket)
                return req
        return None

    def expire(self, now):
        return []


edited(
    "e1.order",
    "no ageing",
    old="key = req.priority + req.arrived / self.tau  # `now` would cancel",
    new="key = req.priority",
    because="arrived / tau",
)
edited(
    "e1.order",
    "ages the wrong way",
    old="key = req.priority + req.arrived / self.tau  # `now` would cancel",
    new="key = req.priority - req.arrived / self.tau",
    because="arrived / tau",
)
edited(
    "e1.order",
    "ages by submission",
    old="key = req.priority + req.arrived / self.tau  # `now` would cancel",
    new="key = req.priority + (ticket / self.tau if self.tau < math.inf else 0)",
    because="arrived / tau",
)
edited(
    "e1.order",
    "tau is a rate",
    old="key = req.priority + req.arrived / self.tau  # `now` would cancel",
    new="key = req.priority + (req.arrived * self.tau if self.tau < math.inf else 0)",
    because="arrived / tau",
)
edited(
    "e1.order",
    "last in, first out among equals",
    old="heapq.heappush(self._order, (key, ticket))",
    new="heapq.heappush(self._order, (key, -ticket))",
    because="pop|ties",
)
edited(
    "e1.order",
    "a greater priority is more urgent",
    old="key = req.priority + req.arrived / self.tau  # `now` would cancel",
    new="key = -req.priority + req.arrived / self.tau",
    because="ties by submission",
)
edited(
    "e1.order",
    "any tau",
    old="if tau <= 0:",
    new="if tau == 0:",
    because="ValueError",
)
edited(
    "e1.deadlines",
    "serves what is expired",
    old="if req is not None and now <= req.deadline:",
    new="if req is not None:",
    because="past its deadline",
)
edited(
    "e1.deadlines",
    "the last moment is too late",
    old="if req is not None and now <= req.deadline:",
    new="if req is not None and now < req.deadline:",
    because="past its deadline",
)
edited(
    "e1.deadlines",
    "expires at the last moment",
    old="self._deadlines[0][0] < now:",
    new="self._deadlines[0][0] <= now:",
    because="past its deadline",
)
edited(
    "e1.deadlines",
    "pop drops what is expired",
    old="            if req is not None and now <= req.deadline:\n",
    new="            if req is not None and now > req.deadline:\n"
    "                self._remove(ticket)\n"
    "            elif req is not None:\n",
    because="len after|expire",
)
edited(
    "e1.deadlines",
    "expired by ticket",
    old="        return expired\n",
    new="        return sorted(expired)\n",
    because="earliest deadline first",
)
edited(
    "e1.deadlines",
    "reports what was popped",
    old="            if ticket in self._waiting:\n"
    "                self._remove(ticket)\n                expired.append(ticket)\n",
    new="            expired.append(ticket)\n"
    "            if ticket in self._waiting:\n                self._remove(ticket)\n",
    because="earliest deadline|expire",
)
edited(
    "e1.cancel",
    "cancel is always true",
    old="            return False\n        self._remove(ticket)\n",
    new="            return True\n        self._remove(ticket)\n",
    because="waiting from submit",
)
edited(
    "e1.cancel",
    "tickets are the number that wait",
    old="ticket = next(self._tickets)",
    new="ticket = len(self._waiting)",
    because="ticket|popped|cancel|len",
)
edited(
    "e1.cancel",
    "len counts the heap",
    old="        return len(self._waiting)\n",
    new="        return len(self._order)\n",
    because="len",
)


@wrong("e1.cost", because="times the processor time")
class RequestQueue__cancel_searches:
    def __init__(self, tau=math.inf):
        self.tau, self.heap, self.count = tau, [], itertools.count()

    def __len__(self):
        return len(self.heap)

    def submit(self, req):
        ticket = next(self.count)
        key = req.priority + req.arrived / self.tau
        heapq.heappush(self.heap, (key, ticket, req))
        return ticket

    def cancel(self, ticket):
        for at, entry in enumerate(self.heap):
            if entry[1] == ticket:
                self.heap[at] = self.heap[-1]
                self.heap.pop()
                heapq.heapify(self.heap)
                return True
        return False

    def pop(self, now):
        return heapq.heappop(self.heap)[2] if self.heap else None

    def expire(self, now):
        late = [entry for entry in self.heap if entry[2].deadline < now]
        for entry in late:
            self.cancel(entry[1])
        return [entry[1] for entry in late]


@wrong("e1.cost", because="times the processor time")
class RequestQueue__scans_at_pop:
    def __init__(self, tau=math.inf):
        self.tau, self.waiting, self.count = tau, {}, itertools.count()

    def __len__(self):
        return len(self.waiting)

    def submit(self, req):
        ticket = next(self.count)
        self.waiting[ticket] = req
        return ticket

    def cancel(self, ticket):
        return self.waiting.pop(ticket, None) is not None

    def pop(self, now):
        fit = [t for t, req in self.waiting.items() if req.deadline >= now]
        if not fit:
            return None

        def aged(ticket):
            req = self.waiting[ticket]
            return req.priority - (now - req.arrived) / self.tau, ticket

        return self.waiting.pop(min(fit, key=aged))

    def expire(self, now):
        late = [t for t, req in self.waiting.items() if req.deadline < now]
        late.sort(key=lambda t: (self.waiting[t].deadline, t))
        for ticket in late:
            del self.waiting[ticket]
        return late


edited(
    "e1.cost",
    "garbage grows",
    old="if len(heap) > 2 * len(self._waiting) + 8:",
    new="if False:",
    because="entries in its containers",
)
edited(
    "e1.cost",
    "tidies one heap only",
    old="for heap in (self._order, self._deadlines):",
    new="for heap in (self._order,):",
    because="entries in its containers",
)
edited(
    "e1.cost",
    "rebuilds at every cancel",
    old="if len(heap) > 2 * len(self._waiting) + 8:",
    new="if True:",
    because="times the processor time",
)
edited(
    "e1.cost",
    "remembers who was cancelled",
    old="        del self._waiting[ticket]\n",
    new="        del self._waiting[ticket]\n"
    "        self.gone = getattr(self, 'gone', set()) | {ticket}\n",
    because="entries in its containers|times the processor",
)


@right("e1")
class RequestQueue__sorted_lists:
    """Sorted lists take an item out of the middle, so nothing is left behind."""

    def __init__(self, tau=math.inf):
        if not tau > 0:
            raise ValueError("tau")
        self.tau, self.number = tau, 100
        self.entries, self.order, self.ends = {}, SortedList(), SortedList()

    def __len__(self):
        return len(self.entries)

    def submit(self, req):
        self.number += 3
        key = req.priority + req.arrived / self.tau
        self.entries[self.number] = req, key
        self.order.add((key, self.number))
        self.ends.add((req.deadline, self.number))
        return self.number

    def cancel(self, ticket):
        entry = self.entries.pop(ticket, None)
        if entry is None:
            return False
        self.order.discard((entry[1], ticket))
        self.ends.discard((entry[0].deadline, ticket))
        return True

    def pop(self, now):
        while self.order:
            _, ticket = self.order.pop(0)
            req, _ = self.entries[ticket]
            if req.deadline >= now:
                self.cancel(ticket)
                return req
        return None

    def expire(self, now):
        found = []
        while self.ends and self.ends[0][0] < now:
            found.append(self.ends[0][1])
            self.cancel(found[-1])
        return found


@right("e1")
class RequestQueue__entries_marked_dead:
    """The heaps share one mutable entry a request; a dead one has lost its request."""

    def __init__(self, tau=math.inf):
        if tau <= 0:
            raise ValueError("tau")
        self.tau, self.count, self.entries = tau, itertools.count(1), {}
        self.order, self.ends = [], []

    def __len__(self):
        return len(self.entries)

    def submit(self, req):
        ticket = next(self.count)
        self.entries[ticket] = [req]
        entry = self.entries[ticket]
        aged = req.priority + (0 if math.isinf(self.tau) else req.arrived / self.tau)
        heapq.heappush(self.order, (aged, ticket, entry))
        if req.deadline != math.inf:
            heapq.heappush(self.ends, (req.deadline, ticket, entry))
        return ticket

    def cancel(self, ticket):
        entry = self.entries.pop(ticket, None)
        if not entry:
            return False
        entry.clear()
        if len(self.order) + len(self.ends) > 4 * len(self.entries) + 100:
            self.order = sorted(e for e in self.order if e[2])
            self.ends = sorted(e for e in self.ends if e[2])
        return True

    def pop(self, now):
        while self.order:
            _, ticket, entry = heapq.heappop(self.order)
            if entry and entry[0].deadline >= now:
                req = entry[0]
                self.cancel(ticket)
                return req
        return None

    def expire(self, now):
        late = []
        while self.ends and self.ends[0][0] < now:
            _, ticket, entry = heapq.heappop(self.ends)
            if entry:
                late.append(ticket)
                self.cancel(ticket)
        return late


# -- e2: form_batch ----------------------------------------------------------------

edited(
    "e2.budget",
    "counts requests, not tokens",
    old="                room -= req.tokens\n",
    new="                room -= 1\n",
    because="tokens in the batch|fill from the front",
)
edited(
    "e2.budget",
    "no limit of requests",
    old="if len(batch) < max_seqs and req.tokens <= room:",
    new="if req.tokens <= room:",
    because="fill from the front",
)
edited(
    "e2.budget",
    "the smallest first",
    old="        for req in possible:\n",
    new="        for req in sorted(possible, key=lambda one: one.tokens):\n",
    because="fill from the front",
)
edited(
    "e2.budget",
    "one token over",
    old="req.tokens <= room:",
    new="req.tokens <= room + 1:",
    because="tokens in the batch|fill from the front",
)
edited(
    "e2.budget",
    "empty for no places",
    old="    if max_seqs < 1:",
    new="    if max_seqs < 0:",
    because="ValueError",
)
edited(
    "e2.wait",
    "waits for a full batch",
    old="        if full or any(now - req.arrived >= max_wait for req in batch):",
    new="        if full:",
    because="due",
)
edited(
    "e2.wait",
    "never waits",
    old="        if full or any(now - req.arrived >= max_wait for req in batch):",
    new="        if batch:",
    because="full|due",
)
edited(
    "e2.wait",
    "looks at the first only",
    old="any(now - req.arrived >= max_wait for req in batch)",
    new="now - batch[0].arrived >= max_wait",
    because="not the first",
)
edited(
    "e2.wait",
    "looks at the ends only",
    old="any(now - req.arrived >= max_wait for req in batch)",
    new="any(now - req.arrived >= max_wait for req in (batch[0], batch[-1]))",
    because="in the middle",
)
edited(
    "e2.wait",
    "adds up what they waited",
    old="any(now - req.arrived >= max_wait for req in batch)",
    new="sum(now - req.arrived for req in batch) >= max_wait",
    because="due",
)
edited(
    "e2.wait",
    "longer than max_wait",
    old="now - req.arrived >= max_wait",
    new="now - req.arrived > max_wait",
    because="exactly max_wait",
)
edited(
    "e2.wait",
    "full only without tokens",
    old="full = passed_over or len(batch) == max_seqs or room == 0",
    new="full = len(batch) == max_seqs or room == 0",
    because="passed over",
)
edited(
    "e2.wait",
    "full only by tokens",
    old="full = passed_over or len(batch) == max_seqs or room == 0",
    new="full = passed_over or room == 0",
    because="max_seqs",
)
edited(
    "e2.wait",
    "no token left is not full",
    old="full = passed_over or len(batch) == max_seqs or room == 0",
    new="full = passed_over or len(batch) == max_seqs",
    because="no token is left",
)
edited(
    "e2.model",
    "mixes models",
    old="            if req.model != model:\n                continue\n",
    new="",
    because="one model a batch",
)
edited(
    "e2.model",
    "only the first model",
    old="            return batch\n    return []\n",
    new="            return batch\n        return []\n    return []\n",
    because="one model a batch",
)
edited(
    "e2.model",
    "another model makes it full",
    old="            if req.model != model:\n                continue\n",
    new="            if req.model != model:\n                passed_over = True\n"
    "                continue\n",
    because="one model a batch",
)
edited(
    "e2.model",
    "models of impossible requests count",
    old="for model in dict.fromkeys(req.model for req in possible):",
    new="for model in dict.fromkeys(req.model for req in waiting):",
    because="one model a batch",
)
edited(
    "e2.model",
    "models by name",
    old="for model in dict.fromkeys(req.model for req in possible):",
    new="for model in sorted({req.model for req in possible}):",
    because="one model a batch",
)
edited(
    "e2.long",
    "stops at what does not fit",
    old="                passed_over = True\n",
    new="                passed_over = True\n                break\n",
    because="passed over",
)
edited(
    "e2.long",
    "an impossible request is passed over",
    old="        passed_over = False\n",
    new="        passed_over = len(possible) < len(waiting)\n",
    because="ignored",
)
edited(
    "e2.long",
    "impossible requests block the line",
    old="    possible = [req for req in waiting if req.tokens <= token_budget]\n",
    new="    possible = list(itertools.takewhile(\n"
    "        lambda req: req.tokens <= token_budget, waiting))\n",
    because="ignored",
)
edited(
    "e2.long",
    "the largest request does not fit",
    old="if req.tokens <= token_budget]",
    new="if req.tokens < token_budget]",
    because="ignored",
)
edited(
    "e2.long",
    "the short ones first",
    old="    possible = [req for req in waiting if req.tokens <= token_budget]\n",
    new="    possible = [req for req in waiting if req.tokens <= token_budget]\n"
    "    possible.sort(key=lambda req: req.tokens > token_budget // 2)\n",
    because="goes first",
)


@right("e2")
def form_batch__by_queues(waiting, *, max_seqs, token_budget, now, max_wait):
    """Sort into one queue a model, fill each recursively, then look who is ready."""
    if not max_seqs >= 1:
        raise ValueError
    lines = {}
    for req in waiting:
        if not req.tokens > token_budget:
            lines.setdefault(req.model, []).append(req)

    def fill(line, places, room):
        if not line:
            return []
        head, *rest = line
        if places and head.tokens <= room:
            return [head, *fill(rest, places - 1, room - head.tokens)]
        return fill(rest, places, room)

    for line in lines.values():
        batch = fill(line, max_seqs, token_budget)
        spare = token_budget - sum(req.tokens for req in batch)
        oldest = min(req.arrived for req in batch)
        if batch != line or not spare or len(batch) >= max_seqs:
            return batch
        if now - oldest >= max_wait:
            return batch
    return []


# -- e3: TokenBucket ---------------------------------------------------------------

edited(
    "e3.refill",
    "gathers beyond the burst",
    old="self._held = min(self.burst * BILLION, self._held + came)",
    new="self._held = self._held + came",
    because="lost|rate tokens a second",
)
edited(
    "e3.refill",
    "starts empty",
    old="self._held = burst * BILLION  #",
    new="self._held = 0  #",
    because="rate tokens a second",
)
edited(
    "e3.refill",
    "a refusal takes",
    old="        missing = n * BILLION - self._held\n",
    new="        missing = n * BILLION - self._held\n"
    "        self._held -= min(self._held, n * BILLION) if missing > 0 else 0\n",
    because="a refusal takes nothing",
)
edited(
    "e3.refill",
    "all the wait, not what is missing",
    old="return -(-missing // self.rate)",
    new="return -(-n * BILLION // self.rate)",
    because="rate tokens a second",
)
edited(
    "e3.refill",
    "negative waits",
    old="        if missing > 0:\n            return -(-missing // self.rate)\n",
    new="        if missing:\n            return -(-missing // self.rate)\n",
    because="expected 0",
)
edited(
    "e3.polling",
    "rounds the wait down",
    old="return -(-missing // self.rate)",
    new="return missing // self.rate",
    because="billionth",
)
edited(
    "e3.polling",
    "a nanosecond too much",
    old="return -(-missing // self.rate)",
    new="return missing // self.rate + 1",
    because="billionth",
)


@wrong("e3.polling", because="none is lost")
class TokenBucket__whole_tokens:
    def __init__(self, rate, burst, clock):
        if min(rate, burst) < 1:
            raise ValueError
        self.rate, self.burst, self.clock = rate, burst, clock
        self.held, self.seen = burst, clock()

    def take(self, n):
        if n < 0 or n > self.burst:
            raise ValueError
        now = max(self.seen, self.clock())
        came = (now - self.seen) * self.rate // 10**9
        self.held, self.seen = min(self.burst, self.held + came), now
        if n > self.held:
            return -(-(n - self.held) * 10**9 // self.rate)
        self.held -= n
        return 0


@wrong("e3.polling", because="billionth")
@wrong("e3.refill", because="rate tokens a second")
class TokenBucket__floats:
    def __init__(self, rate, burst, clock):
        if min(rate, burst) < 1:
            raise ValueError
        self.rate, self.burst, self.clock = rate, burst, clock
        self.held, self.seen = float(burst), clock() / 1e9

    def take(self, n):
        if n < 0 or n > self.burst:
            raise ValueError
        now = max(self.seen, self.clock() / 1e9)
        self.held = min(self.burst, self.held + (now - self.seen) * self.rate)
        self.seen = now
        if n > self.held:
            return math.ceil((n - self.held) / self.rate * 1e9)
        self.held -= n
        return 0


@wrong("e3.polling", because="billionth|none is lost")
class TokenBucket__window:
    """So many in each second on the clock."""

    def __init__(self, rate, burst, clock):
        if min(rate, burst) < 1:
            raise ValueError
        self.rate, self.burst, self.clock = rate, burst, clock
        self.second, self.left = clock() // 10**9, burst

    def take(self, n):
        if n < 0 or n > self.burst:
            raise ValueError
        now = self.clock()
        if now // 10**9 > self.second:
            passed = now // 10**9 - self.second
            self.left = min(self.burst, self.left + passed * self.rate)
            self.second = now // 10**9
        if n <= self.left:
            self.left -= n
            return 0
        return (self.second + -(-(n - self.left) // self.rate)) * 10**9 - now


edited(
    "e3.clock",
    "time may go back",
    old="now = max(self._seen, self._clock())",
    new="now = self._clock()",
    because="stands still",
)
edited(
    "e3.clock",
    "counts the same seconds twice",
    old="        self._seen = now\n        missing",
    new="        self._seen = self._clock()\n        missing",
    because="stands still",
)
edited(
    "e3.refused",
    "waits for what never fits",
    old="if not 0 <= n <= self.burst:",
    new="if not 0 <= n:",
    because="ValueError",
)
edited(
    "e3.refused",
    "gives tokens back",
    old="if not 0 <= n <= self.burst:",
    new="if not n <= self.burst:",
    because="ValueError",
)
edited(
    "e3.refused",
    "any rate",
    old="if rate < 1 or burst < 1:",
    new="if burst < 1:",
    because="ValueError",
)


@right("e3")
class TokenBucket__time_when_full:
    """One number: when the bucket will be full, in billionths of a token."""

    def __init__(self, rate, burst, clock):
        if rate <= 0 or burst <= 0:
            raise ValueError
        self.rate, self.burst, self.clock = rate, burst, clock
        self.latest = clock()
        self.full_at = self.latest * rate

    def take(self, n):
        if n > self.burst or n < 0:
            raise ValueError
        self.latest = max(self.latest, self.clock())
        start = max(self.full_at, self.latest * self.rate) + n * 10**9
        over = start - self.burst * 10**9 - self.latest * self.rate
        if over > 0:
            return (over + self.rate - 1) // self.rate
        self.full_at = start
        return 0


@right("e3")
class TokenBucket__fractions:
    def __init__(self, rate, burst, clock):
        if rate < 1 or burst < 1:
            raise ValueError
        self.rate, self.burst, self.clock = Fraction(rate, 10**9), burst, clock
        self.held, self.seen = Fraction(burst), clock()

    def take(self, n):
        if not 0 <= n <= self.burst:
            raise ValueError
        passed = max(0, self.clock() - self.seen)
        self.seen += passed
        self.held = min(self.held + passed * self.rate, Fraction(self.burst))
        if self.held >= n:
            self.held -= n
            return 0
        return math.ceil((n - self.held) / self.rate)


# -- e4: PagedKV -------------------------------------------------------------------


edited(
    "e4.full",
    "takes blocks, then gives up",
    old="        if -(-len(tokens) // self.block) > len(self._free):\n"
    "            return False\n",
    new="",
    because="ValueError|False|got True",
)
edited(
    "e4.full",
    "leaks what it took",
    old="        if -(-len(tokens) // self.block) > len(self._free):\n"
    "            return False\n",
    new="""        if -(-len(tokens) // self.block) > len(self._free):
            self._free.clear()
            return False
""",
    because="changes nothing",
)
edited(
    "e4.full",
    "leaves an empty sequence behind",
    old="        if -(-len(tokens) // self.block) > len(self._free):\n"
    "            return False\n",
    new="""        if -(-len(tokens) // self.block) > len(self._free):
            self._tables[seq], self._lengths[seq] = [], 0
            return False
""",
    because="changes nothing|is there already",
)
edited(
    "e4.full",
    "append asks for a block always",
    old="        if slot == 0:\n            if not self._free:\n"
    "                return False\n            table",
    new="        if not self._free:\n            return False\n"
    "        if slot == 0:\n            table",
    because="needs no new block|append",
)
edited(
    "e4.full",
    "append counts what it could not store",
    old="            if not self._free:\n                return False\n",
    new="            if not self._free:\n                self._lengths[seq] += 0\n"
    "                self.memory[table[-1], 0] = token\n                return False\n",
    because="changes nothing|IndexError",
)
edited(
    "e4.full",
    "one block more than needed",
    old="if -(-len(tokens) // self.block) > len(self._free):",
    new="if len(tokens) // self.block + 1 > len(self._free):",
    because="alloc of",
)
edited(
    "e4.blocks",
    "writes into the first block",
    old="self.memory[table[-1], slot] = token",
    new="self.memory[table[0], slot] = token",
    because="slot i % block",
)
edited(
    "e4.blocks",
    "gives a block out twice",
    old="table.append(self._free.pop())",
    new="table.append(self._free[-1])",
    because="one sequence at a time|slot i % block|append|alloc",
)
edited(
    "e4.blocks",
    "floats in memory",
    old="dtype=np.int64",
    new="dtype=np.float64",
    because="memory",
)


@wrong("e4.blocks", because="slot i % block|one sequence at a time|alloc|blocks")
class PagedKV__contiguous:
    """One strip for each sequence, after the last."""

    def __init__(self, num_blocks, block):
        self.block, self.tables, self.lengths = block, {}, {}
        self.memory = np.zeros((num_blocks, block), dtype=np.int64)

    def alloc(self, seq, tokens):
        start = sum(len(table) for table in self.tables.values())
        need = -(-len(tokens) // self.block)
        if start + need > len(self.memory):
            return False
        self.tables[seq] = list(range(start, start + need))
        self.lengths[seq] = 0
        for token in tokens:
            self.append(seq, token)
        return True

    def append(self, seq, token):
        n = self.lengths[seq]
        if n // self.block == len(self.tables[seq]):
            at = sum(len(table) for table in self.tables.values())
            if at >= len(self.memory):
                return False
            self.tables[seq].append(at)
        self.memory[self.tables[seq][n // self.block], n % self.block] = token
        self.lengths[seq] += 1
        return True

    def free(self, seq):
        del self.tables[seq], self.lengths[seq]

    def table(self, seq):
        return [*self.tables[seq]]

    def stats(self):
        used = sum(map(len, self.tables.values()))
        wasted = used * self.block - sum(self.lengths.values())
        return {"free": len(self.memory) - used, "used": used, "wasted": wasted}


edited(
    "e4.edges",
    "an empty sequence takes a block",
    old="        self._tables[seq], self._lengths[seq] = [], 0\n",
    new="        self._tables[seq], self._lengths[seq] = [], 0\n"
    "        if not tokens and self._free:\n"
    "            self._tables[seq].append(self._free.pop())\n",
    because="0 tokens need 0 blocks",
)
edited(
    "e4.edges",
    "frees twice in silence",
    old="        self._free += self._tables.pop(seq)\n        del self._lengths[seq]\n",
    new="        self._free += self._tables.pop(seq, [])\n"
    "        self._lengths.pop(seq, None)\n",
    because="KeyError",
)
edited(
    "e4.edges",
    "frees the same blocks twice",
    old="        self._free += self._tables.pop(seq)\n        del self._lengths[seq]\n",
    new="        self._free += self._tables[seq]\n",
    because="KeyError",
)
edited(
    "e4.copy",
    "hands its own table out",
    old="return list(self._tables[seq])",
    new="return self._tables[seq]",
    because="handed out|list",
)
edited(
    "e4.edges",
    "replaces a known sequence",
    old='            raise ValueError(f"{seq} is there already")\n',
    new="            self.free(seq)\n",
    because="ValueError",
)
edited(
    "e4.edges",
    "blocks of nothing",
    old="if num_blocks < 0 or block < 1:",
    new="if num_blocks < 0 or block < 0:",
    because="ValueError",
)
edited(
    "e4.wasted",
    "one block more than is used",
    old="used = len(self.memory) - len(self._free)",
    new="used = sum(n // self.block + 1 for n in self._lengths.values())",
    because="used blocks",
)
edited(
    "e4.wasted",
    "wasted counts free blocks",
    old="wasted = used * self.block - sum(self._lengths.values())",
    new="wasted = self.memory.size - sum(self._lengths.values())",
    because="used blocks",
)
edited(
    "e4.wasted",
    "wasted in blocks",
    old="wasted = used * self.block - sum(self._lengths.values())",
    new="wasted = sum(n % self.block != 0 for n in self._lengths.values())",
    because="used blocks",
)


@right("e4")
class PagedKV__owners:
    """One list says who owns each block; tables are read off it, with positions."""

    def __init__(self, num_blocks, block):
        if not (num_blocks >= 0 and block > 0):
            raise ValueError
        self.memory = np.zeros((num_blocks, block), dtype="int64")
        self.owner = [None] * num_blocks
        self.count = {}

    def _blocks(self, seq):
        mine = [(own[1], at) for at, own in enumerate(self.owner) if own]
        return [at for nth, at in sorted(mine) if self.owner[at] == (seq, nth)]

    def alloc(self, seq, tokens):
        if seq in self.count:
            raise ValueError
        size = self.memory.shape[1]
        if (len(tokens) + size - 1) // size > self.owner.count(None):
            return False
        self.count[seq] = 0
        for token in tokens:
            self.append(seq, token)
        return True

    def append(self, seq, token):
        nth, slot = divmod(self.count[seq], self.memory.shape[1])
        if not slot:
            if None not in self.owner:
                return False
            self.owner[self.owner.index(None)] = seq, nth
        self.memory[self.owner.index((seq, nth)), slot] = token
        self.count[seq] += 1
        return True

    def free(self, seq):
        del self.count[seq]
        self.owner = [None if own and own[0] == seq else own for own in self.owner]

    def table(self, seq):
        if seq not in self.count:
            raise KeyError(seq)
        return self._blocks(seq)

    def stats(self):
        free = self.owner.count(None)
        used = len(self.owner) - free
        size = self.memory.shape[1]
        wasted = sum(-n % size for n in self.count.values())
        return {"wasted": wasted, "used": used, "free": free}


# -- e5: fair_order ----------------------------------------------------------------


@wrong("e5.shares", because="one quantum of credit")
def fair_order__turns(waiting, quantum):
    if quantum < 1:
        raise ValueError
    lines = {}
    for req in waiting:
        lines.setdefault(req.tenant, deque()).append(req)
    order = []
    while any(lines.values()):
        order += [line.popleft() for line in lines.values() if line]
    return order


@wrong("e5.shares", because="one quantum of credit")
def fair_order__first_come(waiting, quantum):
    if quantum < 1:
        raise ValueError
    return list(waiting)


edited(
    "e5.shares",
    "credit does not carry over",
    old="            credit[tenant] += quantum\n",
    new="            credit[tenant] = max(quantum, line[0].tokens)\n",
    because="one quantum of credit",
)
edited(
    "e5.shares",
    "one request a visit",
    old="            while line and line[0].tokens <= credit[tenant]:",
    new="            if line and line[0].tokens <= credit[tenant]:",
    because="one quantum of credit",
)
edited(
    "e5.shares",
    "the credit must exceed",
    old="line[0].tokens <= credit[tenant]:",
    new="line[0].tokens < credit[tenant]:",
    because="one quantum of credit",
)
edited(
    "e5.shares",
    "may overdraw",
    old="line[0].tokens <= credit[tenant]:",
    new="credit[tenant] > 0:",
    because="one quantum of credit",
)
edited(
    "e5.shares",
    "tenants by name",
    old="for tenant, line in list(lines.items()):",
    new="for tenant, line in sorted(lines.items(), key=lambda pair: pair[0]):",
    because="one quantum of credit",
)
edited(
    "e5.edges",
    "any quantum",
    old="    if quantum < 1:",
    new="    if quantum < 1 and waiting and quantum * 0:",
    because="ValueError",
)


@right("e5")
def fair_order__closed_form(waiting, quantum):
    """A request goes in the round in which its tenant's credit covers all up to it."""
    if quantum < 1:
        raise ValueError
    sums, ranks = Counter(), {}
    rows = []
    for req in waiting:
        sums[req.tenant] += req.tokens
        rank = ranks.setdefault(req.tenant, len(ranks))
        rows.append(((sums[req.tenant] - 1) // quantum, rank, req))
    return [row[2] for row in sorted(rows, key=lambda row: row[:2])]


# -- e6: SharedKV ------------------------------------------------------------------

edited(
    "e6.share",
    "a key without what comes before",
    old="key = before, tuple(self.memory[own].tolist())",
    new="key = None, tuple(self.memory[own].tolist())",
    because="stored once",
)


@wrong("e6.share", because="everything before it|stored once")
class SharedKV__no_chain:
    """Blocks by their own tokens, whatever stands before them."""

    def __init__(self, num_blocks, block):
        self.block, self.tables, self.lengths = block, {}, {}
        self.memory = np.zeros((num_blocks, block), dtype=np.int64)
        self.users, self.known = [0] * num_blocks, {}

    def alloc(self, seq, tokens):
        if seq in self.tables:
            raise ValueError
        table = []
        for at in range(0, len(tokens), self.block):
            part = tuple(tokens[at : at + self.block])
            number = self.known.get(part) if len(part) == self.block else None
            if number is None:
                number = self.users.index(0)
                self.memory[number, : len(part)] = part
                if len(part) == self.block:
                    self.known[part] = number
            self.users[number] += 1
            table.append(number)
        self.tables[seq], self.lengths[seq] = table, len(tokens)
        return True

    def stats(self):
        used = sum(users > 0 for users in self.users)
        return {"used": used, "free": len(self.users) - used, "cached": 0}

    def table(self, seq):
        return [*self.tables[seq]]

    def fork(self, src, dst):
        self.tables[dst], self.lengths[dst] = [*self.tables[src]], self.lengths[src]
        for number in self.tables[dst]:
            self.users[number] += 1

    def append(self, seq, token):
        return False

    def free(self, seq):
        for number in self.tables.pop(seq):
            self.users[number] -= 1


edited(
    "e6.share",
    "compares hashes",
    old="part = tuple(tokens[stop - self.block : stop])",
    new="part = (hash(tuple(tokens[stop - self.block : stop])),)",
    because="stored once",
)
edited(
    "e6.share",
    "equal blocks made by append stay apart",
    old="            table[-1] = self._blocks[key]\n"
    "            self._hold(table[-1])\n            self._release(own)\n",
    new="            pass\n",
    because="stored once",
)
edited(
    "e6.share",
    "gives up at the first block",
    old="            found.append(block)\n",
    new="            found.append(block)\n            break\n",
    because="stored once",
)
edited(
    "e6.fork",
    "does not count users on fork",
    old="        for block in self._tables[dst]:\n            self._hold(block)\n",
    new="",
    because="copy the last block|users|counts as a user",
)
edited(
    "e6.fork",
    "writes into a shared tail",
    old="if slot == 0 or self._users[table[-1]] > 1:",
    new="if slot == 0:",
    because="copy the last block",
)
edited(
    "e6.fork",
    "copies though nobody shares",
    old="if slot == 0 or self._users[table[-1]] > 1:",
    new="if slot == 0 or self._users[table[-1]] > 0:",
    because="copy the last block|None|used|append",
)
edited(
    "e6.fork",
    "a new block without the old tokens",
    old="                self.memory[new] = self.memory[table[-1]]\n",
    new="",
    because="its tokens",
)
edited(
    "e6.fork",
    "keeps the old block after the copy",
    old="                self._release(table.pop())\n",
    new="                table.pop()\n",
    because="counts as a user|copy the last block",
)
edited(
    "e6.fork",
    "copies all blocks at a fork",
    old="        self._tables[dst] = list(self._tables[src])\n",
    new="        self._tables[dst] = [self._take() for _ in self._tables[src]]\n",
    because="table of the fork",
)
edited(
    "e6.fork",
    "one table for both",
    old="        self._tables[dst] = list(self._tables[src])\n",
    new="        self._tables[dst] = self._tables[src]\n",
    because="copy the last block|table of the other|its tokens",
)
edited(
    "e6.fork",
    "forks over a known name",
    old="        if dst in self._tables:\n",
    new="        if dst in ():\n",
    because="ValueError",
)
edited(
    "e6.evict",
    "forgets at once",
    old="        if not self._users[block]:\n            self._idle[block] = None\n",
    new="        if not self._users[block]:\n            self._idle[block] = None\n"
    "            if block in self._keys:\n"
    "                del self._blocks[self._keys.pop(block)]\n",
    because="stays known",
)
edited(
    "e6.evict",
    "the last released goes first",
    old="block, _ = self._idle.popitem(last=False)",
    new="block, _ = self._idle.popitem()",
    because="first what caches nothing",
)
edited(
    "e6.evict",
    "releases from the front",
    old="for block in reversed(self._tables.pop(seq)):",
    new="for block in self._tables.pop(seq):",
    because="from its end",
)
edited(
    "e6.evict",
    "keeps the key of what it takes",
    old="        if block in self._keys:\n"
    "            del self._blocks[self._keys.pop(block)]\n"
    "        self._users[block] = 1\n",
    new="        self._keys.pop(block, None)\n        self._users[block] = 1\n",
    because="forget the key|known|stays",
)
edited(
    "e6.evict",
    "no blank first",
    old="            if block not in self._keys:  # it caches nothing, "
    "so it is given out first\n"
    "                self._idle.move_to_end(block, last=False)\n",
    new="",
    because="first what caches nothing",
)
edited(
    "e6.evict",
    "counts cached blocks twice",
    old="len(self._idle) - sum(block in self._idle for block in known):",
    new="len(self._idle):",
    because="among the free ones",
)
edited(
    "e6.evict",
    "does not hold what it found",
    old="        for block in known:\n            self._hold(block)\n",
    new="",
    because="stays known|cached|False",
)
edited(
    "e6.evict",
    "holds before it counts",
    old="        known = self._known(tokens)\n",
    new="        known = self._known(tokens)\n"
    "        for block in known:\n"
    "            if block in self._idle:\n"
    "                self._idle.move_to_end(block)\n",
    because="a refusal is no use",
)
edited(
    "e6.random",
    "evicts what is in use",
    old="        self._idle.pop(block, None)\n",
    new="",
    because="alloc|append|tables that hold",
)
edited(
    "e6.random",
    "frees for everybody",
    old="        self._users[block] -= 1\n        if not self._users[block]:\n",
    new="        self._users[block] = 0\n        if not self._users[block]:\n",
    because="tables that hold|stored once",
)


@right("e6")
class SharedKV__prefixes:
    """Blocks by their whole prefix, users counted by looking through the tables."""

    def __init__(self, num_blocks, block):
        self.memory = np.zeros((num_blocks, block), dtype=np.int64)
        self.size, self.tables, self.texts = block, {}, {}
        self.prefix = {}  # block -> all tokens up to its end
        self.queue = list(range(num_blocks))  # in the order of being given out

    def _used(self):
        return set().union(set(), *map(set, self.tables.values()))

    def _where(self, prefix):
        return next((b for b, p in self.prefix.items() if p == prefix), None)

    def _settle(self, block):
        """Put a block that has just lost its last user into its place."""
        if block in self._used():
            return
        if block in self.queue:
            self.queue.remove(block)
        if block in self.prefix:
            self.queue.append(block)
        else:
            self.queue.insert(0, block)

    def _idle(self):
        used = self._used()
        return [b for b in self.queue if b not in used]

    def _new(self):
        block = self._idle()[0]
        self.prefix.pop(block, None)
        return block

    def alloc(self, seq, tokens):
        if seq in self.tables:
            raise ValueError
        tokens, table = tuple(tokens), []
        for stop in range(self.size, len(tokens) + 1, self.size):
            block = self._where(tokens[:stop])
            if block is None:
                break
            table.append(block)
        idle = self._idle()
        free = len(idle) - len({*table} & {*idle})
        if (len(tokens) + self.size - 1) // self.size - len(table) > free:
            return False
        start = len(table) * self.size
        self.tables[seq], self.texts[seq] = table, tokens[:start]
        for token in tokens[start:]:
            self.append(seq, token)
        return True

    def append(self, seq, token):
        table, text = self.tables[seq], self.texts[seq]
        slot = len(text) % self.size
        shared = slot and sum(table[-1] in t for t in self.tables.values()) > 1
        if not slot or shared:
            if not self._idle():
                return False
            block = self._new()
            if shared:
                self.memory[block] = self.memory[table.pop()]
            table.append(block)
        self.memory[table[-1]][slot] = token
        self.texts[seq] = text = (*text, token)
        if len(text) % self.size == 0:
            twin = self._where(text)
            if twin is None:
                self.prefix[table[-1]] = text
            else:
                own, table[-1] = table[-1], twin
                self._settle(own)
        return True

    def fork(self, src, dst):
        if dst in self.tables:
            raise ValueError
        self.tables[dst], self.texts[dst] = [*self.tables[src]], self.texts[src]

    def free(self, seq):
        table = self.tables.pop(seq)
        del self.texts[seq]
        for block in table[::-1]:
            self._settle(block)

    def table(self, seq):
        return [*self.tables[seq]]

    def stats(self):
        idle = self._idle()
        cached = len([b for b in idle if b in self.prefix])
        return {
            "cached": cached,
            "free": len(idle),
            "used": len(self.queue) - len(idle),
        }


# -- e8: run_dag -------------------------------------------------------------------

edited(
    "e8.rolling",
    "in waves",
    old="return_when=FIRST_COMPLETED)",
    new='return_when="ALL_COMPLETED")',
    because="workers were busy, with",
)
edited(
    "e8.rolling",
    "one at a time",
    old="len(running) < workers:",
    new="len(running) < 1:",
    because="workers were busy, with|tasks at once",
)
edited(
    "e8.rolling",
    "unbounded threads",
    old="    with ThreadPoolExecutor(workers) as pool:",
    new="    workers = 300\n    with ThreadPoolExecutor(workers) as pool:",
    because="tasks at once",
)
edited(
    "e8.rolling",
    "one worker too many",
    old="    with ThreadPoolExecutor(workers) as pool:",
    new="    workers += 1\n    with ThreadPoolExecutor(workers) as pool:",
    because="tasks at once",
)
edited(
    "e8.order",
    "ready when one need is done",
    old="            missing[user] -= 1\n            if not missing[user]:\n"
    "                ready.append(user)\n\n    #",
    new="            if missing[user]:\n                missing[user] = 0\n"
    "                needs[user] = {name}\n                ready.append(user)\n\n    #",
    because="before all that they need",
)
edited(
    "e8.order",
    "called for each need",
    old="            missing[user] -= 1\n            if not missing[user]:\n"
    "                ready.append(user)\n\n    #",
    new="            if all(one in outcomes for one in needs[user]):\n"
    "                ready.extend([user] * len(needs[user]))\n\n    #",
    because="calls of each task",
)
edited(
    "e8.order",
    "waits twice for what is named twice",
    old="needed in needs.items()}\n    ready",
    new="needed in deps.items()}\n"
    "    missing |= {name: 0 for name in tasks if name not in deps}\n    ready",
    because="calls of each task",
)
edited(
    "e8.order",
    "done means true",
    old='            return Outcome("done", task(), attempts=attempt)',
    new="            if (value := task()) or attempt > retries:\n"
    '                return Outcome("done", value, attempts=attempt)',
    because="whatever a task returns",
)
edited(
    "e8.order",
    "an exception that is returned",
    old='            return Outcome("done", task(), attempts=attempt)',
    new="            value = task()\n            if isinstance(value, Exception):\n"
    "                raise value\n"
    '            return Outcome("done", value, attempts=attempt)',
    because="whatever a task returns",
)
edited(
    "e8.order",
    "takes names out of deps",
    old="    ready = deque(",
    new="    if deps:\n        deps.pop(next(iter(deps)))\n    ready = deque(",
    because="changed its input",
)


@wrong("e8.order", because="recursion")
def run_dag__recursive(tasks, deps, *, workers, retries):
    outcomes = {}
    with ThreadPoolExecutor(workers) as pool:

        def run(name):
            if name not in outcomes:
                for one in deps.get(name, ()):
                    run(one)
                outcomes[name] = pool.submit(_attempt, tasks[name], retries).result()

        for name in tasks:
            run(name)
    return outcomes


edited(
    "e8.retry",
    "one call too few",
    old="if attempt > retries:",
    new="if attempt >= retries:",
    because="three calls at most",
)
edited(
    "e8.retry",
    "one call too many",
    old="if attempt > retries:",
    new="if attempt > retries + 1:",
    because="three calls at most",
)
edited(
    "e8.retry",
    "for ever",
    old="            if attempt > retries:\n    ",
    new="            if False:\n    ",
    because="raised Enough",
)
edited(
    "e8.retry",
    "retries shared by all tasks",
    old="def _attempt(task: Callable[[], object], retries: int) -> Outcome:",
    new="def _attempt(task, retries, shared={}):\n"
    "    retries = shared.setdefault('left', retries)\n"
    "    shared['left'] = max(0, retries - 1)",
    because="limit of its own",
)
edited(
    "e8.retry",
    "keeps the first error",
    old="        except Exception as error:\n",
    new="        except Exception as last:\n"
    "            error = last if attempt == 1 else error\n",
    because="the last call",
)
edited(
    "e8.retry",
    "an error of what is done",
    old='            return Outcome("done", task(), attempts=attempt)',
    new='            return Outcome("done", task(), ValueError("call 1"), attempt)',
    because="no error of a task that is done",
)
edited(
    "e8.retry",
    "counts the retries",
    old="error=error, attempts=attempt)",
    new="error=error, attempts=attempt - 1)",
    because="expected",
)
edited(
    "e8.retry",
    "only some errors",
    old="        except Exception as error:",
    new="        except (ValueError, OSError) as error:",
    because="raised",
)
edited(
    "e8.retry",
    "any number of retries",
    old="    if retries < 0:\n"
    '        raise ValueError(f"retries must not be negative: {retries}")\n',
    new="",
    because="retries=-1.*\\n.*expected it to raise ValueError",
)
edited(
    "e8.retry",
    "any number of workers",
    old="    with ThreadPoolExecutor(workers) as pool:",
    new="    workers = max(workers, 1)\n    with ThreadPoolExecutor(workers) as pool:",
    because="workers=0.*\\n.*expected it to raise ValueError",
)

edited(
    "e8.skip",
    "a failure ends the run",
    old="                settle(running.pop(future), future.result())",
    new="                outcome = future.result()\n"
    "                settle(running.pop(future), outcome)\n"
    '                if outcome.state == "failed":\n'
    "                    return outcomes",
    because="without an outcome",
)
edited(
    "e8.skip",
    "a failure skips everything",
    old="                if blamed:",
    new="                blamed |= {n for n in outcomes "
    'if outcomes[n].state == "failed"}\n'
    "                if blamed:",
    because="nothing else",
)
edited(
    "e8.skip",
    "dependants run all the same",
    old="                if blamed:",
    new="                if False:",
    because="skip what needs",
)
edited(
    "e8.skip",
    "only direct dependants are skipped",
    old="[one] if failed else outcomes[one].because",
    new="[one] if failed else ()",
    because="skip what needs",
)
edited(
    "e8.skip",
    "dependants of what is skipped are forgotten",
    old='                    settle(name, Outcome("skipped", '
    "because=tuple(sorted(blamed))))",
    new="                    outcomes[name] = "
    'Outcome("skipped", because=tuple(sorted(blamed)))',
    because="without an outcome",
)
edited(
    "e8.skip",
    "no outcome for what is skipped",
    old="    return outcomes\n",
    new="    return {n: o for n, o in outcomes.items() if o.state != 'skipped'}\n",
    because="without an outcome",
)
edited(
    "e8.skip",
    "blames what was skipped",
    old="blamed.update([one] if failed else outcomes[one].because)",
    new="blamed.update([one] if failed or outcomes[one].because else [])",
    because="name the failed ones",
)
edited(
    "e8.skip",
    "blames one",
    old="because=tuple(sorted(blamed))",
    new="because=(min(blamed),)",
    because="name the failed ones",
)
edited(
    "e8.skip",
    "blames backwards",
    old="because=tuple(sorted(blamed))",
    new="because=tuple(sorted(blamed, reverse=True))",
    because="name the failed ones",
)
edited(
    "e8.skip",
    "skipped counts as a failure",
    old='                    settle(name, Outcome("skipped", '
    "because=tuple(sorted(blamed))))",
    new='                    settle(name, Outcome("skipped", '
    "error=ValueError(), because=tuple(sorted(blamed))))",
    because="only a failed task",
)


@wrong("e8.skip", because="recursion")
def run_dag__skips_recursively(tasks, deps, *, workers, retries):
    users = {name: [] for name in tasks}
    for name, needed in deps.items():
        for one in {*needed}:
            users[one].append(name)
    missing = {name: len({*deps.get(name, ())}) for name in tasks}
    outcomes, blamed = {}, {name: set() for name in tasks}
    waiting = [name for name in tasks if not missing[name]]

    def end(name, outcome):
        outcomes[name] = outcome
        for user in users[name]:
            missing[user] -= 1
            blamed[user] |= {name} if outcome.state == "failed" else blamed[name]
            if not missing[user] and blamed[user]:
                why = tuple(sorted(blamed[user]))
                end(user, Outcome("skipped", because=why))
            elif not missing[user]:
                waiting.append(user)

    while waiting:
        name = waiting.pop()
        end(name, _attempt(tasks[name], retries))
    return outcomes


edited(
    "e8.cycle",
    "does not look",
    old="    if cycle := _cycle(needs, users):",
    new="    if cycle := []:",
    because="expected it to raise ValueError",
)


@wrong("e8.cycle", because="TimeoutError")
@wrong("e8.check", because="TimeoutError")
def run_dag__hangs_on_a_cycle(tasks, deps, *, workers, retries):
    changed, outcomes, taken = threading.Condition(), {}, set()

    def next_one():
        for name in tasks:
            if name not in taken and outcomes.keys() >= {*deps.get(name, ())}:
                return name
        return None

    def work():
        while True:
            with changed:
                changed.wait_for(lambda: next_one() or len(taken) == len(tasks))
                name = next_one()
                if name is None:
                    return
                taken.add(name)
            needed = [outcomes[one] for one in deps.get(name, ())]
            blamed = {b for one in needed for b in one.because}
            blamed |= {n for n in deps.get(name, ()) if outcomes[n].state == "failed"}
            outcome = (
                Outcome("skipped", because=tuple(sorted(blamed)))
                if blamed
                else _attempt(tasks[name], retries)
            )
            with changed:
                outcomes[name] = outcome
                changed.notify_all()

    crew = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    return outcomes


@wrong("e8.cycle", because="tasks called")
def run_dag__looks_afterwards(tasks, deps, *, workers, retries):
    needs = {name: {*deps.get(name, ())} for name in tasks}
    users = {name: [user for user in tasks if name in needs[user]] for name in tasks}
    outcomes, before = {}, -1
    while len(outcomes) > before:
        before = len(outcomes)
        for name in tasks:
            if name not in outcomes and needs[name] <= outcomes.keys():
                outcomes[name] = _attempt(tasks[name], retries)
    if before < len(tasks):
        raise ValueError(" -> ".join(_cycle(needs, users)))
    return outcomes


edited(
    "e8.cycle",
    "lists all that is left",
    old="    name = min(stuck)\n",
    new="    return sorted(stuck)\n    name = min(stuck)\n",
    because="lists no cycle",
)
edited(
    "e8.cycle",
    "lists all that is left, as if closed",
    old="    name = min(stuck)\n",
    new="    return [*sorted(stuck), min(stuck)]\n    name = min(stuck)\n",
    because="lists no cycle",
)
edited(
    "e8.cycle",
    "lists the way to the cycle",
    old="list(path)[path[name] :]",
    new="list(path)",
    because="lists no cycle",
)
edited(
    "e8.cycle",
    "does not close it",
    old="    return [*list(path)[path[name] :], name]",
    new="    return list(path)[path[name] :]",
    because="lists no cycle",
)
edited(
    "e8.cycle",
    "lists it backwards",
    old="    return [*list(path)[path[name] :], name]",
    new="    return [*list(path)[path[name] :], name][::-1]",
    because="lists no cycle",
)
edited(
    "e8.cycle",
    "says only that there is one",
    old="{' -> '.join(cycle)}",
    new="somewhere",
    because="lists no cycle",
)
edited(
    "e8.cycle",
    "ignores unknown needs",
    old="unknown = set(deps).union(*deps.values()) - set(tasks)",
    new="unknown = set(deps) - set(tasks)\n"
    "    deps = {n: [one for one in d if one in tasks] for n, d in deps.items()}",
    because="a needs 'nobody'.*\\n.*expected it to raise ValueError",
)
edited(
    "e8.cycle",
    "ignores unknown names with needs",
    old="unknown = set(deps).union(*deps.values()) - set(tasks)",
    new="unknown = set().union(*deps.values()) - set(tasks)",
    because="deps.'nobody'. = .*\\n.*expected it to raise ValueError",
)
edited(
    "e8.cycle",
    "stumbles over unknown names",
    old="    if unknown:",
    new="    if False:",
    because="raised KeyError",
)
edited(
    "e8.cycle",
    "does not say who is unknown",
    old="no such task: {', '.join(sorted(unknown))}",
    new="no such task",
    because="names no such task",
)


@wrong("e8.cycle", because="RecursionError")
def _cycle__recursive(needs, users):
    path, over = {}, set()

    def visit(name):
        if name in path:
            return [*list(path)[list(path).index(name) :], name]
        if name in over:
            return []
        path[name] = True
        for one in needs[name]:
            if found := visit(one):
                return found
        del path[name]
        over.add(name)
        return []

    for name in needs:
        if found := visit(name):
            return found
    return []


edited(
    "e8.end",
    "swallows everything",
    old="        except Exception as error:",
    new="        except BaseException as error:",
    because="BaseException",
)
edited(
    "e8.end",
    "swallows it in the end",
    old="                settle(running.pop(future), future.result())",
    new="                name = running.pop(future)\n"
    "                try:\n"
    "                    settle(name, future.result())\n"
    "                except BaseException as error:\n"
    "                    settle(name, Outcome('failed', error=error))",
    because="BaseException",
)
edited(
    "e8.end",
    "hands out everything that is ready",
    old="while ready and len(running) < workers:",
    new="while ready:",
    because="started afterwards",
)
edited(
    "e8.end",
    "looks again and again",
    old="wait(running, return_when=FIRST_COMPLETED)",
    new="wait(running, timeout=0)",
    because="20 ms",
)
edited(
    "e8.end",
    "looks every millisecond",
    old="wait(running, return_when=FIRST_COMPLETED)",
    new="wait(running, timeout=0.001)",
    because="20 ms",
)
edited(
    "e8.end",
    "leaves its threads",
    old="    with ThreadPoolExecutor(workers) as pool:",
    new="    pool = ThreadPoolExecutor(workers)\n    if True:",
    because="threads that are left",
)


@right("e8")
def run_dag__workers_with_a_condition(tasks, deps, *, workers, retries):
    """Each worker looks for a task itself, under one lock, or sleeps."""
    names = {*tasks}
    if workers < 1 or retries < 0:
        raise ValueError("counts")
    for name, needed in deps.items():
        if name not in names or not names.issuperset(needed):
            raise ValueError(f"unknown: {name} or one of {needed}")
    needs = {name: set(deps.get(name, ())) for name in tasks}
    users = {name: [user for user in tasks if name in needs[user]] for name in tasks}
    cycle = _cycle(needs, users)
    if cycle:
        raise ValueError("cycle: " + " -> ".join(cycle))
    changed = threading.Condition()
    missing = {name: len(needs[name]) for name in tasks}
    ready, outcomes = [name for name in tasks if not missing[name]], {}
    fatal = []

    def end(name, outcome):
        ended = [(name, outcome)]
        while ended:
            name, outcome = ended.pop()
            outcomes[name] = outcome
            for user in users[name]:
                missing[user] -= 1
                if missing[user]:
                    continue
                rows = [(one, outcomes[one]) for one in needs[user]]
                why = {one for one, row in rows if row.state == "failed"}
                why = why.union(*(row.because for _, row in rows))
                if why:
                    because = tuple(sorted(why))
                    ended.append((user, Outcome("skipped", because=because)))
                else:
                    ready.append(user)
        changed.notify_all()

    def work():
        while True:
            with changed:
                while not (ready or fatal or len(outcomes) == len(tasks)):
                    changed.wait()
                if fatal or not ready:
                    return
                name = ready.pop()
            calls = 0
            outcome = None
            while outcome is None:
                calls += 1
                try:
                    outcome = Outcome("done", tasks[name](), attempts=calls)
                except Exception as error:
                    if calls == retries + 1:
                        outcome = Outcome("failed", None, error, calls)
                except BaseException as error:
                    with changed:
                        fatal.append(error)
                        changed.notify_all()
                    return
            with changed:
                end(name, outcome)

    crew = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    if fatal:
        raise fatal[0]
    return outcomes


@right("e8")
def run_dag__library_sorter_and_callbacks(tasks, deps, *, workers, retries):
    """The library keeps the counts; what ends is put into a queue by its future."""
    if min(workers - 1, retries) < 0:
        raise ValueError("workers >= 1 and retries >= 0, please")
    for name in [*deps, *itertools.chain.from_iterable(deps.values())]:
        if name not in tasks:
            raise ValueError(f"{name} is no task")
    sorter = graphlib.TopologicalSorter({name: deps.get(name, ()) for name in tasks})
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        raise ValueError(" -> ".join(reversed(error.args[1]))) from error
    ends, outcomes, stopped = queue.SimpleQueue(), {}, threading.Event()
    pool = ThreadPoolExecutor(workers)

    def attempt(task):
        try:
            return None if stopped.is_set() else _attempt(task, retries)
        except BaseException:
            stopped.set()
            raise

    def hand_out():
        for name in sorter.get_ready():
            why = set()
            for one in deps.get(name, ()):
                why |= {one} if outcomes[one].state == "failed" else set()
                why |= {*outcomes[one].because}
            if why:
                outcomes[name] = Outcome("skipped", because=tuple(sorted(why)))
                ends.put((name, None))
            else:
                future = pool.submit(attempt, tasks[name])
                future.add_done_callback(lambda one, name=name: ends.put((name, one)))

    try:
        while sorter.is_active():
            hand_out()
            if not sorter.is_active():
                break
            name, future = ends.get()
            if future is not None:
                outcomes[name] = future.result()
            sorter.done(name)
    finally:
        pool.shutdown()
    return outcomes


@right("e8")
def run_dag__each_call_is_submitted(tasks, deps, *, workers, retries):
    """Every call is a future of its own, a repeated one goes to the end of the line."""
    if workers < 1 or retries < 0:
        raise ValueError
    users = {name: [] for name in tasks}
    for name, needed in deps.items():
        for one in {*needed, name}:
            if one not in tasks:
                raise ValueError("no task: " + one)
        for one in {*needed}:
            users[one].append(name)
    needs = {name: {*deps.get(name, ())} for name in tasks}
    if cycle := _cycle(needs, users):
        raise ValueError("->".join(cycle).replace("->", " -> "))
    missing = {name: len(needs[name]) for name in tasks}
    calls, blamed, outcomes = Counter(), {name: set() for name in tasks}, {}
    line, flying = deque(name for name in tasks if not needs[name]), {}

    def ended(name):
        for user in users[name]:
            missing[user] -= 1
            failed = outcomes[name].state == "failed"
            blamed[user] |= {name} if failed else blamed[name]
            if not missing[user]:
                line.append(user)

    with ThreadPoolExecutor(workers) as pool:
        while line or flying:
            while line and len(flying) < workers:
                name = line.popleft()
                if blamed[name]:
                    why = tuple(sorted(blamed[name]))
                    outcomes[name] = Outcome("skipped", because=why)
                    ended(name)
                else:
                    calls[name] += 1
                    flying[pool.submit(tasks[name])] = name
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                name = flying.pop(future)
                error = future.exception()
                if error is None:
                    value = future.result()
                    outcomes[name] = Outcome("done", value, attempts=calls[name])
                    ended(name)
                elif not isinstance(error, Exception):
                    raise error
                elif calls[name] > retries:
                    outcomes[name] = Outcome("failed", None, error, calls[name])
                    ended(name)
                else:
                    line.append(name)
    return outcomes


@right("e8")
def _cycle__colours(needs, users):
    """Depth first with a stack: what is met again while it is open closes a cycle."""
    colour = {}
    for start in needs:
        stack = [(start, iter(needs[start]))] if start not in colour else []
        colour.setdefault(start, "open")
        while stack:
            name, rest = stack[-1]
            one = next(rest, None)
            if one is None:
                colour[name] = "closed"
                stack.pop()
            elif one not in colour:
                colour[one] = "open"
                stack.append((one, iter(needs[one])))
            elif colour[one] == "open":
                path = [name for name, _ in stack]
                return [*path[path.index(one) :], one]
    return []
