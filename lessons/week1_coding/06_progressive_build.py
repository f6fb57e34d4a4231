"""Week 1, notebook 6: a build of four levels against the clock."""

# %% [md] title
# # One class, four levels, ninety minutes
#
# By the end of this notebook you have sat a progressive four-level build: a class
# that grows from three methods to a store with a past, while nothing that worked
# before stops working.

# %% [md] able
# ## You will be able to
#
# * **plan** a four-level build: which level gets which minutes, and when to move on
# * **shape** a class so that time enters it in one place instead of in every method
# * **show** that older levels still hold after each change

# %% [map]
# ## Map

# %% [md] asked
# ## Where this is asked
#
# As the first round, before anybody talks to you: one problem in four levels, 60 to 90 minutes, alone with
# an editor. A level's text appears when the level before passes its tests. Points come per
# level, so three good levels beat four broken ones. A person may read the code afterwards,
# and scores names, duplication and length.
#
# Not taught here: sorted structures and expiry at scale (notebook 5), threads
# (notebook 3). The levels test what you do with plain dictionaries and lists.

# %% [setup]
import itertools
import math
from bisect import bisect_right

from course import check, desk, viz, widgets
from course.sim import builds, shape
from course.study.levels import Room
from course.viz import builds as draw

desk.open("w1-build")

# %% [md] reading
# ## 1 · What four levels ask
#
# The story changes from sitting to sitting; the levels hardly do. Each one adds methods
# to the same class and puts one new question to the data below it.

# %% ladder
viz.show(
    draw.ladder(
        [
            ("Level 1", "basics", "what comes back when nothing is there?"),
            ("Level 2", "lists", "in which order, and what if two tie?"),
            ("Level 3", "time", "is it still there at this moment?"),
            ("Level 4", "history", "what was it before, and after a merge?"),
        ]
    ),
    alt="Four growing stacks of blocks: basics, lists, time and history, each with the "
    "question that it asks of the levels below.",
)

# %% [md] four-notes
# ### Read with a pencil
#
# A level's text is short and every word is tested. Before you type, note four things:
#
# 1. **Absent.** What does each method return when the thing is not there: `None`, `False`, `[]`?
# 2. **Over.** What happens to a name that exists already?
# 3. **Ties.** Which comes first, and in which direction?
# 4. **Edges.** Is the last moment in or out? May a number be 0?
#
# None of the levels needs a clever algorithm. They need these four lines right.

# %% [md] minutes
# ### Ninety minutes
#
# Levels 1 and 2 are quick points; level 3 is where code breaks; level 4 needs a rested
# head. So the plan goes by the clock: read and pass level 1 by minute 12, level 2 by 30,
# level 3 by 60, level 4 by 80. Ten minutes remain to read what you wrote. In the picture, each
# step is a level that passes. Move the control.

# %% pace-of-the-plan
POINTS = {"level 1": 20, "level 2": 20, "level 3": 25, "level 4": 25, "essay": 10}
PLAN = {"level 1": 12, "level 2": 18, "level 3": 30, "level 4": 20, "essay": 10}


def marks(minutes: dict[str, float]) -> dict[str, float]:
    """Return the minute at which each stage ends."""
    sums = itertools.accumulate(minutes.values())
    return dict(zip(minutes, sums, strict=True))


def sitting_with(level_3: int = 45) -> dict:
    ends = marks({**PLAN, "level 3": level_3})
    reached = {stage: minute for stage, minute in ends.items() if minute <= 90}
    return {"marks": marks(PLAN), "points": POINTS, "reached": reached}


widgets.explore(
    sitting_with,
    draw.tried,
    question="How many minutes may level 3 take before it costs you level 4?",
    alt="Points against minutes: the steps of the plan at minute 12, 30, 60, 80 and "
    "90, and those of a sitting whose level 3 takes 45 minutes: it ends at 65 points.",
    level_3=(15, 60, 5),
)

# %% [md] move-on
# Level 3 may take its thirty minutes and ten more, then level 4 is gone. So a mark that passes
# is a signal. If level 3 resists at minute 60, submit what you have, since
# each level is scored by itself. Then decide: ten more minutes on the one test that fails, or
# the parts of it that other methods need. Never leave a level half edited: keep the class
# in a state that runs.

# %% [md] worked
# ## 2 · A worked example in small steps
#
# A list of tasks, which is *not* one of the scenarios you will meet. Level 1: `add(name,
# priority)` returns whether the task is new, `done(name)` whether it was there.


