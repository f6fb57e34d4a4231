"""Three scenarios for a progressive four-level build: specifications, never answers.

    build = scenario("bank", seed=4)
    print(build.levels[0].text)         # what level 1 asks for, in Markdown
    build.methods["pay"]                # what this seed calls the method: "spend"
    script(build, 2, rng, 40)           # random calls of the methods up to level 2

A seed renames the methods and turns three rules over, so that last month's answer
fails: how a line is written, which of two ties comes first, and whether the last
moment of a lifetime counts.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

NAMES = ("database", "bank", "files")

Call = tuple[str, tuple]  # a method as this module calls it, and the arguments


@dataclass(frozen=True, slots=True)
class Step:
    """One call of an example: the method's name in this build, and what it returns."""

    method: str
    args: tuple
    want: object

    def __str__(self) -> str:
        """Return the call as one types it."""
        return f"{self.method}({', '.join(map(repr, self.args))})"


@dataclass(frozen=True, slots=True)
class Level:
    """One level: its number and title, what it asks for, and an example."""

    number: int
    title: str
    text: str
    example: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a seed turns over.

    `between` stands between name and number in a line. `descending`: names that tie go
    from Z to A. `last`: at the end of a lifetime, sharp, a thing is still there.
    """

    between: str
    descending: bool
    last: bool

    def line(self, name: str, number: int) -> str:
        """Return a name and its number as one line of a list.

        >>> Rules("=", descending=False, last=False).line("age", 7)
        'age=7'
        """
        return f"{name}{self.between}{number}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A build of four levels; `methods` maps this module's names to the seed's."""

    name: str
    seed: int
    title: str
    rules: Rules
    methods: dict[str, str]
    levels: tuple[Level, ...]


def scenario(name: str, seed: int) -> Scenario:
    """Return the build of this name as the seed tells it, always the same.

    Raises ValueError for a name that is none of NAMES, or a seed that is no integer.

    >>> scenario("bank", 4).methods["open"] == scenario("bank", 4).methods["open"]
    True
    >>> scenario("shop", 4)
    Traceback (most recent call last):
    ValueError: scenario 'shop' is none of database, bank, files
    """
    if name not in NAMES:
        raise ValueError(f"scenario {name!r} is none of {', '.join(NAMES)}")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValueError(f"a seed is an integer, not {seed!r}")
    draw = random.Random(f"{name}/{seed}")
    rules = Rules(
        between=draw.choice(["=", ":", "/", " "]),
        descending=draw.random() < 0.5,
        last=draw.random() < 0.5,
    )
    title, pools, timed, nouns, tell = _SCENARIOS[name]
    methods = {ours: draw.choice(pool.split()) for ours, pool in pools.items()}
    methods |= {f"{ours}_at": f"{methods[ours]}_at" for ours in timed.split()}
    words = {noun: draw.choice(pool.split()) for noun, pool in nouns.items()}
    words |= {
        "order": "from Z to A" if rules.descending else "from A to Z",
        "sample": rules.line("name", 7),
        "until": "`at + ttl` included" if rules.last else "`at + ttl` not included",
    }
    levels = tuple(
        Level(
            number,
            heading,
            _written(text, methods | words),
            tuple(Step(methods[ours], args, want) for ours, args, want in example),
        )
        for number, (heading, text, example) in enumerate(tell(rules), 1)
    )
    return Scenario(name, seed, title, rules, methods, levels)


def _written(text: str, words: dict[str, str]) -> str:
    """Return a text with `<put>` replaced by what this seed calls it."""
    for ours, theirs in words.items():
        text = text.replace(f"<{ours}>", theirs)
    lines: list[str] = []
    for line in (raw.strip() for raw in text.strip().split("\n")):
        if lines and line and lines[-1] and not line.startswith("* "):
            lines[-1] += f" {line}"  # it was broken to fit this file
        else:
            lines.append(line)
    return "\n".join(lines)


_TIME = """
Calls now say when they happen: `at` is an integer that never falls from one call to the
next. A method without `at` happens at the time of the latest call so far, and at 0
before there was one. Levels 1 and 2 stay as they are.
"""


# -- database ----------------------------------------------------------------------


