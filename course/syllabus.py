"""Weeks and notebooks in their order, as `lessons/course.toml` states them."""

import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePath

from course import paths
from course.errors import CourseError


@dataclass(frozen=True, slots=True)
class Notebook:
    """One notebook: `name` is its file stem, `key` the prefix of its cell ids."""

    week: str
    name: str
    key: str
    title: str
    minutes: int
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Week:
    """One week, which is one nbgrader assignment."""

    name: str
    key: str
    title: str
    notebooks: tuple[Notebook, ...]


def weeks(root: Path | None = None) -> list[Week]:
    """Return the weeks in teaching order.

    Raises CourseError when `lessons/course.toml` is missing or incomplete.
    """
    file = (root or paths.root()) / "lessons" / "course.toml"
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise CourseError(
            f"{file} is missing", cure="git checkout -- lessons/course.toml"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise CourseError(
            f"{file} is not valid TOML: {error}", cure=f"edit {file}"
        ) from None
    found = []
    for name, entry in table.items():
        try:
            notebooks = tuple(
                Notebook(
                    week=name,
                    name=one["file"],
                    key=f"{entry['key']}-{one['key']}",
                    title=one["title"],
                    minutes=one["minutes"],
                    needs=tuple(one.get("needs", ())),
                )
                for one in entry.get("notebooks", ())
            )
            found.append(Week(name, entry["key"], entry["title"], notebooks))
        except KeyError as error:
            raise CourseError(
                f"{file}: week {name!r} lacks the entry {error}",
                cure="compare it with [week1_coding]",
            ) from None
    return found


def resolve(target: str | Path, root: Path | None = None) -> list[Notebook]:
    """Return the notebooks that `target` names.

    A target is a week (`week1_coding`), a notebook of it by number or name
    (`week1_coding/01`, `week1_coding/01_file_deduplication`), or the path of a
    notebook or lesson file. Raises CourseError with the nearest names otherwise.
    """
    parts = PurePath(target).parts
    known = weeks(root)
    names = [week.name for week in known]
    at = [i for i, part in enumerate(parts) if part in names]
    if not at:
        raise CourseError(
            f"{str(target)!r} names no week; the weeks are {', '.join(names)}",
            cure=f"{names[0]}, or {names[0]}/01 for one notebook",
        )
    week = known[names.index(parts[at[-1]])]
    rest = parts[at[-1] + 1 :]
    if not rest:
        return list(week.notebooks)
    stem = rest[0].split(".", 1)[0]
    chosen = [n for n in week.notebooks if stem in (n.name, n.name.split("_")[0])]
    if len(rest) > 1 or not chosen:
        have = ", ".join(n.name for n in week.notebooks) or "none yet"
        raise CourseError(
            f"{week.name} has no notebook {'/'.join(rest)!r}; it has {have}",
            cure=f"{week.name}/01",
        )
    return chosen