# %% tasks-one
class Tasks:
    """Tasks with a priority, until they are done."""

    def __init__(self) -> None:
        self._priority: dict[str, int] = {}

    def add(self, name: str, priority: int) -> bool:
        """Add a task or change its priority; return whether it is new."""
        new = name not in self._priority
        self._priority[name] = priority
        return new

    def done(self, name: str) -> bool:
        """Return whether the task was there, and remove it."""
        return self._priority.pop(name, None) is not None


# %% [md] zero
# The last line compares with `None`. Write `bool(self._priority.pop(name, 0))` instead, and a
# task of priority 0 is never done. Zero, the empty string and the empty list are values;
# **absent is `None`**, and only `is None` asks for it.

# %% [md] level-two
# ### Level 2: lists
#
# `first(n)` lists the `n` most urgent tasks, highest priority first; those that tie by
# name. Two keys with opposite directions: negate the number, leave the name.


# %% tasks-two
class RankedTasks(Tasks):
    """Level 2: the most urgent tasks."""

    def first(self, n: int) -> list[str]:
        """Return the lines of the `n` most urgent tasks, those that tie by name."""
        ranked = sorted(self._priority.items(), key=lambda task: (-task[1], task[0]))
        return [f"{name} ({priority})" for name, priority in ranked[:n]]


ranked = RankedTasks()
for name, priority in (("write", 2), ("read", 2), ("test", 9), ("rest", 0)):
    ranked.add(name, priority)
print(ranked.first(3))

# %% [md] directions
# If the text wants names from Z to A *and* numbers from high to low, `reverse=True` does both
# at once. If names must fall while numbers rise, sort twice: first by the name, then
# by the number. Python's sort is **stable**: what ties keeps the order it had.

# %% stable
pairs = [("a", 2), ("c", 1), ("b", 1)]
pairs.sort(key=lambda pair: pair[0], reverse=True)  # the weaker key first
pairs.sort(key=lambda pair: pair[1])
print(pairs)

# %% [md] level-three
# ### Level 3: time, by copy and paste
#
# Now each method gets a twin that takes `at`, and a task may have a lifetime. The quick way:
# copy each method, add an argument. It passes the tests of the day.


# %% tasks-copied
class CopiedTasks:
    """Level 3 by copying: name -> (priority, end of life)."""

    def __init__(self) -> None:
        self._tasks: dict[str, tuple[int, float]] = {}
        self._now = 0

    def has(self, name: str) -> bool:
        _, end = self._tasks.get(name, (0, -1))
        return self._now < end

    def has_at(self, name: str, at: int) -> bool:
        self._now = at
        _, end = self._tasks.get(name, (0, -1))
        return at < end

    def first(self, n: int) -> list[str]:
        live = [(-p, name) for name, (p, end) in self._tasks.items() if self._now < end]
        return [f"{name} ({-p})" for p, name in sorted(live)[:n]]

    def first_at(self, n: int, at: int) -> list[str]:
        self._now = at
        live = [(-p, name) for name, (p, end) in self._tasks.items() if at < end]
        return [f"{name} ({-p})" for p, name in sorted(live)[:n]]


# %% [md] guess-places
# Then you notice a sentence you read too fast: the last moment of a lifetime *counts*. So
# `<` must become `<=`, wherever a lifetime is judged. The real class has `add`,
# `done` and their twins as well, but take only what you see above.

# %% guess-places-cell
widgets.predict("places", "In how many places must you edit?", unit="places")


# %% [md] places-answer
# Here is the same class with one method that judges, and thin ones around it. Count both:


# %% tasks-core
class CoreTasks:
    """Level 3 around one core: only `_live` knows what a lifetime is."""

    def __init__(self) -> None:
        self._tasks: dict[str, tuple[int, float]] = {}
        self._now = 0

    def _live(self, at: int) -> dict[str, int]:
        """Return the tasks that are there at `at`, with their priorities."""
        return {name: p for name, (p, end) in self._tasks.items() if at < end}

    def has_at(self, name: str, at: int) -> bool:
        self._now = at
        return name in self._live(at)

    def has(self, name: str) -> bool:
        return self.has_at(name, self._now)

    def first_at(self, n: int, at: int) -> list[str]:
        self._now = at
        ranked = sorted(self._live(at).items(), key=lambda task: (-task[1], task[0]))
        return [f"{name} ({p})" for name, p in ranked[:n]]

    def first(self, n: int) -> list[str]:
        return self.first_at(n, self._now)


# %% [md] places-measure
# The next cell counts the comparisons that judge a lifetime: in the copies, and around the core.