def _database(rules: Rules) -> Iterator[tuple[str, str, list[tuple]]]:
    line = rules.line
    ab, ba = [line("age", 3), line("zip", 0)], [line("zip", 0), line("age", 3)]
    both = ba if rules.descending else ab
    yield (
        "Put, get, remove",
        """
        Keep <key>s, each with <field>s that hold integers. Names are strings.

        * `<put>(<key>, <field>, value)` stores the value over any old one; returns
          whether the <field> is new.
        * `<get>(<key>, <field>)` returns the value, or `None`.
        * `<remove>(<key>, <field>)` removes the <field>; returns whether it was there.
        """,
        [
            ("put", ("ann", "age", 3), True),
            ("put", ("ann", "age", 0), False),
            ("get", ("ann", "age"), 0),
            ("get", ("bob", "age"), None),
            ("remove", ("ann", "age"), True),
            ("remove", ("ann", "age"), False),
        ],
    )
    yield (
        "Lists in order",
        """
        * `<fields>(<key>)` lists the <field>s of a <key> as lines such as `"<sample>"`,
          by name <order>; `[]` where there are none.
        * `<matching>(<key>, prefix)` lists those whose name begins with the prefix, in
          the same form and order.
        * `<records>()` lists the names of all <key>s with at least one <field>,
          <order>.
        """,
        [
            ("put", ("ann", "zip", 0), True),
            ("put", ("ann", "age", 3), True),
            ("fields", ("ann",), both),
            ("matching", ("ann", "z"), [line("zip", 0)]),
            ("records", (), ["ann"]),
            ("fields", ("bob",), []),
        ],
    )
    yield (
        "Values that end",
        _TIME
        + """
        * `<put_at>(<key>, <field>, value, at, ttl=None)` stores a value that is there
          from `at` to `at + ttl`, <until>, and for ever without `ttl` (1 or more).
          Storing again forgets the old `ttl`.
        * `<get_at>(<key>, <field>, at)`, `<remove_at>(<key>, <field>, at)`,
          `<fields_at>(<key>, at)`, `<matching_at>(<key>, prefix, at)` and
          `<records_at>(at)` answer as of `at`. What has ended is not there, for any of
          them.
        """,
        [
            ("put_at", ("ann", "age", 3, 10, 5), True),
            ("get_at", ("ann", "age", 14), 3),
            ("get_at", ("ann", "age", 15), 3 if rules.last else None),
            ("get_at", ("ann", "age", 16), None),
            ("put", ("ann", "age", 4), True),
            ("fields_at", ("ann", 99), [line("age", 4)]),
        ],
    )
    yield (
        "The past, and how to forget it",
        """
        * `<back>(<key>, then)` lists what `<fields>(<key>)` would have said after all
          calls of time `then`; `then` is not later than the latest call. The time of
          the latest call stays as it is.
        * `<compact>(then)` forgets what was before `then`: from now on `<back>` returns
          `None` for any earlier time, and says the same as before for `then` and later.
          It returns how many stored values it dropped: those of which no `<back>` at
          `then` or later can tell, counted once. Removing is not a value. An earlier
          `then` than last time drops nothing and changes nothing.
        """,
        [
            ("put_at", ("ann", "age", 3, 10), True),
            ("put_at", ("ann", "age", 4, 20), False),
            ("back", ("ann", 19), [line("age", 3)]),
            ("compact", (20,), 1),
            ("back", ("ann", 19), None),
            ("back", ("ann", 20), [line("age", 4)]),
        ],
    )


# -- bank --------------------------------------------------------------------------


