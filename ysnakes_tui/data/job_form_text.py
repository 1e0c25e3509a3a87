"""What the form of a new job says about the teacher and about what there will be."""

from __future__ import annotations

from rich.text import Text

from ysnakes_core.files import printable
from ysnakes_tui.data.job_form_check import sentence
from ysnakes_tui.data.job_hints import in_the_app
from ysnakes_tui.data.job_server import ServerFound
from ysnakes_tui.formats import size

_MOST_MODELS = 8


def builtin_text(*, ascii: bool) -> Text:
    return Text.assemble(
        (f"{_good(ascii)} always there\n", "bold"),
        "Small, correct texts, any number of them, in no time: to see how all works, or to begin with.",
    )


def asking_text(where: str) -> Text:
    return Text(f"asking {printable(where, 100)}…", "dim italic")


def server_text(found: ServerFound, model: str, *, pull_key: str, copy_key: str, ascii: bool) -> Text:
    """Whether a job can begin, and if not, what to do. ``…_key``: "" if there is none."""
    text = Text()
    if found.facts is not None:
        version = f" (Ollama {printable(found.facts.version, 30)})" if found.facts.version else ""
        text.append(f"{_good(ascii)} {printable(model, 60)} is there{version}\n", "bold")
        for note in found.facts.notes:
            text.append(f"! {printable(note, 300)}\n")
    elif found.error is not None:
        text.append(f"{_bad(ascii)} {sentence(printable(found.error.what, 300))}\n", "bold")
        if found.error.hint:
            text.append(f"{sentence(printable(in_the_app(found.error.hint), 300))}\n")
        if found.lacks_model and pull_key:
            text.append(f"{pull_key} gets it here. ", "bold")
        if copy_key:
            text.append(f"{copy_key} copies the command line.")
        if found.models:
            more = f" and {len(found.models) - _MOST_MODELS} more" if len(found.models) > _MOST_MODELS else ""
            text.append(f"\nThere are: {', '.join(found.models[:_MOST_MODELS])}{more}.", "dim")
    return text


def fetching_text(model: str) -> Text:
    return Text.assemble(
        (f"Ollama gets {printable(model, 60)}.\n", "bold"), "esc stops it; what it has it keeps."
    )


def pulling_text(what: str, done: int, total: int) -> str:
    """How far a model is fetched, for beside its meter."""
    return f"{size(done)} of {size(total)}" if total else printable(what, 40)


def total_text(records: int, kinds: int) -> Text:
    if not records:
        return Text("nothing yet", "dim italic")
    return Text.assemble(
        (f"{records:,}", "bold"),
        f" record{'' if records == 1 else 's'} of {kinds} kind{'' if kinds == 1 else 's'}",
    )


def _good(ascii: bool) -> str:
    return "+" if ascii else "✓"


def _bad(ascii: bool) -> str:
    return "x" if ascii else "✗"
