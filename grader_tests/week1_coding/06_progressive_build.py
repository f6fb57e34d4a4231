"""Answers to notebook 6 of week 1: wrong ones that must die, unusual ones that pass.

The reference builds the database. The bank and the file storage are built in full here,
and the database once more in another way, each under names of other seeds.
"""

import heapq
import itertools
import math

from course.ops.proof import edited, right, wrong
from course.sim import builds


def dressed(core, name, seed):
    """Return a class under the names and rules that a seed gives it."""
    build = builds.scenario(name, seed)
    found = {"scenario": name, "seed": seed, "rules": build.rules}
    for ours, theirs in build.methods.items():
        if hasattr(core, ours):
            found[theirs] = getattr(core, ours)
    return type("Dressed", (core,), found)


# -- the database as lives ---------------------------------------------------------


class Lives:
    """Each value is a life [start, stop, key, field, value], there in [start, stop)."""

    def __init__(self):
        self.lives, self.now, self.horizon = [], 0, -1

    def there(self, key, field, at):
        for life in self.lives:
            if life[0] <= at < life[1] and life[2:4] == [key, field]:
                return life
        return None

    def put_at(self, key, field, value, at, ttl=None):
        self.now = at
        old = self.there(key, field, at)
        if old:
            old[1] = at
        stop = math.inf if ttl is None else at + ttl + self.rules.last
        self.lives.append([at, stop, key, field, value])
        return old is None

    def get_at(self, key, field, at):
        self.now = at
        life = self.there(key, field, at)
        return life[4] if life else None

    def remove_at(self, key, field, at):
        self.now = at
        life = self.there(key, field, at)
        if life:
            life[1] = at
        return life is not None

    def lines(self, key, prefix, at):
        found = [
            (life[3], life[4])
            for life in self.lives
            if life[0] <= at < life[1] and life[2] == key and life[3].startswith(prefix)
        ]
        found.sort(reverse=self.rules.descending)
        return [self.rules.line(*pair) for pair in found]

    def matching_at(self, key, prefix, at):
        self.now = at
        return self.lines(key, prefix, at)

    def fields_at(self, key, at):
        return self.matching_at(key, "", at)

    def records_at(self, at):
        self.now = at
        names = {life[2] for life in self.lives if life[0] <= at < life[1]}
        return sorted(names, reverse=self.rules.descending)

    def put(self, key, field, value):
        return self.put_at(key, field, value, self.now)

    def get(self, key, field):
        return self.get_at(key, field, self.now)

    def remove(self, key, field):
        return self.remove_at(key, field, self.now)

    def fields(self, key):
        return self.fields_at(key, self.now)

    def matching(self, key, prefix):
        return self.matching_at(key, prefix, self.now)

    def records(self):
        return self.records_at(self.now)

    def back(self, key, then):
        return self.lines(key, "", then) if then >= self.horizon else None

    def compact(self, then):
        if then < self.horizon:
            return 0
        self.horizon, before = then, len(self.lives)
        self.lives = [life for life in self.lives if life[1] > then]
        return before - len(self.lives)


@right("e1")
class Level1__database_of_lives(dressed(Lives, "database", 1)):
    """The database of another seed."""


@right("e2")
class Level2__database_of_lives(dressed(Lives, "database", 1)):
    """The database of another seed."""


@right("e3")
class Level3__database_of_lives(dressed(Lives, "database", 1)):
    """The database of another seed."""


@right("e3")
class Level3__database_of_lives_last_out(dressed(Lives, "database", 2)):
    """The database of a seed where the last moment is out."""


@right("e4")
class Level4__database_of_lives(dressed(Lives, "database", 1)):
    """The database of another seed."""


@right("e4")
class Level4__database_of_lives_last_out(dressed(Lives, "database", 2)):
    """The database of a seed where the last moment is out."""


# -- the bank as a book of entries -------------------------------------------------