def _bank(rules: Rules) -> Iterator[tuple[str, str, list[tuple]]]:
    line = rules.line
    tie = ["bob", "ann"] if rules.descending else ["ann", "bob"]
    yield (
        "Accounts",
        """
        Keep <account>s, named by strings. Amounts are integers above 0.

        * `<open>(<account>)` opens it with 0; returns whether the name was free.
        * `<deposit>(<account>, amount)` returns the new balance, or `None` if there is
          no such <account>.
        * `<pay>(<account>, amount)` takes the amount out; returns the new balance, or
          `None`, and changes nothing, if there is no such <account> or too little on
          it.
        * `<transfer>(source, target, amount)` moves the amount; returns the new balance
          of the source, or `None`, and changes nothing, if one of them does not exist,
          both are the same, or the source has too little.
        """,
        [
            ("open", ("ann",), True),
            ("open", ("ann",), False),
            ("open", ("bob",), True),
            ("deposit", ("ann", 10), 10),
            ("transfer", ("ann", "bob", 4), 6),
            ("pay", ("bob", 5), None),
            ("pay", ("bob", 4), 0),
        ],
    )
    yield (
        "Who spends most",
        """
        What an <account> has spent is the sum of its `<pay>` and `<transfer>` amounts
        that went out.

        * `<spenders>(n)` lists the `n` <account>s that have spent most, most first, as
          lines such as `"<sample>"`: the name and what it has spent. Those that tie go
          by name, <order>. All <account>s count, with 0 too; there may be fewer than
          `n`.
        """,
        [
            *(("open", (name,), True) for name in ("bob", "ann", "eve")),
            ("deposit", ("eve", 9), 9),
            ("pay", ("eve", 2), 7),
            ("transfer", ("eve", "bob", 3), 4),
            ("spenders", (3,), [line("eve", 5), *(line(name, 0) for name in tie)]),
            ("spenders", (1,), [line("eve", 5)]),
        ],
    )
    yield (
        "Payments that wait",
        _TIME
        + """
        * `<open_at>`, `<deposit_at>`, `<pay_at>`, `<transfer_at>` and `<spenders_at>`
          take `at` after their other arguments.
        * `<schedule>(<account>, amount, delay, at)` plans a payment for `at + delay`
          (delay 1 or more) and returns its id, `"p1"`, `"p2"`, … in the order of
          planning; `None` if there is no such <account>. When it is due, it does what
          `<pay>` does, and nothing if there is too little then. Due payments come
          before any call of the same time, the earliest first, then in the order of
          planning.
        * `<cancel>(<account>, id, at)` returns whether a payment of this <account> was
          still waiting, and takes it back.
        """,
        [
            ("open_at", ("ann", 1), True),
            ("deposit_at", ("ann", 10, 2), 10),
            ("schedule", ("ann", 7, 3, 4), "p1"),
            ("schedule", ("ann", 7, 9, 4), "p2"),
            ("spenders_at", (1, 6), [line("ann", 0)]),
            ("deposit_at", ("ann", 1, 7), 4),
            ("cancel", ("ann", "p1", 8), False),
            ("cancel", ("ann", "p2", 8), True),
        ],
    )
    yield (
        "Two become one, and what was before",
        """
        * `<merge>(into, other, at)` closes the second <account>: its balance, what it
          has spent and its waiting payments go to the first. Returns `False`, and
          changes nothing, if one of them does not exist or both are the same. The name
          of the closed one is free; opened again it begins with 0, and nothing comes
          back.
        * `<back>(<account>, then)` returns the balance after all calls of time `then`
          and all payments due by then, `None` if there was no such <account> at that
          time. `then` is not later than the latest call. A merge does not change what
          was before it.
        """,
        [
            ("open_at", ("ann", 1), True),
            ("open_at", ("bob", 1), True),
            ("deposit_at", ("bob", 8, 2), 8),
            ("merge", ("ann", "bob", 5), True),
            ("back", ("bob", 4), 8),
            ("back", ("bob", 5), None),
            ("back", ("ann", 4), 0),
            ("back", ("ann", 5), 8),
        ],
    )


# -- files -------------------------------------------------------------------------