# %% places
copied, core = (shape.comparisons(one, "end") for one in (CopiedTasks, CoreTasks))
widgets.reveal(
    "places",
    copied,
    explain=f"Around the core: {core}. A rule in {copied} places is {copied} rules "
    "that agree only as long as somebody remembers all of them.",
)

# %% [md] forgotten-intro
# Forget one of them, and the class contradicts itself. Here `has_at` was edited and its twin was not:


# %% forgotten
class ForgottenTasks(CopiedTasks):
    """The last moment counts, says one of the methods."""

    def has_at(self, name: str, at: int) -> bool:
        self._now = at
        _, end = self._tasks.get(name, (0, -1))
        return at <= end


forgotten = ForgottenTasks()
forgotten._tasks["write"] = (2, 15)  # ends at 15
print("has_at:", forgotten.has_at("write", 15), " has:", forgotten.has("write"))

# %% [md] likeness
# ### Seeing it in numbers
#
# Copies betray themselves. Take two methods as sequences of syntax: calls,
# attributes, operators. Their **likeness** is the share of the sequence that matches,
# from 0 to 1. What does the measure say of our two classes?

# %% likeness-of-twins
for one in (CopiedTasks, CoreTasks):
    twins = shape.measure(one).twins
    told = ", ".join(f"{t.name} and {t.other}: {t.likeness:.2f}" for t in twins)
    print(f"{one.__name__:12} {told}")

# %% [md] likeness-read
# Above 0.8, one of the two is a copy. Around a core, `has` is a single call and looks like
# nothing else. You will see these numbers for your own class before you write the essay.
#
# A second way to the same end: let the object keep the time. Then `has_at` sets
# `self._now` and calls `has`, and *one reader* judges by `self._now`. Either way there
# is one place.

# %% [md] doors
# ### Two doors
#
# So at level 1, before time exists, prepare one thing: let every method come to the data
# through **two doors**, one private method that reads a value and one that writes it. It costs
# four lines. At level 3 you change what is behind the doors, and no method of level 1
# or 2 changes at all.

# %% [md] two-memories
# ## 3 · A value, or the events that made it
#
# Level 4 looks back: undo, roll back, "what was it at time 4?", merge with history. A
# dictionary that overwrites cannot answer, and this is the place where many sittings end with a
# rewrite. A **log** appends (time, value) instead, and a removal appends as well. Move the cursor.

# %% two-memories-figure
EVENTS = [(1, "low"), (4, "high"), (7, None), (9, "mid")]


def priority_as_of(at: float = 5.0) -> dict:
    before = [value for start, value in EVENTS if start <= at]
    seen = before[-1] if before else None
    return {"events": EVENTS, "at": at, "until": 12, "seen": seen}


widgets.explore(
    priority_as_of,
    draw.two_memories,
    question="What does each memory know about this moment?",
    alt="Above, a log of a priority over time: low, high, removed, mid, with a cursor "
    "at 5 in high. Below, the overwritten value: mid, and nothing before it.",
    at=(0.0, 11.5, 0.5),
)

# %% [md] as-of
# Reading a log **as of** a time is one binary search for the last event not after it:


# %% as-of-code
def as_of(log: list[tuple[int, object]], at: int) -> object:
    """Return the value of the last event at or before `at`, None before the first."""
    index = bisect_right(log, at, key=lambda event: event[0]) - 1
    return log[index][1] if index >= 0 else None


print([as_of(EVENTS, at) for at in (0, 1, 3, 4, 8, 10)])

# %% [md] as-of-read
# With this reader behind the door, level 3 asks it about *now* and level 4 about *then*: the
# same method, another argument. Several events may have one time; `bisect_right` finds
# the last of them, which is the one that counts.

# %% [md] guess-copies
# The other way to remember is a copy of everything after each change. It is simple and
# sometimes right. Guess how many values it stores for 1,000 changes of a list of 100
# tasks, when a log stores 1,000.

# %% guess-copies-cell
widgets.predict("copies", "How many values do the copies hold?", unit="values")

# %% [md] copies-answer
# Make the changes and count, at several lengths of the story:

# %% copies
changes, copies = [10, 100, 1000, 10_000], []
state: dict[int, int] = {}
held = 0
for change in range(1, changes[-1] + 1):
    state[change % 100] = change
    held += len(state)  # a copy of the whole state is put aside
    if change in changes:
        copies.append(held)