class Bank:
    """Entries (time, account, change); an account is a number that a name points to."""

    def __init__(self):
        self.entries, self.numbers = [], {}
        self.lives = []  # number -> [name, opened, closed]
        self.spent = {}  # number -> sum
        self.heap, self.gone, self.ids = [], set(), itertools.count(1)
        self.now = 0

    def balance(self, number, at=math.inf):
        return sum(
            change for time, n, change in self.entries if n == number and time <= at
        )

    def catch_up(self, at):
        while self.heap and self.heap[0][0] <= at:
            due, plan, number, amount = heapq.heappop(self.heap)
            self.now = due
            if plan not in self.gone:
                self.gone.add(plan)
                self.take(self.current(number), amount)
        self.now = at

    def current(self, number):
        while self.lives[number][2:] and isinstance(self.lives[number][2], tuple):
            number = self.lives[number][2][1]
        return number

    def take(self, number, amount):
        if self.balance(number) < amount:
            return None
        self.entries.append((self.now, number, -amount))
        self.spent[number] += amount
        return self.balance(number)

    def open(self, account):
        if account in self.numbers:
            return False
        number = self.numbers[account] = len(self.lives)
        self.lives.append([account, self.now, None])
        self.spent[number] = 0
        return True

    def deposit(self, account, amount):
        if account not in self.numbers:
            return None
        self.entries.append((self.now, self.numbers[account], amount))
        return self.balance(self.numbers[account])

    def pay(self, account, amount):
        if account not in self.numbers:
            return None
        return self.take(self.numbers[account], amount)

    def transfer(self, source, target, amount):
        if source == target or target not in self.numbers:
            return None
        left = self.pay(source, amount)
        if left is not None:
            self.entries.append((self.now, self.numbers[target], amount))
        return left

    def ranked(self):
        names = sorted(self.numbers, reverse=self.rules.descending)
        return sorted(names, key=lambda name: -self.spent[self.numbers[name]])

    def spenders(self, n):
        top = self.ranked()[:n]
        return [self.rules.line(name, self.spent[self.numbers[name]]) for name in top]

    def open_at(self, account, at):
        self.catch_up(at)
        return self.open(account)

    def deposit_at(self, account, amount, at):
        self.catch_up(at)
        return self.deposit(account, amount)

    def pay_at(self, account, amount, at):
        self.catch_up(at)
        return self.pay(account, amount)

    def transfer_at(self, source, target, amount, at):
        self.catch_up(at)
        return self.transfer(source, target, amount)

    def spenders_at(self, n, at):
        self.catch_up(at)
        return self.spenders(n)

    def schedule(self, account, amount, delay, at):
        self.catch_up(at)
        if account not in self.numbers:
            return None
        plan = next(self.ids)
        heapq.heappush(self.heap, (at + delay, plan, self.numbers[account], amount))
        return f"p{plan}"

    def cancel(self, account, payment, at):
        self.catch_up(at)
        for _, plan, number, _ in self.heap:
            mine = self.numbers.get(account) == self.current(number)
            if mine and f"p{plan}" == payment and plan not in self.gone:
                self.gone.add(plan)
                return True
        return False

    def merge(self, into, other, at):
        self.catch_up(at)
        if into == other or into not in self.numbers or other not in self.numbers:
            return False
        source, target = self.numbers.pop(other), self.numbers[into]
        moved = self.balance(source)
        self.entries += [(at, source, -moved), (at, target, moved)]
        self.spent[target] += self.spent.pop(source)
        self.lives[source][2] = (at, target)
        return True

    def back(self, account, then):
        for number, (name, opened, closed) in enumerate(self.lives):
            if name == account and opened <= then and (not closed or then < closed[0]):
                return self.balance(number, then)
        return None


@right("e1")
class Level1__bank(dressed(Bank, "bank", 3)):
    """The bank."""


@right("e2")
class Level2__bank(dressed(Bank, "bank", 3)):
    """The bank."""


@right("e2")
class Level2__bank_from_z(dressed(Bank, "bank", 1)):
    """The bank of a seed where ties go from Z to A."""


@right("e3")
class Level3__bank(dressed(Bank, "bank", 3)):
    """The bank."""


@right("e4")
class Level4__bank(dressed(Bank, "bank", 3)):
    """The bank."""


@right("e4")
class Level4__bank_from_z(dressed(Bank, "bank", 1)):
    """The bank of a seed where ties go from Z to A."""


# -- the files as histories --------------------------------------------------------


class Files:
    """name -> [(time, size or None, last moment), …]; a rollback writes it on."""

    def __init__(self):
        self.story, self.now = {}, 0

    def life(self, name, at):
        """Return (size, last moment) of a file as of a time, or None."""
        known = [one for one in self.story.get(name, ()) if one[0] <= at]
        if known and known[-1][1] is not None and at <= known[-1][2]:
            return known[-1][1:]
        return None

    def write(self, name, size, last=math.inf):
        self.story.setdefault(name, []).append((self.now, size, last))

    def add_at(self, name, size, at, ttl=None):
        self.now = at
        if self.life(name, at):
            return False
        last = math.inf if ttl is None else at + ttl - 1 + self.rules.last
        self.write(name, size, last)
        return True

    def size_at(self, name, at):
        self.now = at
        life = self.life(name, at)
        return life[0] if life else None

    def copy_at(self, source, target, at):
        self.now = at
        life = self.life(source, at)
        if life:
            self.write(target, *life)
        return life is not None

    def drop_at(self, name, at):
        size = self.size_at(name, at)
        if size is not None:
            self.write(name, None)
        return size

    def found(self, prefix, at):
        self.now = at
        lives = {name: self.life(name, at) for name in self.story}
        return [(n, one[0]) for n, one in lives.items() if one and n.startswith(prefix)]

    def largest_at(self, prefix, n, at):
        pairs = sorted(self.found(prefix, at), reverse=self.rules.descending)
        pairs.sort(key=lambda pair: -pair[1])
        return [self.rules.line(*pair) for pair in pairs[:n]]

    def used_at(self, prefix, at):
        return sum(size for _, size in self.found(prefix, at))

    def add(self, name, size):
        return self.add_at(name, size, self.now)

    def size(self, name):
        return self.size_at(name, self.now)

    def copy(self, source, target):
        return self.copy_at(source, target, self.now)

    def drop(self, name):
        return self.drop_at(name, self.now)

    def largest(self, prefix, n):
        return self.largest_at(prefix, n, self.now)

    def used(self, prefix):
        return self.used_at(prefix, self.now)

    def rollback(self, then, at):
        self.now = at
        lives = {name: self.life(name, then) for name in self.story}
        for name, life in lives.items():
            size, last = life or (None, math.inf)
            self.write(name, size, last + at - then)
        return len([life for life in lives.values() if life])