def _files(rules: Rules) -> Iterator[tuple[str, str, list[tuple]]]:
    line = rules.line
    tie = ["/a/y", "/a/x"] if rules.descending else ["/a/x", "/a/y"]
    yield (
        "Add, copy, drop",
        """
        Keep the names and sizes of <file>s. A name is a string such as `"/a/x"`, a size
        an integer, 0 or more.

        * `<add>(name, size)` adds a <file>; returns whether the name was free, and
          changes nothing if it was not.
        * `<size>(name)` returns its size, or `None`.
        * `<copy>(source, target)` makes the target like the source, over what was
          there; returns whether there is a source. Onto itself it changes nothing.
        * `<drop>(name)` takes the <file> away and returns its size, or `None`.
        """,
        [
            ("add", ("/a/x", 5), True),
            ("add", ("/a/x", 9), False),
            ("copy", ("/a/x", "/b"), True),
            ("size", ("/b",), 5),
            ("drop", ("/a/x",), 5),
            ("drop", ("/a/x",), None),
        ],
    )
    yield (
        "What takes the room",
        """
        * `<largest>(prefix, n)` lists the `n` largest <file>s whose name begins with
          the prefix, largest first, as lines such as `"<sample>"`: name and size. Those
          of one size go by name, <order>. There may be fewer than `n`.
        * `<used>(prefix)` returns the sum of the sizes of all <file>s whose name begins
          with the prefix.
        """,
        [
            ("add", ("/a/y", 5), True),
            ("add", ("/a/x", 5), True),
            ("add", ("/b/a", 7), True),
            ("largest", ("", 1), [line("/b/a", 7)]),
            ("largest", ("/a", 9), [line(name, 5) for name in tie]),
            ("used", ("/a",), 10),
        ],
    )
    yield (
        "Files that end",
        _TIME
        + """
        * `<add_at>(name, size, at, ttl=None)` adds a <file> that is there from `at` to
          `at + ttl`, <until>, and for ever without `ttl` (1 or more).
        * `<size_at>(name, at)`, `<copy_at>(source, target, at)`, `<drop_at>(name, at)`,
          `<largest_at>(prefix, n, at)` and `<used_at>(prefix, at)` answer as of `at`.
          What has ended is not there, and its name is free. A copy ends when its source
          ends.
        """,
        [
            ("add_at", ("/x", 5, 10, 5), True),
            ("copy_at", ("/x", "/y", 12), True),
            ("used_at", ("", 14), 10),
            ("size_at", ("/y", 15), 5 if rules.last else None),
            ("size_at", ("/y", 16), None),
            ("add", ("/x", 6), True),
        ],
    )
    yield (
        "Back to an earlier time",
        """
        * `<rollback>(then, at)` makes the store what it was after all calls of time
          `then` that were made before this one; `then` is not later than `at`. Returns
          how many <file>s there are now. A <file> with an end gets the lifetime that it
          had left at `then`, counted from `at`. What an earlier `<rollback>` did is
          part of the history: one can go back to before it, and to after it.
        """,
        [
            ("add_at", ("/x", 5, 10, 8), True),
            ("drop_at", ("/x", 12), 5),
            ("add_at", ("/y", 1, 20), True),
            ("rollback", (11, 30), 1),
            ("size_at", ("/x", 36), 5),
            ("size_at", ("/x", 38), None),
            ("rollback", (20, 40), 1),
            ("size", ("/y",), 1),
        ],
    )


# Title; a method's possible names; those with a twin that takes `at`; nouns; levels.
_SCENARIOS = {
    "database": (
        "An in-memory database",
        {
            "put": "put store write assign",
            "get": "get fetch read lookup",
            "remove": "remove discard erase unset",
            "fields": "fields entries contents listing",
            "matching": "matching starting filtered with_prefix",
            "records": "records known names in_use",
            "back": "back earlier as_it_was formerly",
            "compact": "compact trim forget prune",
        },
        "put get remove fields matching records",
        {"key": "item document record", "field": "attribute field property"},
        _database,
    ),
    "bank": (
        "A bank",
        {
            "open": "open create register add_account",
            "deposit": "deposit credit pay_in top_up",
            "pay": "pay spend withdraw debit",
            "transfer": "transfer move send hand_over",
            "spenders": "spenders ranking biggest top",
            "schedule": "schedule plan pay_later promise",
            "cancel": "cancel revoke call_off take_back",
            "merge": "merge join absorb unite",
            "back": "back earlier_balance balance_then as_it_was",
        },
        "open deposit pay transfer spenders",
        {"account": "account wallet purse"},
        _bank,
    ),
    "files": (
        "A file storage",
        {
            "add": "add upload create save",
            "size": "size length weigh size_of",
            "copy": "copy duplicate clone replicate",
            "drop": "drop delete remove discard",
            "largest": "largest biggest heaviest top",
            "used": "used total occupied usage",
            "rollback": "rollback restore rewind revert",
        },
        "add size copy drop largest used",
        {"file": "file object blob"},
        _files,
    ),
}


# -- examples ----------------------------------------------------------------------


def play(steps: tuple[Step, ...], make: Callable[[], object]) -> list[str]:
    """Return what each step returns on a fresh object, as text.

    A step that raises returns the error's name and words, and the rest goes on.

    >>> play((Step("pop", (), None), Step("copy", (), [])), list)
    ['IndexError: pop from empty list', '[]']
    """
    thing, said = make(), []
    for step in steps:
        try:
            said.append(repr(getattr(thing, step.method)(*step.args)))
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
    return said


