"""The library: what is kept, found, decided and taken back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.errors import UsageError
from ysnakes_core.synthesis.job_state import Goal, JobSettings
from ysnakes_core.synthesis.library import Library, open_library
from ysnakes_core.synthesis.library_records import EVERYTHING, NewRecord, RecordFilter
from ysnakes_core.synthesis.library_search import match_expression

SNAKE = "A green snake slept in the sun."
TURTLE = "The turtle carried its house up the hill."


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path / "data", now=iter(range(1000, 100_000)).__next__) as opened:
        yield opened


def a_record(answer: str = SNAKE, *, request: str = "Tell me something.", **more: object) -> NewRecord:
    values: dict[str, object] = {"kind": "stories", "teacher": "llama3.1", "key": answer} | more
    return NewRecord(request=request, answer=answer, **values)  # type: ignore[arg-type]


def add(library: Library, *records: NewRecord) -> list[int]:
    identities = library.add(records)
    assert None not in identities
    return [identity for identity in identities if identity is not None]


def found(library: Library, text: str, **more: object) -> list[str]:
    return [record.answer for record in library.records(RecordFilter(text=text, **more))]  # type: ignore[arg-type]


# Keeping.


def test_a_record_is_kept_with_all_that_is_known_of_it(library: Library) -> None:
    [identity] = add(
        library,
        a_record(
            prompt="Tell me something. In 20 words.",
            inputs={"topic": "sun"},
            options={"temperature": 0.9, "top_k": 40},
            model="llama3.1:8b",
            digest="abc",
            seed=7,
            tokens=9,
            seconds=1.5,
            checks=[{"rule": "note", "start": 0, "end": 3}],
            layout=("", "\n", "\r\n"),
            source="a.md",
        ),
    )
    record = library.record(identity)
    assert (record.request, record.answer, record.original) == ("Tell me something.", SNAKE, SNAKE)
    assert record.prompt == "Tell me something. In 20 words."
    assert (record.inputs, record.options) == ({"topic": "sun"}, {"temperature": 0.9, "top_k": 40})
    assert (record.model, record.digest, record.seed) == ("llama3.1:8b", "abc", 7)
    assert (record.tokens, record.seconds) == (9, 1.5)
    assert (record.words, record.decision, record.sequence) == (7, "pending", 0)
    assert record.checks == ({"rule": "note", "start": 0, "end": 3},)
    assert (record.layout, record.source) == (("", "\n", "\r\n"), "a.md")


def test_records_are_there_when_the_library_is_opened_again(library: Library) -> None:
    add(library, a_record(SNAKE), a_record(TURTLE))
    with Library(library.path) as again:
        assert [record.answer for record in again.records()] == [SNAKE, TURTLE]


def test_a_job_does_not_get_a_request_twice(library: Library) -> None:
    settings = JobSettings((Goal("stories", 2), Goal("poems", 2)), "builtin")
    one, other = library.jobs.create(settings), library.jobs.create(settings)
    assert library.add([a_record(SNAKE, key="k", job=one.id, request_index=0)]) == [1]
    assert library.add([a_record(TURTLE, key="k", job=one.id, request_index=1)]) == [None]
    assert library.add([a_record(TURTLE, key="new", job=one.id, request_index=0)]) == [None]
    assert library.add([a_record(TURTLE, key="k", job=other.id, request_index=0)]) == [2]
    assert library.jobs.get(one.name).done == {"stories": 1}


def test_all_records_of_one_call_are_kept_or_none(library: Library) -> None:
    with pytest.raises(UsageError):
        library.add([a_record(SNAKE), a_record("bad <end> marker")])
    assert library.count() == 0
    assert library.add([a_record(TURTLE)]) == [1]


def test_sequences_count_each_teacher_and_kind_for_itself(library: Library) -> None:
    add(library, a_record("1"), a_record("2", kind="blog"), a_record("3"), a_record("4", teacher="x"))
    assert [record.sequence for record in library.records()] == [0, 0, 1, 0]


def test_text_that_no_file_can_hold_is_made_to_fit(library: Library) -> None:
    [identity] = add(library, a_record("a\0b \ud800 c", key="k"))
    assert library.record(identity).answer == "ab \ufffd c"


@pytest.mark.parametrize("answer", ["", "  \n", "one <start> two", "one<end>"])
def test_an_answer_that_is_none_is_refused(library: Library, answer: str) -> None:
    with pytest.raises(UsageError):
        library.add([a_record(answer)])


# Finding.


def test_search_finds_words_in_request_and_answer(library: Library) -> None:
    add(library, a_record(SNAKE, request="About animals."), a_record(TURTLE))
    assert found(library, "snake") == [SNAKE]
    assert found(library, "ANIMALS sun") == [SNAKE]
    assert found(library, "snake turtle") == []
    assert found(library, '"house up"') == [TURTLE]
    assert found(library, '"up house"') == []


def test_the_last_word_may_be_unfinished(library: Library) -> None:
    add(library, a_record(SNAKE), a_record(TURTLE))
    assert found(library, "the tur") == [TURTLE]
    assert found(library, "the tur ") == []
    assert found(library, "hou the") == []


def test_search_follows_an_edit_and_its_undoing(library: Library) -> None:
    [identity] = add(library, a_record(SNAKE))
    library.edit(identity, TURTLE)
    assert (found(library, "snake"), found(library, "turtle")) == ([], [TURTLE])
    library.undo()
    assert (found(library, "snake"), found(library, "turtle")) == ([SNAKE], [])


@given(st.text(max_size=60))
def test_no_text_breaks_the_search(text: str) -> None:
    with_library = _shared()
    with_library.records(RecordFilter(text=text))
    assert with_library.count(RecordFilter(text=text)) <= 1
    match_expression(text).encode("utf-8", "replace")


_SHARED: list[Library] = []


def _shared() -> Library:
    """One library for all examples of a property."""
    if not _SHARED:
        import atexit
        import tempfile

        folder = tempfile.TemporaryDirectory()
        atexit.register(folder.cleanup)
        _SHARED.append(open_library(Path(folder.name)))
        _SHARED[0].add([a_record(SNAKE)])
        atexit.register(_SHARED[0].close)
    return _SHARED[0]


@pytest.mark.parametrize(
    "text", ['"', "NEAR(a b)", "request: snake", "a OR b", "*", "-snake", "snake*", "(", "snake AND"]
)
def test_search_text_is_never_an_operator(library: Library, text: str) -> None:
    add(library, a_record(SNAKE))
    assert isinstance(found(library, text), list)
    assert found(library, "turtle OR snake") == []


def test_pages_go_on_where_the_last_one_ended(library: Library) -> None:
    add(library, *(a_record(f"snake {number}") for number in range(7)))
    first = library.records(RecordFilter(text="snake"), limit=3)
    second = library.records(RecordFilter(text="snake"), limit=3, after=first[-1].id)
    assert [record.id for record in (*first, *second)] == [1, 2, 3, 4, 5, 6]
    newest = library.records(limit=2, newest_first=True)
    assert [record.id for record in newest] == [7, 6]
    assert [r.id for r in library.records(limit=2, after=6, newest_first=True)] == [5, 4]
    assert library.ids(newest_first=True) == [7, 6, 5, 4, 3, 2, 1]


def test_filters_hold_together(library: Library) -> None:
    add(
        library,
        a_record("snake 1", kind="blog", checks=[{"rule": "note"}, {"rule": "url"}, {"rule": "note"}]),
        a_record("snake 2", kind="blog", teacher="qwen"),
        a_record("snake 3", checks=[{"rule": "url"}]),
    )
    library.decide(3, "accepted")

    def ids(**asked: object) -> list[int]:
        return library.ids(RecordFilter(**asked))  # type: ignore[arg-type]

    assert ids(kinds=("blog",)) == [1, 2]
    assert ids(kinds=("blog", "stories"), teachers=("llama3.1",)) == [1, 3]
    assert ids(decisions=("accepted",)) == [3]
    assert ids(rules=("note",)) == [1]
    assert ids(rules=("note", "url")) == [1, 3]
    assert (ids(flagged=True), ids(flagged=False)) == ([1, 3], [2])
    assert ids(text="snake", kinds=("blog",), flagged=True) == [1]
    assert library.count(RecordFilter(text="snake", kinds=("blog",))) == 2
    assert library.count(RecordFilter(text="snake"), at_most=2) == 2
    assert library.count_by("rule") == {"note": 1, "url": 2}
    assert library.count_by("rule", RecordFilter(kinds=("blog",))) == {"note": 1, "url": 1}
    assert library.count_by("kind") == {"blog": 2, "stories": 1}
    assert library.count_by("decision", RecordFilter(text="snake")) == {"accepted": 1, "pending": 2}
    assert sum(tally.records for tally in library.tally()) == 3
    assert library.lengths(step=2) == {2: 3}


# Deciding, and taking back.


def test_undo_takes_everything_back_the_latest_first(library: Library) -> None:
    one, two = add(library, a_record(SNAKE, checks=[{"rule": "note"}]), a_record(TURTLE))
    before = [library.record(one), library.record(two)]
    library.decide(one, "accepted")
    library.edit(two, "The turtle sang.")
    library.edit(two, "The turtle danced.", checks=[{"rule": "loop"}])
    library.regenerate(one, "A red snake slept.", model="other", seed=3)
    library.decide([one, two], "rejected")
    assert library.record(two).original == TURTLE
    assert library.count_by("rule") == {"loop": 1}

    undone = [[(change.record, change.action) for change in library.undo()] for _ in range(6)]
    assert undone == [
        [(two, "rejected"), (one, "rejected")],
        [(one, "regenerated")],
        [(two, "edited")],
        [(two, "edited")],
        [(one, "accepted")],
        [],
    ]
    after = [library.record(one), library.record(two)]
    assert [vars(record) | {"changed": 0} for record in after] == [vars(r) | {"changed": 0} for r in before]
    assert library.count_by("rule") == {"note": 1}


def test_undo_of_one_record_leaves_the_others(library: Library) -> None:
    one, two = add(library, a_record(SNAKE), a_record(TURTLE))
    library.decide(one, "accepted")
    library.decide(two, "rejected")
    assert [change.record for change in library.undo(one)] == [one]
    assert (library.record(one).decision, library.record(two).decision) == ("pending", "rejected")
    assert library.undo(one) == []


def test_what_was_regenerated_stays_in_the_history(library: Library) -> None:
    [identity] = add(library, a_record(SNAKE))
    library.decide(identity, "rejected")
    library.regenerate(identity, "A better one.", model="m", digest="d", options={"top_k": 3}, seed=9)
    record = library.record(identity)
    assert (record.answer, record.original, record.decision) == ("A better one.",) * 2 + ("pending",)
    assert (record.model, record.digest, record.options, record.seed) == ("m", "d", {"top_k": 3}, 9)
    changes = library.history(identity)
    assert [(c.action, c.answer, c.decision) for c in changes] == [
        ("rejected", None, "pending"),
        ("regenerated", SNAKE, "rejected"),
    ]


def test_the_teachers_answer_is_kept_beside_an_edited_one(library: Library) -> None:
    [identity] = add(library, a_record(SNAKE))
    library.edit(identity, "A snake slept.", action="cleaned")
    assert library.record(identity).decision == "pending"
    library.edit(identity, "A snake woke.")
    record = library.record(identity)
    assert (record.answer, record.original, record.decision) == ("A snake woke.", SNAKE, "edited")
    assert record.words == 3
    assert library.has_content("Tell me something.", SNAKE)
    assert library.has_content("Tell me something.", "A snake woke.")
    assert not library.has_content("Tell me something.", "A snake slept.")


def test_a_batch_that_fails_changes_nothing(library: Library) -> None:
    [identity] = add(library, a_record(SNAKE))

    def fail_midway() -> None:
        with library.batch():
            library.decide(identity, "accepted")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_midway()
    assert library.record(identity).decision == "pending"
    assert library.undo() == []
    with pytest.raises(UsageError):
        library.decide([identity, 99], "accepted")
    assert library.record(identity).decision == "pending"


def test_records_and_decisions_that_there_are_not(library: Library) -> None:
    with pytest.raises(UsageError, match="no record 5"):
        library.record(5)
    with pytest.raises(UsageError, match="no record 5"):
        library.edit(5, "text")
    with pytest.raises(UsageError, match="no decision"):
        library.decide(1, "maybe")  # type: ignore[arg-type]
    assert library.records(EVERYTHING) == []


# Several at once.


def test_threads_share_a_library(library: Library) -> None:
    errors: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for index in range(20):
                library.add([a_record(f"{number} {index}")])
                library.decide(library.ids(limit=1), "accepted")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(record.sequence for record in library.records(limit=100)) == list(range(80))


def test_a_reader_sees_one_moment_while_another_process_would_write(library: Library) -> None:
    add(library, a_record(SNAKE))
    with Library(library.path) as other, other.reading():
        assert other.count() == 1
        add(library, a_record(TURTLE))
        assert other.count() == 1
    with Library(library.path) as other:
        assert other.count() == 2