@right("e1")
class Level1__files(dressed(Files, "files", 2)):
    """The file storage."""


@right("e2")
class Level2__files(dressed(Files, "files", 2)):
    """The file storage."""


@right("e3")
class Level3__files(dressed(Files, "files", 2)):
    """The file storage of a seed where the last moment is out."""


@right("e3")
class Level3__files_last_in(dressed(Files, "files", 3)):
    """The file storage of a seed where the last moment is in, and ties go from Z."""


@right("e4")
class Level4__files(dressed(Files, "files", 2)):
    """The file storage of a seed where the last moment is out."""


@right("e4")
class Level4__files_last_in(dressed(Files, "files", 3)):
    """The file storage of a seed where the last moment is in, and ties go from Z."""


# -- e1: database ------------------------------------------------------------------

edited(
    "e1.edges",
    "zero is absent",
    old="new = self._read(record, field) is None",
    new="new = not self._read(record, field)",
    because="got True, expected False",
)
edited(
    "e1.edges",
    "zero cannot be removed",
    old="        if self._read(record, field) is None:",
    new="        if not self._read(record, field):",
    because="discard.*\n.*got False, expected True",
)
edited(
    "e1.edges",
    "one dictionary for all objects",
    old="self._items: dict[str, dict[str, object]] = {}",
    new="self._items = Level1.lookup.__dict__.setdefault('items', {})",
    because="second object|got False, expected True",
)
edited(
    "e1.answers",
    "keeps the old value",
    old="        self._write(record, field, value)\n        return new",
    new="        if new:\n"
    "            self._write(record, field, value)\n"
    "        return new",
    because="lookup",
)
edited(
    "e1.answers",
    "says it removed, and does not",
    old="        self._write(record, field, None)\n        return True",
    new="        return True",
    because="discard",
)
edited(
    "e1.edges",
    "removes the whole record",
    old="        self._write(record, field, None)\n        return True",
    new="        self._items.pop(record)\n        return True",
    because="returned None",
)
edited(
    "e1.answers",
    "removing always succeeds",
    old="            return False",
    new="            return True",
    because="got True, expected False",
)
edited(
    "e1.answers",
    "absent is zero",
    old="return self._items.get(record, {}).get(field)",
    new="return self._items.get(record, {}).get(field, 0)",
    because="expected",
)


@wrong("e1.check", because="has no method")
class Level1__names_of_another_seed(dressed(Lives, "database", 1)):
    """A memorised answer: the methods are called as they were last month."""

    seed = 6


@wrong("e1.check", because="scenario 'shop' is none of")
class Level1__unknown_scenario(dressed(Lives, "database", 1)):
    """There is no such scenario."""

    scenario = "shop"


# -- e1: bank ----------------------------------------------------------------------


class _OpenResets(Bank):
    def open(self, account):
        self.numbers.pop(account, None)
        return super().open(account)


class _KeepsSomething(Bank):
    def take(self, number, amount):
        return None if self.balance(number) <= amount else super().take(number, amount)


class _Overdraft(Bank):
    def take(self, number, amount):
        self.entries.append((self.now, number, -amount))
        self.spent[number] += amount
        return self.balance(number)


class _ToItself(Bank):
    def transfer(self, source, target, amount):
        if target not in self.numbers:
            return None
        left = self.pay(source, amount)
        if left is not None:
            self.entries.append((self.now, self.numbers[target], amount))
        return left


class _LosesMoney(Bank):
    def transfer(self, source, target, amount):
        if source == target:
            return None
        left = self.pay(source, amount)
        if left is None or target not in self.numbers:
            return None
        self.entries.append((self.now, self.numbers[target], amount))
        return left


class _DepositOpens(Bank):
    def deposit(self, account, amount):
        self.open(account)
        return super().deposit(account, amount)


@wrong("e1.edges", because="top_up.*\n.*expected|got True, expected False")
class Level1__bank_open_resets(dressed(_OpenResets, "bank", 3)):
    """Opening again begins with 0."""


@wrong("e1.edges", because="got None, expected 0|returned None")
class Level1__bank_never_empties(dressed(_KeepsSomething, "bank", 3)):
    """An account cannot be emptied."""


@wrong("e1.answers", because="expected None|returned -")
class Level1__bank_overdraft(dressed(_Overdraft, "bank", 3)):
    """Pays what is not there."""


@wrong("e1.edges", because="transfer.*\n.*expected None")
class Level1__bank_to_itself(dressed(_ToItself, "bank", 3)):
    """Moves money from an account to itself."""


@wrong("e1.edges", because="expected 0|returned None|got None")
class Level1__bank_loses_money(dressed(_LosesMoney, "bank", 3)):
    """Takes the money before it looks for the target."""


