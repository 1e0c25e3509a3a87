"""Near-duplicates: groups around their first member, with the overlap counted exactly."""

from __future__ import annotations

import pytest

from ysnakes_core.errors import UsageError
from ysnakes_core.synthesis.curation.duplicates import duplicate_groups
from ysnakes_core.text.records import Document

WORDS = ["ferry", "lamp", "rope", "gull", "tide", "pier", "oar", "storm", "net", "bell"]
WORDS += ["cook", "mast", "fog", "deck", "sail", "knot", "buoy", "crew", "dawn", "salt"]


def text_of(seed: int, words: int = 80) -> list[str]:
    """Words in an order that no two seeds share."""
    state, chosen = seed * 7919 + 1, []
    for _ in range(words):
        state = (state * 1103515245 + 12345) % 2**31
        chosen.append(WORDS[state // 2**16 % len(WORDS)])
    return chosen


def documents(*texts: list[str]) -> list[Document]:
    return [Document(f"Request {number}", " ".join(words)) for number, words in enumerate(texts)]


def test_copies_and_near_copies_are_found_and_others_are_not() -> None:
    base = text_of(1)
    near = [*base[:40], "anchor", *base[41:]]
    found = duplicate_groups(documents(base, text_of(2), base, near, text_of(3)), 0.8)
    (group,) = found
    assert group.first == 0
    assert [repeat.index for repeat in group.repeats] == [2, 3]
    assert group.repeats[0].overlap == 1.0
    assert 0.8 <= group.repeats[1].overlap < 1.0


def test_case_and_marks_make_no_difference() -> None:
    base = text_of(1)
    shouted = [word.upper() + "!" for word in base]
    (group,) = duplicate_groups(documents(base, shouted), 1.0)
    assert group.repeats[0].overlap == 1.0


def test_a_chain_is_cut_where_it_leaves_its_beginning() -> None:
    # Each shares most with the one before, the last little with the first.
    base = text_of(1, 100)
    chain = [base]
    for step in range(1, 6):
        chain.append([*chain[-1][: 8 * step - 8], *text_of(step + 50, 8), *chain[-1][8 * step :]])
    for group in duplicate_groups(documents(*chain), 0.75):
        first = set(zip(chain[group.first], chain[group.first][1:], chain[group.first][2:], strict=False))
        for repeat in group.repeats:
            words = chain[repeat.index]
            other = set(zip(words, words[1:], words[2:], strict=False))
            assert repeat.overlap == pytest.approx(len(first & other) / len(first | other))
            assert repeat.overlap >= 0.75


def test_the_threshold_is_kept() -> None:
    base = text_of(1)
    near = [*base[:30], "anchor", *base[31:60], "winch", *base[61:]]
    assert duplicate_groups(documents(base, near), 0.95) == []
    assert len(duplicate_groups(documents(base, near), 0.7)) == 1


@pytest.mark.parametrize("similar", [0.0, 0.59, 1.01, float("nan")])
def test_what_cannot_be_told_apart_is_not_looked_for(similar: float) -> None:
    with pytest.raises(UsageError, match="cannot be looked for"):
        duplicate_groups(documents(text_of(1)), similar)


def test_nothing_to_compare() -> None:
    assert duplicate_groups([]) == []
    assert duplicate_groups(documents(text_of(1))) == []
    assert [
        g.first for g in duplicate_groups([Document(None, "a"), Document(None, "a"), Document(None, "!")])
    ] == [0]
