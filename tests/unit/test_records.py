"""Records: what is read from a file's text, and what is said of text that is not a record."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.text.records import Document, format_record, parse_documents


def pairs(text: str) -> list[tuple[str | None, str]]:
    documents, problems = parse_documents(text, "file.md")
    assert problems == []
    return [(document.request, document.answer) for document in documents]


def complaints(text: str) -> list[tuple[str, str]]:
    return [(problem.where, problem.what) for problem in parse_documents(text, "file.md")[1]]


def test_records_follow_each_other() -> None:
    assert pairs("Q1<start>A1<end>\nQ2<start>A2<end>\n\n\nQ3<start>A3<end>") == [
        ("Q1", "A1"),
        ("Q2", "A2"),
        ("Q3", "A3"),
    ]


def test_a_line_break_beside_a_marker_is_layout() -> None:
    assert pairs("Q\n<start>\nA\n<end>\n") == [("Q", "A")]
    assert pairs("Q\r\n<start>\r\nA\r\n<end>\r\n\r\nR<start>B<end>\r\n") == [("Q", "A"), ("R", "B")]


def test_text_is_kept_as_it_stands() -> None:
    assert pairs("a\r\nb<start> one\r\n\r\n\ttwo \n\n<end>") == [("a\r\nb", " one\r\n\r\n\ttwo \n")]
    assert pairs("  indented<start>x<end>") == [("  indented", "x")]


def test_an_empty_request_is_a_request() -> None:
    assert pairs("<start>Once<end>\n<start>Twice<end>") == [("", "Once"), ("", "Twice")]


def test_a_file_without_markers_is_one_document() -> None:
    assert pairs("Just text.\r\n\r\nMore.\n") == [(None, "Just text.\r\n\r\nMore.\n")]
    assert pairs("\ufeffText") == [(None, "Text")]


def test_documents_know_where_they_begin() -> None:
    documents, _ = parse_documents("\n\nQ1\nmore<start>A\nB<end>\n\nQ2<start>C<end>", "file.md")
    assert [(document.source, document.line) for document in documents] == [("file.md", 3), ("file.md", 7)]


def test_empty_text_is_a_problem() -> None:
    for text in ("", " \n\t\n", "\ufeff"):
        documents, problems = parse_documents(text, "file.md")
        assert documents == []
        assert [problem.what for problem in problems] == ["the file is empty"]


def test_start_without_end_keeps_the_records_around_it() -> None:
    text = "Q1<start>A1<end>\nQ2<start>A2\nmore\n\nQ3<start>A3<end>\nQ4<start>A4"
    documents, problems = parse_documents(text, "file.md")
    assert [(document.request, document.answer) for document in documents] == [("Q1", "A1"), ("Q3", "A3")]
    assert [(problem.where, problem.what) for problem in problems] == [
        ("line 2", "<start> without <end>"),
        ("line 6", "<start> without <end>"),
    ]


def test_two_starts_on_a_line_cost_one_record() -> None:
    text = "Q1<start>A1<end>\nQ2<start>x<start>A2<end>\nQ3<start>A3<end>"
    documents, _ = parse_documents(text, "file.md")
    assert [document.request for document in documents] == ["Q1", "Q3"]
    assert complaints(text) == [("line 2", "two <start> in one record")]


def test_two_starts_and_no_end_are_told_once() -> None:
    assert complaints("Q<start>a<start>b") == [("line 1", "two <start> in one record")]


def test_end_without_start() -> None:
    text = "Q1<start>A1<end>\nlost<end>\nQ2<start>A2<end>"
    assert [document.request for document in parse_documents(text, "file.md")[0]] == ["Q1", "Q2"]
    assert complaints(text) == [("line 2", "<end> without <start>")]


def test_text_after_the_last_end() -> None:
    assert complaints("Q<start>A<end>\n\n\n  left over\n") == [("line 4", "text after the last <end>")]


def test_an_empty_answer_costs_one_record() -> None:
    text = "Q1<start>\n \n<end>\nQ2<start>A2<end>"
    assert [document.request for document in parse_documents(text, "file.md")[0]] == ["Q2"]
    assert complaints(text) == [("line 1", "the answer is empty")]


def test_problems_say_where_and_what_to_do() -> None:
    problem = parse_documents("one\ntwo<end>", "notes.md")[1][0]
    assert str(problem) == "notes.md, line 2: <end> without <start>; write request<start>answer<end>"


def test_numbers_of_a_document() -> None:
    document = Document("é", "ab", "x", 1)
    assert document.text_bytes == 4
    assert document.content_hash == Document("é", "ab", "y", 9).content_hash
    others = [Document("éa", "b"), Document("", "éab"), Document(None, "éab"), Document("é", "abc")]
    assert len({document.content_hash, *(other.content_hash for other in others)}) == 5


MARKS = ("<start>", "<end>")
WITHOUT_MARKS = st.text(alphabet="ab<> \t\r\né<").filter(lambda text: not any(mark in text for mark in MARKS))
REQUESTS = WITHOUT_MARKS.filter(lambda text: "\n" not in text[: len(text) - len(text.lstrip())])


@given(st.lists(st.tuples(REQUESTS, WITHOUT_MARKS.filter(str.strip)), min_size=1))
def test_what_is_written_is_read_back(records: list[tuple[str, str]]) -> None:
    text = "".join(format_record(Document(request, answer)) for request, answer in records)
    assert pairs(text) == records


@given(st.lists(st.sampled_from(["<start>", "<end>", "a", "\n", "\r\n", " ", "b\n"])))
def test_any_text_is_read_and_its_lines_exist(pieces: list[str]) -> None:
    text = "".join(pieces)
    documents, problems = parse_documents(text, "file.md")
    assert documents or problems
    lines = text.count("\n") + 1
    for problem in problems:
        assert problem.where == "" or 1 <= int(problem.where.removeprefix("line ")) <= lines
    for document in documents:
        assert 1 <= document.line <= lines
        assert document.answer.strip()
        assert not any(mark in document.answer + (document.request or "") for mark in MARKS)


@given(st.lists(st.booleans(), min_size=1))
def test_bad_records_on_lines_of_their_own_never_lose_good_ones(good: list[bool]) -> None:
    text = "".join(f"q{n}<start>a{n}<end>\n" if fine else f"q{n}<start>a{n}\n" for n, fine in enumerate(good))
    documents, problems = parse_documents(text, "file.md")
    assert [document.request for document in documents] == [f"q{n}" for n, fine in enumerate(good) if fine]
    assert [problem.where for problem in problems] == [
        f"line {n + 1}" for n, fine in enumerate(good) if not fine
    ]