@wrong("e1.edges", because="top_up.*\n.*expected None")
class Level1__bank_deposit_opens(dressed(_DepositOpens, "bank", 3)):
    """A deposit opens the account."""


# -- e1: files ---------------------------------------------------------------------


class _AddOverwrites(Files):
    def add_at(self, name, size, at, ttl=None):
        new = self.life(name, at) is None
        self.write(name, size)
        return new


class _EmptyIsAbsent(Files):
    def size_at(self, name, at):
        return super().size_at(name, at) or None


class _CopyNeedsRoom(Files):
    def copy_at(self, source, target, at):
        return not self.life(target, at) and super().copy_at(source, target, at)


class _CopyWipes(Files):
    def copy_at(self, source, target, at):
        self.write(target, None)
        return super().copy_at(source, target, at)


@wrong("e1.edges", because="expected 0")
class Level1__files_add_overwrites(dressed(_AddOverwrites, "files", 2)):
    """Adding again changes the size."""


@wrong("e1.edges", because="returned None|got None, expected 0")
class Level1__files_empty_is_absent(dressed(_EmptyIsAbsent, "files", 2)):
    """A file of size 0 is not there."""


@wrong("e1.edges", because="got False, expected True")
class Level1__files_copy_needs_room(dressed(_CopyNeedsRoom, "files", 2)):
    """Copies only where nothing stands."""


@wrong("e1.edges", because="returned None|got None, expected 4")
class Level1__files_copy_wipes(dressed(_CopyWipes, "files", 2)):
    """Empties the target first, though there may be no source."""


# -- e2: database ------------------------------------------------------------------

edited(
    "e2.order",
    "from A to Z",
    old="names = sorted(self._items.get(record, ()), reverse=True)",
    new="names = sorted(self._items.get(record, ()))",
    because="order",
)
edited(
    "e2.order",
    "in the order of storing",
    old="names = sorted(self._items.get(record, ()), reverse=True)",
    new="names = list(self._items.get(record, ()))",
    because="order|entries",
)
edited(
    "e2.order",
    "by value",
    old="read = [(name, self._read(record, name)) for name in names]",
    new="read = [(name, self._read(record, name)) for name in names]\n"
    "        read.sort(key=lambda pair: pair[1] or 0)",
    because="order|entries",
)
edited(
    "e2.order",
    "anywhere in the name",
    old="if field.startswith(prefix)",
    new="if prefix in field",
    because="matching",
)
edited(
    "e2.answers",
    "lists what was removed",
    old="for name, value in read if value is not None]",
    new="for name, value in read]",
    because="None|unexpected",
)
edited(
    "e2.answers",
    "zero is not listed",
    old="for name, value in read if value is not None]",
    new="for name, value in read if value]",
    because="entries|matching|in_use",
)
edited(
    "e2.order",
    "records without a field",
    old="(r for r in self._items if any(self._fields(r)))",
    new="list(self._items)",
    because="in_use",
)
edited(
    "e2.order",
    "records from A to Z",
    old="if any(self._fields(r))), reverse=True)",
    new="if any(self._fields(r))))",
    because="order",
)
edited(
    "e2.check",
    "another line",
    old='f"{field}={value}"',
    new='f"{field}({value})"',
    because="zip",
)


# -- e2: bank and files ------------------------------------------------------------


class _TiesTurned(Bank):
    def ranked(self):
        names = sorted(self.numbers, reverse=not self.rules.descending)
        return sorted(names, key=lambda name: -self.spent[self.numbers[name]])


class _SpendersOnly(Bank):
    def ranked(self):
        return [n for n in super().ranked() if self.spent[self.numbers[n]]]


class _CountsFailures(Bank):
    def take(self, number, amount):
        left = super().take(number, amount)
        self.spent[number] += amount if left is None else 0
        return left


class _NoTransfers(Bank):
    def transfer(self, source, target, amount):
        left = super().transfer(source, target, amount)
        if left is not None:
            self.spent[self.numbers[source]] -= amount
        return left


class _SortsText(Bank):
    def ranked(self):
        names = sorted(self.numbers, reverse=self.rules.descending)
        by = {name: str(self.spent[self.numbers[name]]) for name in names}
        return sorted(names, key=by.get, reverse=True)


@wrong("e2.order", because="ranking")
class Level2__bank_ties_turned(dressed(_TiesTurned, "bank", 3)):
    """Ties go the other way."""


@wrong("e2.order", because="length|items|expected|missing")
class Level2__bank_spenders_only(dressed(_SpendersOnly, "bank", 3)):
    """Leaves out who spent nothing."""


@wrong("e2.order", because="ranking")
class Level2__bank_counts_failures(dressed(_CountsFailures, "bank", 3)):
    """Counts what was not paid."""


@wrong("e2.order", because="ranking")
class Level2__bank_no_transfers(dressed(_NoTransfers, "bank", 3)):
    """Counts payments only."""


@wrong("e2.order", because="ranking")
class Level2__bank_sorts_text(dressed(_SortsText, "bank", 3)):
    """Sorts numbers as text: 9 before 21."""