widgets.reveal("copies", copies[2], explain="Each change copies all tasks there are.")
viz.show(
    lambda: draw.stored(changes, {"copies": copies, "log": changes}),
    alt="Values stored against changes, both logarithmic: the log stores one for each "
    "change, the copies up to a hundred times as many.",
)

# %% [md] copies-read
# In a sitting with forty calls, copies are fine and quick to write; say that you know the
# price. For a rollback that replaces the *whole* state they are even the natural
# choice. For "this one value, then", take the log.

# %% [md] lifetimes
# ### Lifetimes in a log
#
# An event can carry the end of its life, too. Reading finds the newest event first and judges its
# end second. In the other order, skipping what has ended, an older value would come back
# from the dead, although it was replaced.
#
# | event | starts | ends | read at 6 |
# |---|---|---|---|
# | `low` | 1 | never | |
# | `high` | 4 | 5 | the newest, ended: nothing |

# %% [md] rolling-back
# ### Going back is an event, too
#
# Rolling back to `then` must not cut the log: the next request may ask for a time between. So the old state
# is *written on* at the present time. What had an end keeps the lifetime it had left:
#
# | ends | back to | left | now | ends |
# |---|---|---|---|---|
# | 18 | 11 | 7 | 30 | 37 |
#
# What had ended at 11 already is not there after the rollback either.

# %% [md] names
# ### A name is not the thing
#
# Two lists are merged, one is closed, and later somebody opens its name again. Whose past is that? If
# a dictionary leads from the name to the data, old and new share one. So give each thing a **number** when
# it is opened. The past belongs to the number, and which number a name means is itself a log:

# %% names-as-log
MEANS = {"home": [(1, 0), (5, None), (8, 2)], "work": [(2, 1)]}
print("home means", [as_of(MEANS["home"], at) for at in (0, 3, 5, 9)])

# %% [md] names-read
# At 3 the name means list 0, at 5 nobody, at 9 list 2. A merge at 5 moves what list 0 holds to list 1, and nothing
# that was true before 5 changes. What points to the closed one, such as planned work, must move along.

# %% [md] waiting
# ### Things that happen by themselves
#
# A payment that is planned for later is an event of the future. No thread and no timer: keep
# what waits in a list, and let *every* call with a time first do what is due by then, in the order of
# due times. That is one method, `_catch_up(at)`, called from one place. In the log, what it does stands at
# its due time, not at that of the call which noticed.

# %% catch-up
waiting = [(9, "second"), (4, "first"), (12, "later")]


def catch_up(at: int) -> list[str]:
    """Return what is due by `at`, in order, and leave the rest waiting."""
    due = sorted(item for item in waiting if item[0] <= at)
    waiting[:] = [item for item in waiting if item[0] > at]
    return [what for _, what in due]


print(catch_up(10), "still waiting:", waiting)

# %% [md] own-tests
# ### After each level
#
# Three habits cost a minute each and save a level:
#
# * **Run the old examples again.** A level that passed can break while you build the next.
# * **Try the four notes** (absent, over, ties, edges) as calls in a scratch cell.
# * **Delete before you add.** If a method has become two, make the old one call the new one now, not at minute 85.

# %% [md] sitting
# ## 4 · The sitting
#
# Choose a scenario: `"database"`, `"bank"` or `"files"`. A **seed**, any integer, decides what
# the methods are called, how lines look, which ties come first and whether a last
# moment counts. Another seed is another sitting, so you can come back next month.
#
# Four cells stand for one file. Each class continues the one above it; you may
# go back and change an earlier one at any time. Then run the cells below it again, since
# a class keeps the parent it was made with.

# %% [md] room-rules
# Each level has its cells: the text, your class, a look at the example, a check, hidden tests.
# A level's text appears once the example of the level before is right. Everything is scored by
# itself: stop after level 2 and you keep its points. The clock survives a restart; it only shows
# the time and never takes a point. Once you have stopped it, `room.begin(Level1)` in a cell of your own
# begins a second attempt beside the first.

# %% room
room = Room("build", PLAN, builds.scenario, builds.play)

# %% [card] e1 minutes=12 core
# Level 1: basics
#
# In the answer cell, set `scenario` and `seed`, and run it. Run the look cell below it: press
# *Begin*, and level 1 appears. Write its methods, with the names and
# results of the text, and run both cells again until the example is right. Arguments are as
# the text says; you need not check their types. Objects do not share anything.

# %% [hand] e1
# **By hand.** While you read, fill in a line for each method. For `done` of the tasks:
#
# | method | absent | over | ties | edges |
# |---|---|---|---|---|
# | `done` | `False` | – | – | priority 0 is there |
#
# Then write the door that reads and the door that writes, and only then the methods.


