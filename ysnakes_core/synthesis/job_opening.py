"""From what a person asks for to a job that can run: its settings, its requests, its teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ysnakes_core.errors import UsageError
from ysnakes_core.files import printable, try_lock
from ysnakes_core.synthesis.builtin import KINDS as BUILTIN_KINDS
from ysnakes_core.synthesis.builtin_teacher import NAME, BuiltinPlan, BuiltinTeacher
from ysnakes_core.synthesis.job import lock_path
from ysnakes_core.synthesis.job_schedule import Plan
from ysnakes_core.synthesis.job_state import MAX_COUNT, Goal, JobSettings, StoredJob
from ysnakes_core.synthesis.kinds import load_kinds
from ysnakes_core.synthesis.requests import RequestPlan
from ysnakes_core.synthesis.teachers import Teacher

if TYPE_CHECKING:
    from ysnakes_core.synthesis.kinds import Kind
    from ysnakes_core.synthesis.library import Library

OLLAMA, BUILTIN = "ollama", NAME
TEACHERS = (OLLAMA, BUILTIN)
MAX_CONCURRENCY = 256


def kind_names(teacher: str, kinds: Mapping[str, Kind] | None = None) -> list[str]:
    """The kinds that a teacher can be asked for."""
    return list(BUILTIN_KINDS) if teacher == BUILTIN else list(load_kinds() if kinds is None else kinds)


def all_kind_names() -> list[str]:
    """Every kind that any teacher writes."""
    return list(dict.fromkeys([*load_kinds(), *BUILTIN_KINDS]))


def new_settings(
    goals: Sequence[tuple[str, int]],
    teacher: str,
    *,
    model: str = "",
    hosts: Sequence[str] = (),
    concurrency: int = 1,
    seed: int = 0,
    options: Mapping[str, float | int] | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> JobSettings:
    """Settings of a new job. Raises ``UsageError`` for a kind, count or teacher that there is not."""
    if teacher not in TEACHERS:
        raise UsageError(
            f"there is no teacher “{printable(teacher, 40)}”", f"choose one of: {', '.join(TEACHERS)}"
        )
    known = kind_names(teacher, kinds)
    if not goals:
        raise UsageError("no kind of record was named", f"name one or more of: {', '.join(known)}")
    for kind, count in goals:
        if kind not in known:
            whose = "the built-in teacher has no kind" if teacher == BUILTIN else "there is no kind"
            raise UsageError(f"{whose} “{printable(kind, 40)}”", f"choose from: {', '.join(known)}")
        if not 0 < count <= MAX_COUNT:
            raise UsageError(
                f"{count} is no number of records", f"give {kind}:N with N from 1 to {MAX_COUNT:,}"
            )
    if len({kind for kind, _ in goals}) < len(goals):
        raise UsageError("a kind is named twice", "name each kind once, with the count of all of it")
    settings = JobSettings(
        tuple(Goal(kind, count) for kind, count in goals),
        teacher,
        model,
        tuple(hosts),
        checked_concurrency(concurrency),
        seed,
        dict(options or {}),
    )
    return with_recipes(settings, kinds)


def checked_concurrency(concurrency: int) -> int:
    """Raises ``UsageError`` where no machine is to be sent so many requests at a time."""
    if not 1 <= concurrency <= MAX_CONCURRENCY:
        raise UsageError(
            f"a concurrency of {concurrency} cannot be", f"give --concurrency 1 to {MAX_CONCURRENCY}"
        )
    return concurrency


def with_recipes(settings: JobSettings, kinds: Mapping[str, Kind] | None = None) -> JobSettings:
    """The settings with what tells later whether the kinds' requests are still the same."""
    plans = plans_for(settings, kinds)
    goals = tuple(replace(goal, recipe=recipe(plans[goal.kind])) for goal in settings.goals)
    return replace(settings, goals=goals)


def plans_for(settings: JobSettings, kinds: Mapping[str, Kind] | None = None) -> dict[str, Plan]:
    """The requests of every kind of a job. Raises ``UsageError`` for a kind that there is no more."""
    if settings.teacher == BUILTIN:
        return {goal.kind: BuiltinPlan(goal.kind, settings.seed) for goal in settings.goals}
    known = load_kinds() if kinds is None else kinds
    missing = [goal.kind for goal in settings.goals if goal.kind not in known]
    if missing:
        raise UsageError(
            f"the kind “{printable(missing[0], 40)}” of this job is not there any more",
            "put its file back into the folder that `ysnakes data kinds` names",
        )
    return {goal.kind: RequestPlan(known[goal.kind], settings.seed) for goal in settings.goals}


def recipe(plan: Plan) -> str:
    """A few letters that change when what a kind asks for does."""
    return plan.request(0).key[:12] + plan.request(997).key[:12]


def changed_kinds(settings: JobSettings, plans: Mapping[str, Plan]) -> list[str]:
    """Kinds whose requests are others now than when the job began. What is there stays; the rest is new."""
    return [goal.kind for goal in settings.goals if goal.recipe and goal.recipe != recipe(plans[goal.kind])]


def teacher_for(settings: JobSettings) -> Teacher:
    """Raises ``UsageError`` for an address that is none."""
    if settings.teacher == BUILTIN:
        return BuiltinTeacher()
    from ysnakes_core.synthesis.ollama_teacher import OllamaTeacher  # takes a while to load

    return OllamaTeacher(settings.model, settings.hosts, settings.concurrency)


def is_running(library: Library, job: StoredJob) -> bool:
    """Whether a process is at this job now."""
    lock = try_lock(lock_path(library, job))
    if lock is None:
        return True
    lock.release()
    return False