class _NamesTurned(Files):
    def largest_at(self, prefix, n, at):
        pairs = sorted(self.found(prefix, at), reverse=not self.rules.descending)
        pairs.sort(key=lambda pair: -pair[1])
        return [self.rules.line(*pair) for pair in pairs[:n]]


class _CutsFirst(Files):
    def largest_at(self, prefix, n, at):
        pairs = sorted(self.found(prefix, at), reverse=self.rules.descending)[:n]
        pairs.sort(key=lambda pair: -pair[1])
        return [self.rules.line(*pair) for pair in pairs]


class _Anywhere(Files):
    def found(self, prefix, at):
        return [pair for pair in super().found("", at) if prefix in pair[0]]


class _AllRoom(Files):
    def used_at(self, prefix, at):
        return super().used_at("", at)


@wrong("e2.order", because="heaviest")
class Level2__files_ties_turned(dressed(_NamesTurned, "files", 2)):
    """Ties go the other way."""


@wrong("e2.order", because="heaviest")
class Level2__files_cuts_first(dressed(_CutsFirst, "files", 2)):
    """Takes n by name, then sorts by size."""


@wrong("e2.order", because="heaviest|total")
class Level2__files_anywhere(dressed(_Anywhere, "files", 2)):
    """Takes names that contain the prefix."""


@wrong("e2.order", because="total")
class Level2__files_all_room(dressed(_AllRoom, "files", 2)):
    """Sums all files."""


# -- e3: database ------------------------------------------------------------------

edited(
    "e3.moment",
    "last moment out",
    old="return value if at <= end else None",
    new="return value if at < end else None",
    because="lookup_at.*\n.*(returned None|got None)",
)
edited(
    "e3.moment",
    "one moment too long",
    old="return value if at <= end else None",
    new="return value if at <= end + 1 else None",
    because="matching_at|expected None",
)
edited(
    "e3.moment",
    "never ends",
    old="return value if at <= end else None",
    new="return value",
    because="expected",
)
edited(
    "e3.moment",
    "the one before comes back",
    old="""        _, value, end = history[count - 1]
        return value if at <= end else None""",
    new="""        live = [v for _, v, end in history[:count] if v is None or at <= end]
        return live[-1] if live else None""",
    because="store_at.*\n.*expected",
)
edited(
    "e3.moment",
    "keeps the old lifetime",
    old="        history.append((self._now, value, end))",
    new="        old = [e for _, _, e in history[-1:] if value is not None]\n"
    "        history.append((self._now, value, min([end, *old])))",
    because="returned None|got None",
)
edited(
    "e3.answers",
    "lists forget the time",
    old="return self._at(at).entries(record)",
    new="return self.entries(record)",
    because="entries",
)
edited(
    "e3.moment",
    "lists what has ended",
    old="return self._at(at).matching(record, prefix)",
    new="""fields = sorted(self._at(at)._items.get(record, {}).items(), reverse=True)
        there = [(name, history[-1][1]) for name, history in fields]
        there = [pair for pair in there if pair[1] is not None]
        return [f"{n}={v}" for n, v in there if n.startswith(prefix)]""",
    because="matching_at",
)
edited(
    "e3.moment",
    "what ended is still old",
    old="new = self._at(at)._read(record, field) is None",
    new="new = not self._at(at)._items.get(record, {}).get(field)",
    because="got False, expected True",
)
edited(
    "e3.moment",
    "first of one moment",
    old="count = bisect_right(history, at, key=lambda version: version[0])",
    new="count = min(len(history), 1 + sum(version[0] < at for version in history))",
    because="expected",
)


class _PlainAtZero(Lives):
    def get(self, key, field):
        return self.get_at(key, field, 0)

    def put(self, key, field, value):
        return self.put_at(key, field, value, 0)


class _RemoveOfWhatEnded(Lives):
    def remove_at(self, key, field, at):
        known = any(life[2:4] == [key, field] for life in self.lives)
        return super().remove_at(key, field, at) or known


@wrong("e3.moment", because="expected")
class Level3__database_plain_at_zero(dressed(_PlainAtZero, "database", 1)):
    """Calls without a time happen at 0."""


@wrong("e3.moment", because="unset_at.*\n.*got True, expected False")
class Level3__database_removes_what_ended(dressed(_RemoveOfWhatEnded, "database", 1)):
    """Removing what has ended is a success."""


# -- e3: bank ----------------------------------------------------------------------


class _DueAfter(Bank):
    def catch_up(self, at):
        super().catch_up(at - 1)
        self.now = at


class _OrderOfPlanning(Bank):
    def catch_up(self, at):
        due = sorted((h for h in self.heap if h[0] <= at), key=lambda h: h[1])
        self.heap = [h for h in self.heap if h[0] > at]
        heapq.heapify(self.heap)
        self.now = at
        for _, plan, number, amount in due:
            if plan not in self.gone:
                self.gone.add(plan)
                self.take(number, amount)


class _TriesAgain(Bank):
    def take(self, number, amount):
        left = super().take(number, amount)
        if left is None and len(self.heap) < 50:
            heapq.heappush(self.heap, (self.now + 1, -next(self.ids), number, amount))
        return left


