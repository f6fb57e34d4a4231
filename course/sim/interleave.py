"""Two or three threads, one line at a time, in an order that you choose.

`play(story)` runs the programs of a story along its schedule and returns one Frame for
each step, with what each thread does next and what all of them share.
"""

from dataclasses import dataclass, field

Line = tuple[str, str]  # what the reader sees, and what it does


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands after one step: `next_line` and `state` by thread, and `note`."""

    step: int
    moved: str
    next_line: dict[str, int]
    state: dict[str, str]
    shared: str
    holder: str
    note: str


@dataclass(frozen=True, slots=True)
class Story:
    """Programs by thread name, and the names in the order in which they step."""

    programs: dict[str, tuple[Line, ...]]
    schedule: tuple[str, ...]
    counter: bool = False


def _consumer(word: str) -> tuple[Line, ...]:
    return (
        ("with lock:", "lock"),
        (f"    {word} not items:", "test 3"),
        ("        wait()", "wait 1" if word == "while" else "wait 3"),
        ("    item = items.popleft()", "pop"),
        ("return item", "unlock"),
    )


_HASTY = (
    ("while not items:", "test 3"),
    ("    with lock:", "lock"),
    ("        wait()", "wait 3"),
    ("with lock: items.popleft()", "pop"),
)
_PRODUCER = (
    ("with lock:", "lock"),
    ("    items.append('x')", "push"),
    ("    notify()", "notify"),
    ("return", "unlock"),
)
_COUNTING = (
    ("value = count", "load"),
    ("value = value + 1", "add"),
    ("count = value", "store"),
)
_THREE = ("A",) * 3 + ("P",) * 4 + ("B",) * 4 + ("A",) * 3

STORIES = {
    "two threads count": Story(
        {"A": _COUNTING, "B": _COUNTING}, ("A", "A", "B", "B", "B", "A"), counter=True
    ),
    "if": Story(
        {"A": _consumer("if"), "B": _consumer("if"), "P": _PRODUCER}, _THREE[:-1]
    ),
    "while": Story(
        {"A": _consumer("while"), "B": _consumer("while"), "P": _PRODUCER}, _THREE
    ),
    "check without lock": Story(
        {"A": _HASTY, "P": _PRODUCER}, ("A", "P", "P", "P", "P", "A", "A", "A")
    ),
}


@dataclass
class _World:
    items: list[str] = field(default_factory=list)
    count: int = 0
    holder: str = ""
    waiting: list[str] = field(default_factory=list)
    values: dict[str, int] = field(default_factory=dict)


def play(story: Story) -> list[Frame]:
    """Return the frames of a story, the start first.

    >>> play(STORIES["if"])[-1].note
    'A pops from an empty queue: IndexError'
    >>> play(STORIES["while"])[-1].note
    'A goes to sleep and gives the lock back'
    >>> play(STORIES["two threads count"])[-1].shared
    'count = 1'
    """
    world = _World()
    now = dict.fromkeys(story.programs, 0)
    state = dict.fromkeys(story.programs, "ready")
    frames = []

    def snapshot(step: int, moved: str, note: str) -> None:
        shared = f"count = {world.count}" if story.counter else _queue(world.items)
        told = {k: (world.values if story.counter else {}).get(k) for k in state}
        words = {
            name: one if told[name] is None else f"{one}, value = {told[name]}"
            for name, one in state.items()
        }
        frames.append(Frame(step, moved, dict(now), words, shared, world.holder, note))

    snapshot(0, "", "nothing has run yet")
    for step, name in enumerate(story.schedule, 1):
        note = _step(world, story.programs[name], name, now, state)
        snapshot(step, name, note)
    return frames


def _queue(items: list[str]) -> str:
    return "items = [" + ", ".join(items) + "]"


def _step(
    world: _World,
    program: tuple[Line, ...],
    name: str,
    now: dict[str, int],
    state: dict[str, str],
) -> str:
    """Do the next line of `name` and return what happened."""
    what, _, to = program[now[name]][1].partition(" ")
    if state[name].startswith("asleep"):
        return f"{name} sleeps, and nobody is left to wake it"
    if state[name] == "notified":
        if world.holder:
            return f"{name} wants the lock back; {world.holder} has it"
        world.holder, now[name], state[name] = name, int(to), "ready"
        return f"{name} wakes up and has the lock again"
    now[name] += 1
    match what:
        case "lock":
            if world.holder:
                now[name] -= 1
                return f"{name} wants the lock; {world.holder} has it"
            world.holder = name
            return f"{name} takes the lock"
        case "test":
            if world.items:
                now[name] = int(to)
                return f"{name} sees an item"
            return f"{name} sees that the queue is empty"
        case "wait":
            now[name] -= 1
            world.holder, state[name] = "", "asleep"
            world.waiting.append(name)
            return f"{name} goes to sleep and gives the lock back"
        case "pop" if not world.items:
            now[name] -= 1
            world.holder, state[name] = "", "crashed"
            return f"{name} pops from an empty queue: IndexError"
        case "pop":
            world.items.pop(0)
            return f"{name} takes the item"
        case "push":
            world.items.append("x")
            return f"{name} puts an item"
        case "notify":
            if not world.waiting:
                return f"{name} notifies, and nobody is waiting: nothing happens"
            woken = world.waiting.pop(0)
            state[woken] = "notified"
            return f"{name} notifies {woken}, which now needs the lock"
        case "unlock":
            world.holder, state[name] = "", "done"
            return f"{name} gives the lock back"
        case "load":
            world.values[name] = world.count
            return f"{name} reads count = {world.count}"
        case "add":
            world.values[name] += 1
            return f"{name} adds one, in its own variable"
        case _:
            world.count, state[name] = world.values[name], "done"
            return f"{name} writes count = {world.count}"