# %% [answer] e1
class Level1:
    """Level 1 of a build; `scenario` and `seed` say of which one.

    scenario: "database", "bank" or "files". seed: any integer.
    """

    scenario, seed = "database", 4

    def __init__(self) -> None:
        ### BEGIN SOLUTION
        # record -> field -> what it holds; only _read and _write know what that is.
        self._items: dict[str, dict[str, object]] = {}

    def store(self, record: str, field: str, value: int) -> bool:
        """Store a value over any old one; return whether the field is new."""
        new = self._read(record, field) is None
        self._write(record, field, value)
        return new

    def lookup(self, record: str, field: str) -> int | None:
        """Return the value of a field, or None."""
        return self._read(record, field)

    def discard(self, record: str, field: str) -> bool:
        """Remove a field; return whether it was there."""
        if self._read(record, field) is None:
            return False
        self._write(record, field, None)
        return True

    def _read(self, record: str, field: str) -> int | None:
        return self._items.get(record, {}).get(field)

    def _write(self, record: str, field: str, value: int | None) -> None:
        self._items.setdefault(record, {})[field] = value
        ### END SOLUTION


# %% [look] e1
room.open(1, Level1)
viz.beside(
    viz.attempt(room.run, 1, Level1),
    room.expected(1, Level1),
    draw.transcript(room.example(1, Level1)),
    alt="The calls of the example of level 1, what yours return, and what they should.",
)

# %% [check] e1 points=2 mode=split
build = check.call(builds.scenario, Level1.scenario, Level1.seed)
thing = check.call(Level1, shown="Level1()")
story = []
for step in build.levels[0].example:
    method = getattr(thing, step.method, None)
    lacks = f"has no method {step.method}: the text of level 1 names it"
    check.true(callable(method), shown="Level1()", said=lacks)
    story.append(str(step))
    shown = ", ".join(story)
    got = check.call(method, *step.args, shown=shown, none_ok=step.want is None)
    check.equal(got, step.want, shown=shown, hint="read the text of level 1 again")

# %% [grade] e1.answers points=10 mode=split
# Dozens of random stories, each call compared with what the text says.

# %% [grade] e1.edges points=8 mode=split
# Absent, over, zero and nothing left; two objects beside each other.

# %% [hints] e1
# nudge: Which of your methods must tell "there, and zero" from "not there"?
#
# idea: One private method that reads and says None for what is absent, one that writes. Every public method is two or three lines on top of them.
#
# outline: Keep a dictionary from name to what is known about it. Each method first reads; if the text says "changes nothing", return before anything is written. Compare with None, never by truth. Make the dictionary in the constructor, not in the class.

# %% [card] e2 minutes=18 core
# Level 2: lists in order
#
# Run the cell below this card for the text. `Level2` continues `Level1`: call `super().__init__()`
# in the constructor, and add only the new methods.
# Where the text says "in the same form", let one method make the lines. Decide for each
# list what it says when there is nothing.

# %% [hand] e2
room.open(2, Level1)


# %% [answer] e2
class Level2(Level1):
    """Level 2: everything of level 1, and lists in order."""

    def __init__(self) -> None:
        ### BEGIN SOLUTION
        super().__init__()  # nothing new to keep: lists are made when asked for

    def entries(self, record: str) -> list[str]:
        """Return the fields of a record as lines, from Z to A."""
        return self.matching(record, "")

    def matching(self, record: str, prefix: str) -> list[str]:
        """Return those whose name begins with the prefix, in the same form."""
        return [
            f"{field}={value}"
            for field, value in self._fields(record)
            if field.startswith(prefix)
        ]

    def in_use(self) -> list[str]:
        """Return the names of the records that have a field, from Z to A."""
        return sorted((r for r in self._items if any(self._fields(r))), reverse=True)

    def _fields(self, record: str) -> list[tuple[str, int]]:
        """Return the fields of a record that are there, in order, with their values."""
        names = sorted(self._items.get(record, ()), reverse=True)
        read = [(name, self._read(record, name)) for name in names]
        return [(name, value) for name, value in read if value is not None]
        ### END SOLUTION


# %% [look] e2
viz.beside(
    viz.attempt(room.run, 2, Level2),
    room.expected(2, Level1),
    draw.transcript(room.example(2, Level1)),
    alt="The calls of the example of level 2, what yours return, and what they should.",
)