class _AnyoneCancels(Bank):
    def cancel(self, account, payment, at):
        return any(super(_AnyoneCancels, self).cancel(a, payment, at) for a in "abc")


class _CancelsTwice(Bank):
    def cancel(self, account, payment, at):
        done = super().cancel(account, payment, at)
        owner = self.numbers.get(account)
        return done or any(h[2] == owner and f"p{h[1]}" == payment for h in self.heap)


class _CountsAtOnce(Bank):
    def schedule(self, account, amount, delay, at):
        plan = super().schedule(account, amount, delay, at)
        if plan:
            self.spent[self.numbers[account]] += amount
        return plan


class _IdsAgain(Bank):
    def schedule(self, account, amount, delay, at):
        waiting = len([h for h in self.heap if h[1] not in self.gone])
        plan = super().schedule(account, amount, delay, at)
        return plan and f"p{waiting + 1}"


@wrong("e3.moment", because="expected")
class Level3__bank_due_after(dressed(_DueAfter, "bank", 3)):
    """Due payments come after the calls of their moment."""


@wrong("e3.moment", because="ranking|expected")
class Level3__bank_order_of_planning(dressed(_OrderOfPlanning, "bank", 3)):
    """Pays in the order of planning, not of due times."""


@wrong("e3.answers", because="expected")
class Level3__bank_tries_again(dressed(_TriesAgain, "bank", 3)):
    """A payment without money waits on."""


@wrong("e3.moment", because="got True, expected False")
class Level3__bank_anyone_cancels(dressed(_AnyoneCancels, "bank", 3)):
    """Cancels the payments of others."""


@wrong("e3.moment", because="got True, expected False")
class Level3__bank_cancels_twice(dressed(_CancelsTwice, "bank", 3)):
    """Cancels what was taken back already."""


@wrong("e3.moment", because="ranking")
class Level3__bank_counts_at_once(dressed(_CountsAtOnce, "bank", 3)):
    """Counts a payment when it is planned."""


@wrong("e3.answers", because="expected 'p")
class Level3__bank_ids_again(dressed(_IdsAgain, "bank", 3)):
    """Uses an id again."""


# -- e3: files ---------------------------------------------------------------------


class _CopyForEver(Files):
    def copy_at(self, source, target, at):
        size = self.size_at(source, at)
        if size is not None:
            self.write(target, size)
        return size is not None


class _LastTurned(Files):
    def add_at(self, name, size, at, ttl=None):
        return super().add_at(name, size, at, ttl and ttl + 1 - 2 * self.rules.last)


class _NameStaysTaken(Files):
    def add_at(self, name, size, at, ttl=None):
        known = [one for one in self.story.get(name, ()) if one[1] is not None]
        dropped = self.story.get(name, [(0, None)])[-1][1] is None
        if known and not dropped:
            self.now = at
            return False
        return super().add_at(name, size, at, ttl)


class _RoomOfWhatEnded(Files):
    def used_at(self, prefix, at):
        last = {n: s[-1] for n, s in self.story.items() if n.startswith(prefix)}
        self.now = at
        return sum(one[1] or 0 for one in last.values())


class _ForgetsLatestTime(Files):
    def add(self, name, size):
        return self.add_at(name, size, 0)

    def size(self, name):
        return self.size_at(name, 0)


@wrong("e3.moment", because="expected")
class Level3__files_copy_for_ever(dressed(_CopyForEver, "files", 2)):
    """A copy has no end."""


@wrong("e3.moment", because="expected|returned None")
class Level3__files_last_turned(dressed(_LastTurned, "files", 2)):
    """The last moment is in, where the text has it out."""


@wrong("e3.moment", because="expected|returned None")
class Level3__files_last_turned_in(dressed(_LastTurned, "files", 3)):
    """The last moment is out, where the text has it in."""


@wrong("e3.moment", because="got False, expected True")
class Level3__files_name_stays_taken(dressed(_NameStaysTaken, "files", 2)):
    """What has ended keeps its name."""


@wrong("e3.moment", because="total_at")
class Level3__files_room_of_what_ended(dressed(_RoomOfWhatEnded, "files", 2)):
    """What has ended still takes room."""


@wrong("e3.moment", because="expected|returned None")
class Level3__files_plain_at_zero(dressed(_ForgetsLatestTime, "files", 2)):
    """Calls without a time happen at 0."""


# -- e4: database ------------------------------------------------------------------