# -- random calls ------------------------------------------------------------------

_KEYS = ("ann", "an", "bob", "nan")
_FIELDS = ("age", "agent", "page", "ag", "zip", "b")
_ACCOUNTS = ("ann", "bob", "eve", "an")
_PATHS = ("/a/x", "/a/y", "/a", "/b/a/x", "/ab", "/c")

# How often a method is called, beside the others of its level and of those below.
_OFTEN = {
    "database": (
        {"put": 5, "get": 3, "remove": 2},
        {"fields": 2, "matching": 2, "records": 1},
        {},
        {"back": 3, "compact": 1},
    ),
    "bank": (
        {"open": 3, "deposit": 4, "pay": 3, "transfer": 4},
        {"spenders": 4},
        {"schedule": 4, "cancel": 2},
        {"merge": 4, "back": 5},
    ),
    "files": (
        {"add": 5, "size": 2, "copy": 3, "drop": 2},
        {"largest": 3, "used": 2},
        {},
        {"rollback": 2},
    ),
}


def script(
    build: Scenario, level: int, rng: np.random.Generator, calls: int
) -> list[Call]:
    """Return random calls of the methods up to a level, by this module's names.

    From level 3 on most calls say `at`, which never falls; level 4 looks back to
    times between the beginning and the latest call. Arguments are plain.
    """
    weights: dict[str, int] = {}
    for often in _OFTEN[build.name][:level]:
        weights |= often
    names, often = list(weights), np.array(list(weights.values()), float)
    made: list[Call] = []
    now = 0
    for done in range(calls):
        name = str(rng.choice(names, p=often / often.sum()))
        if done < calls / 3 and rng.random() < 0.7:  # there must be something first
            name = str(rng.choice(_FIRST[build.name]))
        args = _arguments("fields" if name == "back" else name, rng)
        if name == "back" and build.name == "bank":
            args = _arguments("open", rng)
        timed = f"{name}_at" in build.methods
        if level >= 3 and (name in _ALWAYS_TIMED or (timed and rng.random() < 0.8)):
            now += int(rng.choice([0, 0, 1, 1, 2, 3, 6]))
            args = (*args, now)
            if name in ("put", "add") and rng.random() < 0.6:
                args = (*args, int(rng.integers(1, 7)))
            name = f"{name}_at" if timed else name
        if name in ("back", "compact", "rollback"):
            then = int(rng.integers(max(0, now - 12), now + 1))
            args = (then, *args) if name == "rollback" else (*args, then)
        made.append((name, args))
    return made


_FIRST = {"database": ["put"], "bank": ["open", "deposit"], "files": ["add"]}
_ALWAYS_TIMED = {"schedule", "cancel", "merge", "rollback"}


def _arguments(name: str, rng: np.random.Generator) -> tuple:
    """Return random arguments for a method, without its times."""

    def one(names: tuple[str, ...]) -> str:
        return str(rng.choice(names))

    def number(low: int, high: int) -> int:
        return int(rng.integers(low, high))

    match name:
        case "put":
            return one(_KEYS), one(_FIELDS), number(-2, 10)
        case "get" | "remove":
            return one(_KEYS), one(_FIELDS)
        case "fields":
            return (one(_KEYS),)
        case "matching":
            return one(_KEYS), one(("ag", "a", "", "z", "age", "g"))
        case "open":
            return (one(_ACCOUNTS),)
        case "deposit":
            return one(_ACCOUNTS), number(1, 30)
        case "pay" | "schedule":
            delay = (number(1, 8),) if name == "schedule" else ()
            return (one(_ACCOUNTS), number(1, 16), *delay)
        case "transfer":
            return one(_ACCOUNTS), one(_ACCOUNTS), number(1, 16)
        case "spenders":
            return (number(1, 7),)
        case "cancel":
            return one(_ACCOUNTS), f"p{number(1, 7)}"
        case "merge":
            return one(_ACCOUNTS), one(_ACCOUNTS)
        case "add":
            return one(_PATHS), number(0, 6)
        case "size" | "drop":
            return (one(_PATHS),)
        case "copy":
            return one(_PATHS), one(_PATHS)
        case "largest":
            return one(("/a", "", "/b", "a/", "/a/")), number(1, 6)
        case "used":
            return (one(("/a", "", "/b", "x", "/a/")),)
        case _:
            return ()