# %% [check] e2 points=2 mode=split
build = check.call(builds.scenario, Level2.scenario, Level2.seed)
thing = check.call(Level2, shown="Level2()")
story = []
for step in build.levels[1].example:
    method = getattr(thing, step.method, None)
    lacks = f"has no method {step.method}: the text of level 2 names it"
    check.true(callable(method), shown="Level2()", said=lacks)
    story.append(str(step))
    shown = ", ".join(story)
    got = check.call(method, *step.args, shown=shown, none_ok=step.want is None)
    check.equal(got, step.want, shown=shown, hint="read the text of level 2 again")

# %% [grade] e2.answers points=12 mode=split
# Dozens of random stories with the methods of levels 1 and 2.

# %% [grade] e2.order points=6 mode=split
# Ties; prefixes that stand elsewhere in a name; lists longer than what there is;
# nothing left.

# %% [hints] e2
# nudge: Which key decides first, in which direction, and what decides when it ties?
#
# idea: Make the list from what the reading door says is there, sort it by the weaker key, then by the stronger one, cut it, and only then turn it into lines.
#
# outline: One private method returns pairs in order, without what is absent. The public ones pick, cut and format. A name begins with a prefix if startswith says so; the empty prefix fits all. If names fall and numbers fall, one sort with reverse; if they differ, two sorts.

# %% [card] e3 minutes=30 core
# Level 3: time
#
# Run the cell below for the text. Before you add a method, find the one place where a moment is
# judged, and put time behind it. Everything of levels 1 and 2 goes on working, at the time of the
# latest call. Keep the events: level 4 may ask for them.

# %% [hand] e3
room.open(3, Level1)


# %% [answer] e3
class Level3(Level2):
    """Level 3: everything of level 2, and time."""

    def __init__(self) -> None:
        ### BEGIN SOLUTION
        super().__init__()  # a field now holds its history: (start, value, end), …
        self._now = 0

    def store_at(
        self, record: str, field: str, value: int, at: int, ttl: int | None = None
    ) -> bool:
        """Store a value that is there from `at` to `at + ttl`, both included."""
        new = self._at(at)._read(record, field) is None
        self._write(record, field, value, math.inf if ttl is None else at + ttl)
        return new

    def lookup_at(self, record: str, field: str, at: int) -> int | None:
        """Return the value of a field at `at`, or None."""
        return self._at(at).lookup(record, field)

    def discard_at(self, record: str, field: str, at: int) -> bool:
        """Remove a field at `at`; return whether it was there."""
        return self._at(at).discard(record, field)

    def entries_at(self, record: str, at: int) -> list[str]:
        """Return the fields of a record at `at` as lines."""
        return self._at(at).entries(record)

    def matching_at(self, record: str, prefix: str, at: int) -> list[str]:
        """Return those whose name begins with the prefix."""
        return self._at(at).matching(record, prefix)

    def in_use_at(self, at: int) -> list[str]:
        """Return the names of the records that have a field at `at`."""
        return self._at(at).in_use()

    def _at(self, at: int) -> "Level3":
        """Return this store, whose time is now `at`."""
        self._now = at
        return self

    def _read(self, record: str, field: str) -> int | None:
        return self._as_of(self._items.get(record, {}).get(field, []), self._now)

    def _write(
        self, record: str, field: str, value: int | None, end: float = math.inf
    ) -> None:
        history = self._items.setdefault(record, {}).setdefault(field, [])
        history.append((self._now, value, end))  # None: removed

    @staticmethod
    def _as_of(history: list[tuple], at: int) -> int | None:
        """Return what was written last by `at`, if it is still there then."""
        count = bisect_right(history, at, key=lambda version: version[0])
        if not count:
            return None
        _, value, end = history[count - 1]
        return value if at <= end else None
        ### END SOLUTION


# %% [look] e3
viz.beside(
    viz.attempt(room.run, 3, Level3),
    room.expected(3, Level1),
    draw.transcript(room.example(3, Level1)),
    alt="The calls of the example of level 3, what yours return, and what they should.",
)

# %% [check] e3 points=3 mode=split
build = check.call(builds.scenario, Level3.scenario, Level3.seed)
thing = check.call(Level3, shown="Level3()")
story = []
for step in build.levels[2].example:
    method = getattr(thing, step.method, None)
    lacks = f"has no method {step.method}: the text of level 3 names it"
    check.true(callable(method), shown="Level3()", said=lacks)
    story.append(str(step))
    shown = ", ".join(story)
    got = check.call(method, *step.args, shown=shown, none_ok=step.want is None)
    check.equal(got, step.want, shown=shown, hint="read the text of level 3 again")

