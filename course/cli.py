"""The `course` command: words in, one call out. Nothing is decided here."""

import functools
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from course.errors import CourseError

LEARN, AUTHOR = "The learner's loop", "Authors and instructors"

app = typer.Typer(
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Six weeks of notebooks, graded on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

Target = Annotated[str, typer.Argument(metavar="WEEK[/NN]", show_default=False)]
OptionalTarget = Annotated[
    str | None, typer.Argument(metavar="WEEK[/NN]", show_default=False)
]


def fail(error: Exception) -> typer.Exit:
    """Print what is wrong and what to type, and return the exit to raise."""
    if not isinstance(error, CourseError):
        again = " ".join(["course", *sys.argv[1:]])
        error = CourseError(
            f"The course itself failed. {type(error).__name__}: {error}",
            cure=f"COURSE_DEBUG=1 {again}   shows where; please report it",
        )
    typer.secho(error.message, fg="red", err=True)
    if error.cure:
        typer.echo(f"  try: {error.cure}", err=True)
    return typer.Exit(1)


def command(panel: str, *, stopped: str = "Stopped. Nothing was changed.", **options):
    """Register a command; `stopped` says, after Ctrl-C, what state things are in."""

    def register(function):
        @functools.wraps(function)
        def guarded(*args, **kwargs):
            try:
                return function(*args, **kwargs)
            except KeyboardInterrupt:
                typer.secho(f"\n{stopped}", fg="yellow", err=True)
                raise typer.Exit(130) from None
            except (typer.Exit, typer.Abort):
                raise
            except Exception as error:
                if os.environ.get("COURSE_DEBUG"):
                    raise
                raise fail(error) from None

        app.command(rich_help_panel=panel, **options)(guarded)
        return function

    return register


@command(
    LEARN,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def lab(
    context: typer.Context,
    instructor: Annotated[
        bool, typer.Option("--instructor", help="Show every room, and formgrader.")
    ] = False,
):
    """Prepare work/ and open JupyterLab on the home page.

    Other options (--port, --no-browser, …) go to JupyterLab.
    """
    from course.grading import gradebook, submit
    from course.ops import lab

    submit.start()
    gradebook.ensure(say=typer.echo)
    lab.open_lab(context.args, instructor=instructor)


@command(
    LEARN,
    stopped="Stopped. Each notebook already in work/ is whole; the rest can follow.",
)
def start(
    week: OptionalTarget = None,
    new: Annotated[
        bool, typer.Option("--new", help="Put a newer release beside your copy.")
    ] = False,
):
    """Copy released notebooks to work/, never over one that is there."""
    from course.grading import submit
    from course.ops import lab

    for started in submit.start(week, new=new):
        typer.echo(started)
    lab.write_home()


@command(
    LEARN,
    stopped="Stopped. Your work is as it was; what was graded before stays graded.",
)
def grade(
    target: Target,
    student: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Whose work this is.")
    ] = "me",
    work: Annotated[
        Path | None,
        typer.Option(help="Grade the notebooks of this folder instead of work/."),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show nbgrader's own log too.")
    ] = False,
):
    """Grade a week, or one notebook of it, with the hidden tests."""
    from course.grading import autograde
    from course.ops import lab

    result = autograde.grade(target, student, work=work, verbose=verbose)
    lab.write_home()
    raise typer.Exit(0 if result.graded else 1)


@command(LEARN)
def check(
    target: Target,
    exercise: Annotated[str | None, typer.Argument(show_default=False)] = None,
    hidden: Annotated[
        bool, typer.Option("--hidden", help="Run the hidden tests too.")
    ] = False,
):
    """Show every failure of one exercise (e1, e2, …), or of all of them."""
    from course.grading import trial

    raise typer.Exit(trial.check_command(target, exercise, hidden=hidden))


@command(LEARN)
def home():
    """Write home.md, the page that JupyterLab opens on."""
    from course.ops import lab

    typer.echo(lab.write_home())


@command(LEARN)
def doctor():
    """Say what is missing on this machine, and what to type about it."""
    from course.ops import doctor

    raise typer.Exit(doctor.report())


@command(
    AUTHOR,
    stopped="Stopped. source/ and release/ may be half built: course build",
)
def build(
    week: OptionalTarget = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether anything is stale.")
    ] = False,
):
    """Build source/ and release/ from the lesson scripts."""
    from course.ops.build import build

    report = build(week, check=check)
    typer.echo(report)
    raise typer.Exit(0 if report.ok else 1)


@command(AUTHOR)
def lint(target: OptionalTarget = None):
    """Check the rules of a notebook that a program can judge."""
    from course.ops.lint import lint

    findings = lint(target)
    for finding in findings:
        typer.echo(finding)
    typer.echo(f"lint: {len(findings)} to change")
    raise typer.Exit(1 if findings else 0)


@command(AUTHOR)
def adopt(notebook: Path):
    """Bring an edit made in JupyterLab to source/ back into its lesson script."""
    from course.ops.adopt import adopt

    typer.echo(adopt(notebook))


@command(AUTHOR, stopped="Stopped. What was proved before stays proved.")
def audit(
    target: OptionalTarget = None,
    every: Annotated[
        bool, typer.Option("--all", help="Prove every notebook in full.")
    ] = False,
    load: Annotated[
        int, typer.Option(metavar="N", help="Grade the reference N times under load.")
    ] = 0,
):
    """Prove the graders: wrong answers fail, right ones pass, mutants die."""
    from course.ops.audit import audit

    raise typer.Exit(audit(target, everything=every, load=load))


@command(
    AUTHOR,
    stopped="Stopped. Who was graded stays graded; type the same again for the rest.",
)
def autograde(
    week: Target,
    students: Annotated[
        str, typer.Option(metavar="A,B", help="Only these, instead of all.")
    ] = "",
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", help="Submissions at once; else two a processor."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Grade unchanged submissions again.")
    ] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Run them with your rights, no sandbox.")
    ] = False,
):
    """Grade what a class has put into submitted/, confined and in parallel."""
    from rich.console import Console

    from course.grading import batch

    console = Console(highlight=False)
    outcomes = batch.autograde(
        week,
        [name for name in students.split(",") if name],
        workers=workers,
        trust=trust,
        force=force,
        console=console,
    )
    batch.show(outcomes, console)
    raise typer.Exit(int(any(one.lost for one in outcomes)))


@command(AUTHOR)
def gradebook():
    """Build gradebook.db from source/ where it is missing."""
    from course.grading import gradebook

    typer.echo(gradebook.ensure())


def main() -> None:
    """Run the command line."""
    app()
