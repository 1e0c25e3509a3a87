"""From the texts of the form to a job's settings, or to what is wrong with each of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ysnakes_core.errors import UsageError, YsnakesError
from ysnakes_core.synthesis.job_opening import (
    BUILTIN,
    MAX_CONCURRENCY,
    OLLAMA,
    new_settings,
    with_recipes,
)
from ysnakes_core.synthesis.job_state import MAX_COUNT, JobSettings, StoredJob
from ysnakes_core.synthesis.kinds import load_kinds
from ysnakes_core.synthesis.library import open_library
from ysnakes_core.synthesis.ollama_hosts import chosen_hosts
from ysnakes_core.synthesis.ollama_teacher import DEFAULT_CONCURRENCY, DEFAULT_MODEL
from ysnakes_tui.cli_data_generate import MAX_SEED
from ysnakes_tui.cli_data_kinds import BUILTIN_KINDS
from ysnakes_tui.data.job_hints import in_the_app

USUAL_COUNTS = {
    OLLAMA: dict.fromkeys(
        ("blog", "wiki", "scripts", "sentences", "synonyms", "stories"), "100"
    ),  # those that Why Snakes began with
    BUILTIN: dict.fromkeys(BUILTIN_KINDS, "200"),
}
_COUNT = re.compile(r"([0-9][0-9_,]{0,11})(k?)")
_MAX_HOSTS = 64

# What is said about each field.
HELP = {
    "teacher": "A model in Ollama, or the built-in grammar: ← → for the other.",
    "model": "A model that Ollama has, or can get. Empty: {model}.",
    "hosts": "HOST:PORT of Ollama; commas between several. Empty: {host}.",
    "concurrency": "Requests at a time on each machine; OLLAMA_NUM_PARALLEL should be as many.",
    "seed": "A number that decides what is asked for. Empty: another one for each job.",
    "curate": "What the rules do with text as it comes in: ← → for the other.",
    "all": "A number for every kind at once.",
    "start": "It writes while you do other things here. What is finished is kept.",
    "pull": "Ollama gets the model; that may be some gigabytes.",
}


@dataclass(frozen=True)
class JobFormValues:
    """What stands in the form; an empty text asks for what is usual. ``counts``: a text for each kind."""

    teacher: str = OLLAMA
    model: str = ""
    hosts: str = ""
    concurrency: str = ""
    seed: str = ""
    curate: bool = True
    counts: Mapping[str, str] = field(default_factory=dict)

    @property
    def model_or_usual(self) -> str:
        return self.model or DEFAULT_MODEL

    @property
    def host_list(self) -> list[str]:
        return [host.strip() for host in self.hosts.split(",") if host.strip()]


@dataclass(frozen=True)
class CheckedJob:
    """``settings`` is None where a field is bad; ``errors`` has a sentence for each bad field.

    A kind's count is the field ``count-<kind>``, the lack of any ``counts``. Where the form names no seed,
    the one in ``settings`` is to be replaced.
    """

    values: JobFormValues
    settings: JobSettings | None
    errors: Mapping[str, str] = field(default_factory=dict)


def count_of(text: str) -> int | None:
    """``500``, ``1,000`` or ``5k`` as a number; None if it is none or out of range. Empty is 0."""
    if not text.strip():
        return 0
    match = _COUNT.fullmatch(text.strip())
    if match is None:
        return None
    number = int(re.sub("[_,]", "", match[1])) * (1000 if match[2] else 1)
    return number if number <= MAX_COUNT else None


def check(values: JobFormValues) -> CheckedJob:
    """Look at all fields. Reads the user's own kinds; raises nothing for what it finds."""
    errors: dict[str, str] = {}
    goals: list[tuple[str, int]] = []
    for kind, text in values.counts.items():
        number = count_of(text)
        if number is None:
            errors[f"count-{kind}"] = f"Give a number of records up to {MAX_COUNT:,}, like 500 or 5k."
        elif number:
            goals.append((kind, number))
    if not goals and not errors:
        errors["counts"] = "Give a number of records for one kind at least."
    concurrency = _number(values.concurrency, DEFAULT_CONCURRENCY, 1, MAX_CONCURRENCY)
    if concurrency is None:
        errors["concurrency"] = f"Give a number from 1 to {MAX_CONCURRENCY}."
    seed = _number(values.seed, 0, 0, MAX_SEED)
    if seed is None:
        errors["seed"] = f"Give a number from 0 to {MAX_SEED}."
    uses_ollama = values.teacher == OLLAMA
    if uses_ollama and (wrong := hosts_problem(values.host_list)):
        errors["hosts"] = wrong
    settings = None
    if not errors:
        try:
            settings = new_settings(
                goals,
                values.teacher,
                model=values.model_or_usual if uses_ollama else "",
                hosts=values.host_list if uses_ollama else (),
                concurrency=concurrency or 1,
                seed=seed or 0,
                kinds=load_kinds() if uses_ollama else None,
            )
        except YsnakesError as error:
            errors["counts"] = sentence(str(error))
    return CheckedJob(values, settings, errors)


def hosts_problem(hosts: list[str]) -> str:
    """Why these cannot be asked, in a sentence; "" if they can."""
    if len(hosts) > _MAX_HOSTS:
        return f"There can be {_MAX_HOSTS} machines at most."
    try:
        chosen_hosts(hosts)
    except UsageError as error:
        return sentence(f"{error.what}; {in_the_app(error.hint)}")
    return ""


def create(folder: Path, checked: CheckedJob) -> StoredJob:
    """Make the job in the library of ``folder``. Raises ``YsnakesError``."""
    if checked.settings is None:
        raise YsnakesError(next(iter(checked.errors.values())))
    settings = checked.settings
    with open_library(folder) as library:
        if not checked.values.seed:
            # Each job asks for other things than those before.
            settings = with_recipes(replace(settings, seed=library.jobs.next_number()))
        return library.jobs.create(settings)


def _number(text: str, usual: int, least: int, most: int) -> int | None:
    """What is usual if there is no text; None if it is no number from ``least`` to ``most``."""
    if not text:
        return usual
    if not re.fullmatch(r"[0-9]{1,19}", text):
        return None
    number = int(text)
    return number if least <= number <= most else None


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