# %% [grade] e3.answers points=13 mode=split
# Dozens of random stories in which most calls have a time, and several the same one.

# %% [grade] e3.moment points=9 mode=split
# The last moment and the one after it; what was replaced stays away; several things
# at one moment; calls without a time between calls with one.

# %% [hints] e3
# nudge: A call without `at` comes after one at time 50. Which time does it happen at, and who knows that?
#
# idea: Keep the latest time in the object. The method with `at` sets it, does what has become due, and calls the method that you have. What judges a lifetime is one comparison in one place.
#
# outline: Override the two doors: writing appends (time, value, end), reading takes the newest event and then looks at its end. For things that wait, one catch-up method, called by everything with a time, does what is due in order before anything else. Write down whether the end itself counts.

# %% [card] e4 minutes=20 core
# Level 4: history
#
# Run the cell below for the text. Looking back must not move the time of the latest call. If your
# log is behind one door, most of this level is a search with another time. If it is not, this is
# the moment to go back to level 3, change the door, and run all cells from there.

# %% [hand] e4
room.open(4, Level1)


# %% [answer] e4
class Level4(Level3):
    """Level 4: everything of level 3, and the past."""

    def __init__(self) -> None:
        ### BEGIN SOLUTION
        super().__init__()
        self._horizon = -math.inf  # what was before it is forgotten

    def earlier(self, record: str, then: int) -> list[str] | None:
        """Return the lines of a record after all calls of `then`, None if forgotten."""
        if then < self._horizon:
            return None
        present = self._now
        try:
            return self.entries_at(record, then)
        finally:
            self._now = present

    def prune(self, then: int) -> int:
        """Forget what was before `then`; return how many values were dropped."""
        if then < self._horizon:
            return 0
        self._horizon = then
        histories = (h for fields in self._items.values() for h in fields.values())
        return sum(self._shorten(history, then) for history in histories)

    def _shorten(self, history: list[tuple], then: int) -> int:
        """Drop the versions that nobody sees from `then` on; count their values."""
        count = bisect_right(history, then, key=lambda version: version[0])
        if self._as_of(history, then) is not None:
            count -= 1  # the newest is still seen
        dropped = sum(value is not None for _, value, _ in history[:count])
        del history[:count]
        return dropped
        ### END SOLUTION


# %% [look] e4
viz.beside(
    viz.attempt(room.run, 4, Level4),
    room.expected(4, Level1),
    draw.transcript(room.example(4, Level1)),
    alt="The calls of the example of level 4, what yours return, and what they should.",
)

# %% [look] e4
room.stop(Level1)
viz.show(
    lambda: draw.pace(marks(PLAN), POINTS, room.reached(Level1)),
    alt="Points against minutes: the steps of the plan, and yours where a clock ran.",
)

# %% [check] e4 points=3 mode=split
build = check.call(builds.scenario, Level4.scenario, Level4.seed)
thing = check.call(Level4, shown="Level4()")
story = []
for step in build.levels[3].example:
    method = getattr(thing, step.method, None)
    lacks = f"has no method {step.method}: the text of level 4 names it"
    check.true(callable(method), shown="Level4()", said=lacks)
    story.append(str(step))
    shown = ", ".join(story)
    got = check.call(method, *step.args, shown=shown, none_ok=step.want is None)
    check.equal(got, step.want, shown=shown, hint="read the text of level 4 again")

# %% [grade] e4.answers points=9 mode=split
# Dozens of random stories that look back, to the present moment and far behind it.

# %% [grade] e4.past points=6 mode=split
# What is forgotten, moved or brought back, and what stays; the same moment twice.

# %% [grade] e4.refactor points=7 mode=split
# Levels 1 and 2 once more, on the class that has all four levels.

# %% [hints] e4
# nudge: You know how to answer "now". Which single argument would make the same code answer "then"?
#
# idea: Keep every event with its time, or a copy of the state after each change. A question about the past never changes the latest time; what forgets or merges changes the present and leaves the past alone.
#
# outline: Looking back: read as of the other time, restore the latest one afterwards. Forgetting: per name, find what is newest by that time, keep it if it is still there, drop the older ones and count those that were values. Rolling back: take the copy of that time and shift each end by the time that passed. Merging: move balance, sums and what waits, and write the closing into the log.

# %% [md] your-shape
# ## 5 · Read what you wrote
#
# Ten minutes of the plan are left for this. A person reads your class now. Three numbers say where
# their eye will stop: a function longer than twenty lines, one with more than ten paths, and
# twins that are copies. The limits are customs, not laws.

