"""Taking out what flags say: to the letter, and without a trace."""

from __future__ import annotations

import pytest

from ysnakes_core.synthesis.curation import Flag, cleaned, curated


def flag(text: str, part: str, action: str = "strip", replacement: str = "") -> Flag:
    start = text.index(part)
    return Flag("test", start, start + len(part), action, "a test", replacement)  # type: ignore[arg-type]


def test_without_flags_nothing_changes() -> None:
    text = "  The ferry left.\n\n\n  It came back.  \n---\n"
    assert cleaned(text, []) is text
    assert cleaned(text, [flag(text, "ferry", "flag")]) is text


def test_a_reject_gives_everything_up() -> None:
    text = "The ferry left. It came back."
    assert cleaned(text, [flag(text, "It", "strip"), flag(text, "ferry", "reject")]) is None
    assert cleaned(text, [Flag("request-voice", 0, 0, "reject", "why")]) is None


@pytest.mark.parametrize(
    ("text", "part", "left"),
    [
        # Whole lines go with one of the blank lines around them.
        ("One.\n\nTwo.\n\nThree.", "Two.", "One.\n\nThree."),
        ("One.\n\nTwo.\n\nThree.", "One.", "Two.\n\nThree."),
        ("One.\n\nTwo.\n\nThree.", "Three.", "One.\n\nTwo."),
        ("One.\nTwo.\nThree.", "Two.", "One.\nThree."),
        ("One.\r\n\r\nTwo.\r\n\r\nThree.", "Two.", "One.\r\n\r\nThree."),
        ("One.\n\n**Two.**\n\nThree.", "Two.", "One.\n\nThree."),
        ("* One\n* Two\n* Three", "Two", "* One\n* Three"),
        ("One.\n\n  Two.  \n\n  Three.", "Two.", "One.\n\n  Three."),
        # Parts of a line leave one blank at most.
        ("One. Two. Three.", "Two.", "One. Three."),
        ("One. Two. Three.", "One.", "Two. Three."),
        ("One. Two. Three.", "Three.", "One. Two."),
        ("Boats [3], ropes.", "[3]", "Boats, ropes."),
        ("Boats[3], ropes.", "[3]", "Boats, ropes."),
        ("Boats [3]\nRopes.", "[3]", "Boats\nRopes."),
        # Lines of dashes that set off what went, go; others stay.
        ("Two.\n\n---\n\nOne.\n\n---\n\nThree.", "Two.", "One.\n\n---\n\nThree."),
        ("One.\n\n***\n\nTwo.", "Two.", "One."),
        ("One.\n\n---\n\nThree.\n\n---\n\nFour. Two.", "Two.", "One.\n\n---\n\nThree.\n\n---\n\nFour."),
    ],
)
def test_what_is_stripped_leaves_no_trace(text: str, part: str, left: str) -> None:
    assert cleaned(text, [flag(text, part)]) == left


def test_edges_are_only_touched_where_something_went() -> None:
    text = "\n\n  One.\n\nTwo. Three.\n\n"
    assert cleaned(text, [flag(text, " Three.")]) == "\n\n  One.\n\nTwo."
    assert cleaned(text, [flag(text, "One.")]) == "Two. Three.\n\n"


def test_where_nothing_is_left_nothing_comes_back() -> None:
    for text in ("Note: this.", "**Note: this.**", "---\nNote: this.\n---"):
        assert cleaned(text, [flag(text, "Note: this.")]) is None


def test_overlapping_flags_are_one_gap() -> None:
    text = "One. Two. Three. Four."
    flags = [flag(text, "Two. Three."), flag(text, "Three."), flag(text, "Two.")]
    assert cleaned(text, flags) == "One. Four."


def test_a_replacement_stands_in_for_what_was_flagged() -> None:
    text = "The [old harbour](x) is deep."
    assert cleaned(text, [flag(text, "[old harbour](x)", replacement="old harbour")]) == (
        "The old harbour is deep."
    )
    both = [flag(text, "[old harbour](x)", replacement="old harbour"), flag(text, "harbour](x) is")]
    assert cleaned(text, both) == "The deep."


# Rule by rule, from the answer to what is kept of it.


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("Here is a story about a ferry:\n\nThe ferry left.", "The ferry left."),
        ("Sure! Here's a story: The ferry left.", "The ferry left."),
        ("**Here is a story:**\n\n---\n\nThe ferry left.\n\n---\n\nI hope this helps!", "The ferry left."),
        ("The ferry left. It came back. I hope this helps! Let me know.", "The ferry left. It came back."),
        ("The ferry left.\n\n(Note: I kept it short.)", "The ferry left."),
        ("It ran daily.[3] It stopped [4, 5].", "It ran daily. It stopped."),
        ("The tide is high (Moss & Ollin, 2011).", "The tide is high."),
        ("The [harbour](https://example.org) is deep.", "The harbour is deep."),
        ("![A ferry](ferry.png)\n\nThe ferry left.", "A ferry\n\nThe ferry left."),
        ("The ferry left. See https://example.org/x. It came back.", "The ferry left. It came back."),
        ("The ferry left.\n\n**References**\n\n1. Moss, 2011.\n2. Ollin, 1998.", "The ferry left."),
        (
            "The ferry left.\n\n## References\n\n* Moss, 2011.\n\n## After\n\nIt came back.",
            "The ferry left.\n\n## After\n\nIt came back.",
        ),
        ("The ferry left.\n\n(312 words)", "The ferry left."),
        ("<think>A ferry, then.</think>\n\nThe ferry left.", "The ferry left."),
        ("The ferry left.<|eot_id|><|start_header_id|>user", "The ferry left."),
        ("The ferry left.\n\nUser: another\nAssistant: The ferry came back.", "The ferry left."),
        ('"The ferry left at dawn."', "The ferry left at dawn."),
        ("```\nThe ferry left.\nIt came back.\n```", "The ferry left.\nIt came back."),
    ],
)
def test_what_is_kept_of_an_answer(answer: str, kept: str) -> None:
    assert curated("Write about a ferry.", answer).answer == kept


def test_what_comes_to_light_by_stripping_is_judged_as_well() -> None:
    result = curated("x", "The ferry left and the\n\nNote: this is unfinished.")
    assert result.answer is None
    assert [flag.rule for flag in result.flags] == ["note"]
    assert [flag.rule for flag in result.later] == ["truncated"]
    short = curated("x", "The ferry left.\n\nI hope this helps!", length=(5, 0))
    assert short.answer is None
    assert [flag.rule for flag in short.later] == ["too-short"]


def test_marks_of_a_record_that_stripping_would_make_are_rejected() -> None:
    assert curated("x", "The ferry <sta[1]rt> left. The ferry <en[2]d> left.").answer is None


def test_what_is_only_flagged_stays() -> None:
    answer = "Welcome to [Channel Name], says ferries.com."
    result = curated("x", answer)
    assert result.answer == answer
    assert {flag.rule for flag in result.flags} == {"template", "web-address"}
