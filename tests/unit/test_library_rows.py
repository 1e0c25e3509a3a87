"""All ids of a library at once, lines for a list of records, and whether somebody else changed the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ysnakes_core.synthesis.library import Library, open_library
from ysnakes_core.synthesis.library_records import EVERYTHING, NewRecord, RecordFilter
from ysnakes_core.synthesis.library_rows import BEGINNING, Row


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path) as opened:
        yield opened


def add(library: Library, count: int, **more: object) -> list[int]:
    values: dict[str, object] = {"kind": "wiki", "teacher": "llama3.1", "request": "Say something."} | more
    made = [NewRecord(answer=f"Snake number {n} sleeps.", key=str(n), **values) for n in range(count)]  # type: ignore[arg-type]
    return [identity for identity in library.add(made) if identity is not None]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize(
    "asked",
    [
        EVERYTHING,
        RecordFilter(kinds=("blog",)),
        RecordFilter(text="snake 7"),
        RecordFilter(flagged=True, decisions=("pending",)),
        RecordFilter(text="no such words"),
    ],
)
def test_the_array_has_what_a_list_of_ids_has(
    library: Library, asked: RecordFilter, newest_first: bool
) -> None:
    add(library, 30)
    add(library, 30, kind="blog", checks=[{"rule": "note"}])
    assert library.id_array(asked, newest_first=newest_first).tolist() == library.ids(
        asked, newest_first=newest_first
    )


def test_a_row_says_what_a_line_needs(library: Library) -> None:
    [identity] = add(
        library,
        1,
        request="What? " * 200,
        checks=[{"rule": "note"}, {"rule": "note"}, {"rule": "loop"}],
        original="As it was.",
    )
    assert library.rows([identity]) == [
        Row(identity, "wiki", "llama3.1", "pending", 4, 2, True, ("What? " * 200)[:BEGINNING])
    ]
    library.decide(identity, "rejected")
    assert library.rows([identity])[0].decision == "rejected"


def test_rows_of_very_many_and_of_some_that_are_not_there(library: Library) -> None:
    identities = add(library, 1200)
    assert {row.id for row in library.rows([*identities, 99_999])} == set(identities)
    assert library.rows([]) == []


def test_the_version_changes_when_another_changes_the_file(library: Library) -> None:
    before = library.version()
    add(library, 1)
    assert library.version() == before  # its own change
    with Library(library.path) as other:
        add(other, 1, kind="blog")
    assert library.version() != before


def test_texts_come_in_pages_in_the_order_they_came(library: Library) -> None:
    identities = add(library, 5)
    pages, after = [], 0
    while page := library.texts(2, after):
        pages.append([each[0] for each in page])
        after = page[-1][0]
    assert pages == [identities[:2], identities[2:4], identities[4:]]
    assert library.texts(1) == [(identities[0], "Say something.", "Snake number 0 sleeps.")]


def test_repeats_are_records_that_say_what_another_says(library: Library) -> None:
    assert library.repeats() == 0
    add(library, 3)
    add(library, 2, kind="blog")  # the same texts as two of those
    assert library.repeats() == 2
