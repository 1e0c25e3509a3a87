"""Which library, and which of its records: the options that the commands over the library share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ysnakes_tui.formats import table
from ysnakes_tui.output import one_line, shown

if TYPE_CHECKING:
    from ysnakes_core.synthesis.library import Library
    from ysnakes_core.synthesis.library_records import Decision, Record, RecordFilter

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="The folder of the library.", show_default=False),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--kind", metavar="KIND", help="Only of this kind; may be repeated.", show_default=False),
]
Decisions = Annotated[
    list[str] | None,
    typer.Option(
        "--decision",
        metavar="NAME",
        help="Only pending, accepted, edited or rejected; may be repeated.",
        show_default=False,
    ),
]
Teachers = Annotated[
    list[str] | None,
    typer.Option(
        "--teacher", metavar="NAME", help="Only of this teacher; may be repeated.", show_default=False
    ),
]
FoundBy = Annotated[
    list[str] | None,
    typer.Option(
        "--rule", metavar="ID", help="Only what this rule found; may be repeated.", show_default=False
    ),
]
Flagged = Annotated[
    bool | None,
    typer.Option(
        "--flagged/--clean", help="Only what some rule found, or what none did.", show_default=False
    ),
]
OfJob = Annotated[
    str | None, typer.Option("--job", metavar="NAME", help="Only of this job.", show_default=False)
]
_PREVIEW = 70


@dataclass(frozen=True)
class Chosen:
    """What was given of the options above, and the words to look for."""

    kinds: Sequence[str] | None = None
    decisions: Sequence[str] | None = None
    teachers: Sequence[str] | None = None
    rules: Sequence[str] | None = None
    flagged: bool | None = None
    job: str | None = None
    text: str | None = None

    @property
    def nothing(self) -> bool:
        """Whether none was given."""
        return self == Chosen()

    def asked(self, library: Library) -> RecordFilter:
        """The filter. Raises ``UsageError`` for a decision or a job that there is not."""
        from ysnakes_core.synthesis.library_records import RecordFilter

        return RecordFilter(
            kinds=tuple(self.kinds or ()),
            teachers=tuple(self.teachers or ()),
            decisions=decisions_of(self.decisions),
            rules=tuple(self.rules or ()),
            flagged=self.flagged,
            job=None if self.job is None else library.jobs.get(self.job).id,
            text=self.text or "",
        )


def existing_library(data_dir: Path | None) -> Library:
    """The library, which must be there. Raises ``UsageError``."""
    from ysnakes_core import paths
    from ysnakes_core.errors import UsageError
    from ysnakes_core.synthesis.library import FILE_NAME, open_library

    folder = paths.data_dir(data_dir)
    if not (folder / FILE_NAME).exists():
        raise UsageError(
            f"there is no library in {folder} yet",
            "make one with: ysnakes data generate KIND, or: ysnakes data import PATH",
        )
    return open_library(folder)


def decisions_of(given: Sequence[str] | None) -> tuple[Decision, ...]:
    """The decisions that were named. Raises ``UsageError`` for one that there is not."""
    from ysnakes_core.errors import UsageError
    from ysnakes_core.synthesis.library_records import DECISIONS

    for name in given or ():
        if name not in DECISIONS:
            raise UsageError(
                f"there is no decision “{shown(name, 40)}”", f"choose from: {', '.join(DECISIONS)}"
            )
    return tuple(decision for decision in DECISIONS if decision in (given or ()))


def record_table(records: Sequence[Record]) -> list[str]:
    """Records, one a line, with the beginnings of their texts."""
    rows = [("id", "kind", "decision", "request", "answer")]
    for record in records:
        texts = (one_line(record.request, _PREVIEW), one_line(record.answer, _PREVIEW))
        rows.append((str(record.id), shown(record.kind, 20), record.decision, *texts))
    return table(rows, right=(0,))


def number_of(records: int) -> str:
    """``1 record``, ``2,000 records``."""
    return f"{records:,} record{'' if records == 1 else 's'}"