edited(
    "e4.answers",
    "looking back moves the time",
    old="            self._now = present",
    new="            pass",
    because="expected",
)
edited(
    "e4.answers",
    "then is now",
    old="return self.entries_at(record, then)",
    new="return self.entries_at(record, present)",
    because="earlier",
)
edited(
    "e4.check",
    "answers from half a history",
    old="        if then < self._horizon:\n            return None\n",
    new="",
    because="expected None",
)
edited(
    "e4.answers",
    "forgets the moment itself",
    old="        if then < self._horizon:\n            return None",
    new="        if then <= self._horizon:\n            return None",
    because="returned None|got None",
)
edited(
    "e4.answers",
    "drops what is still there",
    old="            count -= 1  # the newest is still seen",
    new="            pass",
    because="prune|earlier",
)
edited(
    "e4.answers",
    "keeps the newest, ended or removed",
    old="if self._as_of(history, then) is not None:",
    new="if count:",
    because="prune",
)
edited(
    "e4.answers",
    "counts removals",
    old="sum(value is not None for _, value, _ in history[:count])",
    new="len(history[:count])",
    because="prune",
)
edited(
    "e4.answers",
    "counts and keeps",
    old="        del history[:count]\n",
    new="",
    because="prune",
)
edited(
    "e4.past",
    "an earlier time moves the horizon back",
    old="        if then < self._horizon:\n            return 0\n",
    new="",
    because="prune|expected None",
)
edited(
    "e4.answers",
    "judges by the latest time",
    old="if self._as_of(history, then) is not None:",
    new="if self._as_of(history, self._now) is not None:",
    because="prune|earlier",
)
edited(
    "e4.answers",
    "compacts as of the latest call",
    old="        self._horizon = then\n",
    new="        self._horizon = then\n        then = self._now\n",
    because="prune|earlier",
)
edited(
    "e4.answers",
    "the moment itself is before",
    old="count = bisect_right(history, then, key=lambda version: version[0])",
    new="count = sum(version[0] < then for version in history)",
    because="prune|earlier",
)
edited(
    "e4.refactor",
    "calls without a time happen at 0",
    old="        super().__init__()\n        self._horizon",
    new="        super().__init__()\n"
    "        self.store = lambda k, f, v: self.store_at(k, f, v, 0)\n"
    "        self._horizon",
    because="store",
)
edited(
    "e4.refactor",
    "removing became a promise",
    old="        super().__init__()\n        self._horizon",
    new="        super().__init__()\n"
    "        self.discard = lambda k, f: self._write(k, f, None) is None\n"
    "        self._horizon",
    because="discard.*\n.*got True, expected False",
)


class _RemoveErases(Lives):
    def remove_at(self, key, field, at):
        self.now = at
        life = self.there(key, field, at)
        self.lives = [one for one in self.lives if one[2:4] != [key, field]]
        return life is not None


class _OverwriteErases(Lives):
    def put_at(self, key, field, value, at, ttl=None):
        new = super().put_at(key, field, value, at, ttl)
        self.lives = [one for one in self.lives if one[1] > at]
        return new


@wrong("e4.past", because="trim|expected")
class Level4__database_remove_erases(dressed(_RemoveErases, "database", 1)):
    """Removing takes the past away, too."""


@wrong("e4.answers", because="earlier|trim")
class Level4__database_overwrite_erases(dressed(_OverwriteErases, "database", 1)):
    """Only the present value is kept."""


# -- e4: bank ----------------------------------------------------------------------


class _MergeErases(Bank):
    def merge(self, into, other, at):
        source = self.numbers.get(other)
        done = super().merge(into, other, at)
        if done:
            self.lives[source][0] = ""
        return done


class _MergeRewrites(Bank):
    def merge(self, into, other, at):
        source, target = self.numbers.get(other), self.numbers.get(into)
        done = super().merge(into, other, at)
        if done:
            self.entries = [
                (time, target if n == source else n, change)
                for time, n, change in self.entries
            ]
        return done


class _MergeInherits(Bank):
    def merge(self, into, other, at):
        done = super().merge(into, other, at)
        if done:
            self.spent[-1] = 0
            self.left = {**getattr(self, "left", {}), other: 1}
        return done

    def open(self, account):
        new = super().open(account)
        if new and account in getattr(self, "left", {}):
            self.entries.append((self.now, self.numbers[account], 1))
        return new


class _MergeCancels(Bank):
    def merge(self, into, other, at):
        source = self.numbers.get(other)
        done = super().merge(into, other, at)
        if done:
            self.gone |= {plan for _, plan, number, _ in self.heap if number == source}
        return done


class _MergeForgetsSpent(Bank):
    def merge(self, into, other, at):
        self.catch_up(at)
        before = self.spent.get(self.numbers.get(into))
        done = super().merge(into, other, at)
        if done:
            self.spent[self.numbers[into]] = before
        return done


class _MergeOfOne(Bank):
    def merge(self, into, other, at):
        done = super().merge(into, other, at)
        return done or (into == other and into in self.numbers)


class _BackIsNow(Bank):
    def back(self, account, then):
        return self.balance(self.numbers[account]) if account in self.numbers else None


class _BackBefore(Bank):
    def back(self, account, then):
        return super().back(account, then - 1)


class _NameKeepsPlans(Bank):
    def current(self, number):
        name = self.lives[number][0]
        return self.numbers.get(name, super().current(number))


@wrong("e4.past", because="as_it_was")
class Level4__bank_merge_erases(dressed(_MergeErases, "bank", 3)):
    """The closed account has no past."""


@wrong("e4.past", because="as_it_was")
class Level4__bank_merge_rewrites(dressed(_MergeRewrites, "bank", 3)):
    """The past of the other becomes one's own."""


