"""From the texts of the form to a run's configuration, or to what is wrong with each of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ysnakes_core.configuration import BUDGETS, EarlyStoppingConfig, RunConfig, TrainingConfig
from ysnakes_core.errors import UsageError, YsnakesError
from ysnakes_core.files import printable, safe_name
from ysnakes_core.settings import describe
from ysnakes_core.training.stages import parse_stages
from ysnakes_tui.new_run import Request, new_config
from ysnakes_tui.user_settings import starting_config

# What is taken where a unit is chosen but no amount is given.
USUAL_AMOUNTS = {"minutes": "5", "steps": "1000", "tokens": "1M", "epochs": "1"}
EXAMPLE_STAGES = "64x32@1.0,128x16@0.5,192"

# The rows of the form, and what is said about each of its fields.
FIELDS = {
    "data": "text",
    "name": "name",
    "preset": "size",
    "amount": "train for",
    "length": "length",
    "batch": "batch",
    "seed": "seed",
    "patience": "stop early",
}
HELP = {
    "data": "Files and folders to train on, with commas between them. Empty: the text that comes with it.",
    "name": "What the run is called. Empty: it gets a friendly name.",
    "preset": "How large the model is: ← → for others.",
    "amount": "How much to train in all. 20k and 3M are numbers, too.",
    "unit": "What is counted: minutes, steps, tokens, or epochs (passes over the text). ← → for others.",
    "length": f"Tokens a sequence, or stages of growing length: auto, or like {EXAMPLE_STAGES}.",
    "batch": "Sequences a step, or auto. It is cut to fit the memory.",
    "seed": "A number; the same one gives the same run.",
    "early_stopping": "End the run when validation no longer gets better: ← → for on or off.",
    "patience": "How many validations may pass without getting better.",
    "start": "It trains in the background: leave whenever you like, it goes on.",
}


@dataclass(frozen=True)
class FormValues:
    """What stands in the form; an empty text asks for what is usual.

    ``unit`` and ``early_stopping`` (``on`` or ``off``) are empty as long as nobody chose them.
    """

    data: str = ""
    name: str = ""
    preset: str = ""
    amount: str = ""
    unit: str = ""
    length: str = ""
    batch: str = ""
    seed: str = ""
    early_stopping: str = ""
    patience: str = ""


@dataclass(frozen=True)
class Checked:
    """``config`` is None where a field is bad; ``errors`` has a sentence for each bad field.

    ``usual`` is what holds for this preset where the form says nothing.
    """

    values: FormValues
    usual: RunConfig | None
    config: RunConfig | None
    errors: dict[str, str] = field(default_factory=dict)


def check(values: FormValues, runs_folder: Path) -> Checked:
    """Look at all fields. Reads the disk (settings, paths, names); raises nothing for what it finds."""
    errors: dict[str, str] = {}
    try:
        usual = starting_config(values.preset or None)
    except YsnakesError as error:
        return Checked(values, None, None, {"preset": _sentence(error.what)})
    paths = _paths(values.data)
    for path in paths:
        if not _exists(path):
            errors.setdefault("data", f"There is no file or folder {printable(str(path), 120)}.")
    if values.name and (wrong := name_problem(values.name, runs_folder)):
        errors["name"] = wrong
    unit = values.unit or unit_of(usual)
    amount = values.amount or ("" if not values.unit else amount_of(usual, unit))
    budget = {unit: amount} if amount else {}
    training: dict[str, str] = {}
    settings: list[str] = []
    if amount and not _is_positive(unit, amount):
        errors["amount"] = f"Give a number of {unit} above 0, like {USUAL_AMOUNTS[unit]}."
    if values.length:
        key, wrong = _length(values.length)
        training |= {"seq_len": values.length, "stages": ""} if key == "seq_len" else {key: values.length}
        if wrong:
            errors["length"] = wrong
    for key, text in (("batch_size", values.batch), ("seed", values.seed)):
        if text and not (key == "batch_size" and text.strip().lower() == "auto"):
            training[key] = text
            if wrong := _setting_problem(key, text):
                errors["batch" if key == "batch_size" else key] = wrong
    if values.batch.strip().lower() == "auto":
        training["batch_size"] = "0"
    if values.early_stopping:
        settings.append(f"early_stopping.enabled={values.early_stopping}")
    is_on = values.early_stopping != "off" if values.early_stopping else usual.early_stopping.enabled
    if values.patience and is_on:
        settings.append(f"early_stopping.patience={values.patience}")
        if wrong := _setting_problem("patience", values.patience):
            errors["patience"] = wrong
    config = None
    if not errors:
        try:
            config = new_config(values.preset or None, paths, Request(budget, training, tuple(settings)))
        except YsnakesError as error:
            errors["preset"] = _sentence(str(error))
    return Checked(values, usual, config, errors)


def unit_of(config: RunConfig) -> str:
    """The unit of the configuration's budget; minutes if it has none."""
    return next((unit for unit in BUDGETS if getattr(config.training, unit)), "minutes")


def amount_of(config: RunConfig, unit: str) -> str:
    """The configuration's budget in ``unit``, else what is usual."""
    amount = getattr(config.training, unit)
    return f"{amount:.15g}" if amount else USUAL_AMOUNTS[unit]


def name_problem(name: str, runs_folder: Path) -> str:
    """Why a new run cannot have that name, in a sentence; "" if it can."""
    try:
        safe_name(name)
    except YsnakesError as error:
        return _sentence(error.what)
    return "There is already a run of that name." if os.path.lexists(runs_folder / name) else ""


def _paths(text: str) -> list[Path]:
    """Files and folders, separated by commas; a single one may have commas in it."""
    text = text.strip()
    if not text:
        return []
    whole = Path(text).expanduser()
    if "," in text and _exists(whole):
        return [whole]
    return [Path(part.strip()).expanduser() for part in text.split(",") if part.strip()]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _length(text: str) -> tuple[str, str]:
    """The setting that the text of the length is for, and what is wrong with it."""
    bare = text.strip()
    if bare == "auto" or "," in bare or "x" in bare or "@" in bare:
        try:
            parse_stages(bare, 256, 8)
        except UsageError:
            return "stages", f"Write stages as auto or like {EXAMPLE_STAGES}."
        return "stages", ""
    return "seq_len", _setting_problem("seq_len", text, f", or stages: auto, {EXAMPLE_STAGES}")


def _setting_problem(key: str, text: str, also: str = "") -> str:
    kind = EarlyStoppingConfig if key == "patience" else TrainingConfig
    entry = describe("early_stopping" if key == "patience" else "training", kind)[key]
    try:
        entry.parse(text)
    except UsageError:
        return f"Give {entry.allowed}{also}."
    return ""


def _is_positive(unit: str, text: str) -> bool:
    try:
        return bool(describe("training", TrainingConfig)[unit].parse(text))
    except UsageError:
        return False


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
