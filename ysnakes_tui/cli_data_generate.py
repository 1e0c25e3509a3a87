"""``ysnakes data generate`` and ``data jobs``: from the command line to a job, and off it goes."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ysnakes_tui.cli_data_filters import DataDir, existing_library
from ysnakes_tui.failures import guarded
from ysnakes_tui.formats import age, table
from ysnakes_tui.options import AsJson
from ysnakes_tui.output import put, put_json, say, shown

if TYPE_CHECKING:
    from ysnakes_core.synthesis.job_state import JobSettings, StoredJob
    from ysnakes_core.synthesis.library import Library

_GOAL = re.compile(r"([^:]+)(?::([0-9][0-9_,]*)(k?))?")
DEFAULT_COUNT = 100
DEFAULT_MODEL = "llama3.1"
DEFAULT_CONCURRENCY = 4
MAX_SEED = 2**63 - 1


def register(app: typer.Typer) -> None:
    app.command("generate")(generate)
    app.command("jobs")(jobs)


@guarded
def generate(
    kinds: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KIND[:COUNT]…", help="What to write; with --resume: the job.", show_default=False
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="ollama or builtin.  [default: ollama]", show_default=False),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help=f"The model in Ollama.  [default: {DEFAULT_MODEL}]", show_default=False
        ),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where Ollama is; repeat it to use several machines.  [default: OLLAMA_HOST, or here]",
            show_default=False,
        ),
    ] = None,
    count: Annotated[
        int, typer.Option(metavar="N", help="Records of each kind without a COUNT.")
    ] = DEFAULT_COUNT,
    concurrency: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=f"Requests at a time on each machine.  [default: {DEFAULT_CONCURRENCY}]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Decides what is asked.  [default: new each time]", show_default=False
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=NUMBER",
            help="An option of Ollama's, for all kinds, like temperature=0.9; may be repeated.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a job: the one named, or the latest unfinished.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the new job.", show_default=False)
    ] = None,
    pull: Annotated[bool, typer.Option("--pull", help="Fetch the model first, where it is missing.")] = False,
    curate: Annotated[
        bool, typer.Option("--curate/--no-curate", help="Clean and reject what the rules say; or only flag.")
    ] = True,
    patience: Annotated[
        float, typer.Option(metavar="MINUTES", min=0, help="Wait so long for a server that went away.")
    ] = 5.0,
    data_dir: DataDir = None,
    json: Annotated[bool, typer.Option("--json", help="Print what happens, one JSON object a line.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the result and warnings.")] = False,
) -> int | None:
    """Write records with a teacher, into the library.

    Every finished record is kept at once. Ctrl+c ends it and says how to go on; `ysnakes data kinds` shows
    what can be written.
    """
    from ysnakes_core import paths
    from ysnakes_core.synthesis.library import open_library
    from ysnakes_tui.cli_data_session import GenerateSession

    with (existing_library if resume else open_library)(paths.data_dir(data_dir)) as library:
        if resume:
            given = {
                "--teacher": teacher,
                "--model": model,
                "--seed": seed,
                "--option": option,
                "--name": name,
            }
            job = _job_to_go_on(library, kinds or [], given, host, concurrency)
        else:
            settings = _settings(
                kinds or [], count, teacher, model, host or [], concurrency, seed, option or []
            )
            if seed is None:
                settings = _reseeded(settings, library.jobs.next_number())
            job = library.jobs.create(settings, _checked_name(name))
        session = GenerateSession(
            library, job, data_dir, fresh=not resume, curate=curate, json=json, quiet=quiet
        )
        return session.run(pull=pull, patience=60.0 * patience)


def _settings(
    named: Sequence[str],
    count: int,
    teacher: str | None,
    model: str | None,
    hosts: Sequence[str],
    concurrency: int | None,
    seed: int | None,
    options: Sequence[str],
) -> JobSettings:
    from ysnakes_core.errors import UsageError
    from ysnakes_core.synthesis.job_opening import BUILTIN, OLLAMA, new_settings

    teacher = teacher or OLLAMA
    if teacher == BUILTIN:
        for option, given in (("--model", model), ("--host", hosts), ("--option", options)):
            if given:
                raise UsageError(f"the built-in teacher has no {option}", "leave it out")
    if seed is not None and not 0 <= seed <= MAX_SEED:
        raise UsageError(f"--seed must be from 0 to {MAX_SEED}, not {seed}")
    return new_settings(
        [_goal(text, count) for text in named],
        teacher,
        model=(model or DEFAULT_MODEL) if teacher == OLLAMA else "",
        hosts=hosts,
        concurrency=concurrency or (DEFAULT_CONCURRENCY if concurrency is None else 0),
        seed=seed or 0,
        options=dict(_option(text) for text in options),
    )


def _reseeded(settings: JobSettings, seed: int) -> JobSettings:
    """The same with another seed: each job asks for other things than those before."""
    from dataclasses import replace

    from ysnakes_core.synthesis.job_opening import with_recipes

    return with_recipes(replace(settings, seed=seed))


def _goal(text: str, count: int) -> tuple[str, int]:
    """``blog``, ``blog:500`` or ``blog:5k``. Raises ``UsageError``."""
    from ysnakes_core.errors import UsageError

    match = _GOAL.fullmatch(text)
    if match is None:
        raise UsageError(f"“{shown(text, 60)}” is no kind with a count", "write it like blog or blog:500")
    kind, number, thousand = match.groups()
    if number is None:
        return kind, count
    return kind, int(number.replace("_", "").replace(",", "")[:12]) * (1000 if thousand else 1)


def _option(text: str) -> tuple[str, float | int]:
    """``temperature=0.9``. Raises ``UsageError``."""
    from ysnakes_core.errors import UsageError

    name, equals, value = text.partition("=")
    try:
        if not equals or not name.isidentifier() or name == "seed":
            raise ValueError
        number = int(value) if re.fullmatch(r"-?\d{1,12}", value.strip()) else float(value)
        if not abs(number) < 1e12:
            raise ValueError
    except ValueError as error:
        raise UsageError(
            f"“{shown(text, 60)}” is no option with a number", "write it like --option temperature=0.9"
        ) from error
    return name, number


def _checked_name(name: str | None) -> str | None:
    from ysnakes_core.files import safe_name

    return None if name is None else safe_name(name)


def _job_to_go_on(
    library: Library,
    named: Sequence[str],
    fixed: Mapping[str, object],
    hosts: Sequence[str] | None,
    concurrency: int | None,
) -> StoredJob:
    """The job to go on with, its machines changed as asked for."""
    from dataclasses import replace

    from ysnakes_core.errors import UsageError

    given = next((option for option, value in fixed.items() if value is not None), None)
    if given is not None:
        raise UsageError(
            f"a job that is gone on with keeps its own settings, so {given} cannot be given",
            "leave it out, or start a new job without --resume",
        )
    if len(named) > 1:
        raise UsageError("--resume takes one job", "name one, or none for the latest unfinished one")
    job = library.jobs.get(named[0]) if named else library.jobs.latest_unfinished()
    if job is None:
        raise UsageError("there is no unfinished job", "see them with: ysnakes data jobs")
    settings = job.settings
    if hosts:
        settings = replace(settings, hosts=tuple(hosts))
    if concurrency is not None:
        from ysnakes_core.synthesis.job_opening import checked_concurrency

        settings = replace(settings, concurrency=checked_concurrency(concurrency))
    if settings != job.settings:
        library.jobs.set_settings(job.id, settings)
    return library.jobs.get(job.name)


@guarded
def jobs(data_dir: DataDir = None, json: AsJson = False) -> int | None:
    """List the jobs, the newest first: how far each is, and what became of it."""
    from ysnakes_core.synthesis.job_opening import is_running

    now = time.time()
    rows = [("job", "status", "written", "failed", "teacher", "kinds", "last alive")]
    with existing_library(data_dir) as library:
        for job in library.jobs.all():
            status = job.status
            if status in ("running", "new") and not is_running(library, job):
                status = "interrupted"  # its process is gone
            settings = job.settings
            if json:
                put_json(
                    {
                        "name": job.name,
                        "status": status,
                        "message": job.message,
                        "written": job.written,
                        "wanted": settings.wanted,
                        "failed": job.failed,
                        "teacher": settings.teacher,
                        "model": settings.model,
                        "seed": settings.seed,
                        "kinds": {
                            goal.kind: {"wanted": goal.count, "written": job.done.get(goal.kind, 0)}
                            for goal in settings.goals
                        },
                        "updated": job.updated,
                    }
                )
                continue
            rows.append(
                (
                    shown(job.name, 40),
                    status,
                    f"{job.written:,} of {settings.wanted:,}",
                    f"{job.failed:,}" if job.failed else "–",
                    shown(settings.model or settings.teacher, 30),
                    shown(", ".join(goal.kind for goal in settings.goals), 40),
                    age(now - job.updated),
                )
            )
    if json:
        return None
    if len(rows) == 1:
        say("there are no jobs yet; start one with: ysnakes data generate KIND")
        return None
    for line in table(rows, right=(2, 3)):
        put(line)
    return None