@wrong("e4.past", because="expected")
class Level4__bank_merge_inherits(dressed(_MergeInherits, "bank", 3)):
    """Opened again, an account begins with something."""


@wrong("e4.past", because="expected")
class Level4__bank_merge_cancels(dressed(_MergeCancels, "bank", 3)):
    """Waiting payments are lost in a merge."""


@wrong("e4.past", because="ranking")
class Level4__bank_merge_forgets_spent(dressed(_MergeForgetsSpent, "bank", 3)):
    """What the other has spent is lost."""


@wrong("e4.answers", because="absorb.*\n.*got True, expected False")
class Level4__bank_merge_of_one(dressed(_MergeOfOne, "bank", 3)):
    """Merges an account with itself."""


@wrong("e4.answers", because="as_it_was")
class Level4__bank_back_is_now(dressed(_BackIsNow, "bank", 3)):
    """Looks at the present balance."""


@wrong("e4.answers", because="as_it_was")
class Level4__bank_back_before(dressed(_BackBefore, "bank", 3)):
    """Looks at the moment before."""


@wrong("e4.past", because="expected")
class Level4__bank_name_keeps_plans(dressed(_NameKeepsPlans, "bank", 3)):
    """Opened again, an account pays what its namesake had planned."""


class _PlainFails(Bank):
    def deposit(self, account, amount):
        return super().deposit_at(account, amount, 0) if self.now < 50 else None


@wrong("e4.refactor", because="top_up")
class Level4__bank_plain_fails(dressed(_PlainFails, "bank", 3)):
    """Deposits without a time stop working after the first with one."""


# -- e4: files ---------------------------------------------------------------------


class _KeepsEnds(Files):
    def rollback(self, then, at):
        self.now = at
        for name in list(self.story):
            size, last = self.life(name, then) or (None, math.inf)
            self.write(name, size, last)
        return len(self.found("", at))


class _NoEnds(Files):
    def rollback(self, then, at):
        self.now = at
        for name in list(self.story):
            size, _ = self.life(name, then) or (None, math.inf)
            self.write(name, size)
        return len(self.found("", at))


class _CutsHistory(Files):
    def rollback(self, then, at):
        many = super().rollback(then, at)
        for name, story in self.story.items():
            kept = [one for one in story[:-1] if one[0] <= then]
            self.story[name] = [*kept, story[-1]]
        return many


class _OnlyBringsBack(Files):
    def rollback(self, then, at):
        self.now = at
        for name in list(self.story):
            if life := self.life(name, then):
                self.write(name, life[0], life[1] + at - then)
        return len(self.found("", at))


class _WakesWhatEnded(Files):
    def rollback(self, then, at):
        self.now = at
        for name, story in list(self.story.items()):
            known = [one for one in story if one[0] <= then]
            size, last = known[-1][1:] if known else (None, math.inf)
            self.write(name, size, max(last, then) + at - then)
        return len(self.found("", at))


class _CountsBefore(Files):
    def rollback(self, then, at):
        before = len(self.found("", at))
        super().rollback(then, at)
        return before


class _CallsOfThenOut(Files):
    def rollback(self, then, at):
        return super().rollback(then - 1, at)


class _CountsFromStart(Files):
    def rollback(self, then, at):
        self.now = at
        for name in list(self.story):
            size, last = self.life(name, then) or (None, math.inf)
            start = [one[0] for one in self.story[name] if one[0] <= then][-1:] or [0]
            self.write(name, size, last - start[0] + at)
        return len(self.found("", at))


@wrong("e4.answers", because="expected|returned None")
class Level4__files_keeps_ends(dressed(_KeepsEnds, "files", 2)):
    """Files end when they would have."""


@wrong("e4.answers", because="expected|returned")
class Level4__files_no_ends(dressed(_NoEnds, "files", 2)):
    """Files that come back never end."""


@wrong("e4.answers", because="expected|returned")
class Level4__files_cuts_history(dressed(_CutsHistory, "files", 2)):
    """What lies between is forgotten."""


@wrong("e4.answers", because="expected")
class Level4__files_only_brings_back(dressed(_OnlyBringsBack, "files", 2)):
    """What came later stays."""


@wrong("e4.answers", because="expected")
class Level4__files_wakes_what_ended(dressed(_WakesWhatEnded, "files", 2)):
    """What had ended at that time comes back."""


@wrong("e4.answers", because="restore")
class Level4__files_counts_before(dressed(_CountsBefore, "files", 2)):
    """Counts the files from before."""


@wrong("e4.answers", because="expected|returned")
class Level4__files_calls_of_then_out(dressed(_CallsOfThenOut, "files", 2)):
    """Leaves out the calls of that very time."""


@wrong("e4.answers", because="expected|returned")
class Level4__files_counts_from_start(dressed(_CountsFromStart, "files", 2)):
    """Gives the whole lifetime again."""


class _PlainForgets(Files):
    def used(self, prefix):
        return super().used_at(prefix, 0)


@wrong("e4.refactor", because="total")
class Level4__files_plain_at_zero(dressed(_PlainForgets, "files", 2)):
    """The sum without a time looks at 0."""