# %% your-shape-figure
measured = viz.attempt(shape.measure, Level1, Level2, Level3, Level4)
if isinstance(measured, shape.Shape):
    viz.show(
        lambda: draw.shape(measured),
        alt="Three bar charts of your class: the longest functions in lines, those "
        "with most branches, and the likeness of each method and its twin with at.",
    )

# %% [essay] e5 points=10 rubric=cleancode minutes=10 core
# What would a reviewer stop at?
#
# Look at the three charts of your class. In at most 150 words: name the longest function, the one with most
# branches and the most alike pair, each with its number, and say for each whether you would change it, and how. Where in your
# class is a lifetime or a due time judged, and in how many places? Which of your names would you rename? If you had
# had twenty minutes more, what would you have done first, and which test would have told you that it worked?

# %% [rubric] cleancode
# **A strong answer contains**
#
# * the three numbers as the charts show them, and a judgement for each that does not end at the number: a long function may be a plain list of cases, two alike ones may be a copy or two thin calls
# * the place where a moment is judged, by the name of the method; if it is more than one, how to make it one (a core that takes the time, or the time kept in the object), and why that matters for the next level
# * one concrete rename or extraction, with before and after
# * an honest next step, and the older level's test that guards it
#
# **Red flags**: numbers that the charts do not show; "it is clean" without a place; a rewrite from scratch; adding comments instead of names; classes and patterns for their own sake.
#
# **Levels**
#
# * 0–2: general remarks about clean code
# * 3–5: quotes the measures, judges one of them with a reason
# * 6–8: judges all three, names the place where time is judged, one concrete change
# * 9–10: all of it, says which measure misleads here, and which test guards the change

# %% [md] aloud
# ## Say it out loud
#
# Rehearse in 90 seconds: "I read a level for four things: what is absent, what is over, what ties, where the edge
# is. All methods come to the data through a door that reads and one that writes. Time lives in one place: a
# method with `at` sets it and calls the one without. Behind the door is a log of events, so that looking back is the
# same search with another time. After each level I run the examples of all levels. At a mark of the clock
# I leave the class in a state that runs." Then say what you would do differently with thirty minutes more.

# %% [md] follow
# ## Follow-ups
#
# 1. Two threads call your class. One lock, or one for each name? What waits for whom?
# 2. Callers queue for a name: a lock per name with the order of arrival. What if one never gives it back?
# 3. Save the state to a file and restore it. What of waiting payments and lifetimes?
# 4. List the `n` names that changed most often in the last hour. What do you keep?
# 5. The log outgrows memory. Which parts go to disk, and when are they merged?
# 6. Times arrive out of order. Which of your methods break first?

# %% [md] deeper
# ## Go deeper
#
# * J. Ousterhout, *A Philosophy of Software Design*, 2018: deep classes, and what a good seam hides
# * M. Fowler, *Refactoring*, second edition, 2018: extract function, and the steps in between
# * T. McCabe, *A Complexity Measure*, IEEE Transactions on Software Engineering, 1976: where counting paths comes from

# %% [review]
# ## Review cards
#
# Q: What do you note about each method before you type?
# A: Absent, over, ties, edges: what comes back without a value, what happens to an old one, what comes first, which moment or number is still in.
#
# Q: What do the four levels of a progressive build usually add?
# A: Basic operations; lists in order; time (lifetimes, planned things); history (looking back, rollback, merging).
#
# Q: How do you tell "there, and zero" from "absent"?
# A: Absent is None, and only `is None` asks for it; truth mixes up 0, "" and [].
#
# Q: Numbers fall, names rise, and ties go by name. How do you sort?
# A: One key with the number negated, or two stable sorts: the weaker key first.
#
# Q: Level 3 adds a twin with `at` for each method. How does the rule of time stay in one place?
# A: One core takes the time (or reads it from the object); the others are thin calls of it.
#
# Q: A value was replaced by one whose lifetime has ended. What does a read return?
# A: Nothing: find the newest event first, then judge its end. What was replaced does not come back.
#
# Q: When does a planned payment happen, without threads?
# A: In the next call with a time: it first does what is due by then, in order of due times.
#
# Q: When is a copy of the whole state better than a log of events?
# A: When the whole state is asked for or put back, and changes are few; it stores size times changes.
#
# Q: Level 3 resists at the mark of minute 60. What do you do?
# A: Leave the class in a state that runs, keep the points of levels 1 and 2, and decide for ten minutes on one failing test.
