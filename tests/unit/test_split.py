"""Training and validation: sides are stable, copies stay together, and small texts are split as well."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.errors import DataError, UsageError
from ysnakes_core.text.corpus import split_documents
from ysnakes_core.text.records import Document

SYLLABLES = ("ba", "ke", "li", "mo", "nu", "ra", "si", "to", "vu", "ze")


def words(seed: object, count: int) -> list[str]:
    dice = random.Random(repr(seed))
    return ["".join(dice.choices(SYLLABLES, k=3)) for _ in range(count)]


def document(seed: object, count: int = 60) -> Document:
    made = words(seed, count)
    return Document(" ".join(made[:5]) + "?", " ".join(made[5:]) + ".", f"{seed}.md", 1)


def side_of(documents: list[Document], fraction: float = 0.2) -> dict[str, bool]:
    train, validation = split_documents(documents, fraction)
    assert Counter(d.content_hash for d in [*train, *validation]) == Counter(
        d.content_hash for d in documents
    )
    assert train
    assert validation
    assert not {d.content_hash for d in train} & {d.content_hash for d in validation}
    return {d.content_hash: False for d in train} | {d.content_hash: True for d in validation}


def test_about_the_fraction_is_kept() -> None:
    documents = [document(n) for n in range(1000)]
    for fraction in (0.02, 0.2, 0.5):
        kept = sum(side_of(documents, fraction).values())
        assert abs(kept - 1000 * fraction) < 4 * (1000 * fraction) ** 0.5


def test_a_document_stays_when_files_are_added_renamed_and_reordered() -> None:
    documents = [document(n) for n in range(200)]
    before = side_of(documents)
    changed = [Document(d.request, d.answer, "renamed.md", 99) for d in documents[::-1]]
    after = side_of(changed + [document(("more", n)) for n in range(300)])
    assert {key: after[key] for key in before} == before


def test_copies_and_near_copies_are_on_the_same_side() -> None:
    dice = random.Random(1)
    documents, families = [], []
    for n in range(150):
        original = words(n, 120)
        family = [Document("q", " ".join(original))] * 2
        for _ in range(2):
            altered = list(original)
            for place in dice.sample(range(120), 6):
                altered[place] = "other"
            family.append(Document("q", " ".join(altered)))
        family.append(Document("q", " ".join(original).upper() + "!"))
        documents += family
        families.append(family)
    dice.shuffle(documents)
    side = side_of(documents)
    assert [len({side[d.content_hash] for d in family}) for family in families] == [1] * 150
    assert 10 < sum(side[family[0].content_hash] for family in families) < 60


def test_a_group_larger_than_the_fraction_is_trained_on() -> None:
    base = " ".join(words("base", 200))
    alike = [Document(None, f"{base} {' '.join(words(n, 5))}") for n in range(50)]
    for seed in range(10):
        others = [document((seed, n)) for n in range(50)]
        side = side_of(alike + others, 0.1)
        assert not any(side[d.content_hash] for d in alike)


@given(st.integers(2, 12), st.sampled_from([0.01, 0.02, 0.5, 0.9]), st.integers(0, 99))
def test_few_documents_are_on_both_sides(count: int, fraction: float, seed: int) -> None:
    side_of([document((seed, n), 20) for n in range(count)], fraction)


def test_documents_that_are_mostly_alike_are_still_split() -> None:
    text = " ".join(words("x", 300))
    alike = [Document("q", f"{text} {n}") for n in range(200)]
    assert 10 < sum(side_of(alike).values()) < 80
    mixed = side_of(alike + alike + [document(n) for n in range(30)])
    assert 20 < sum(mixed[d.content_hash] for d in alike + alike) < 160


@pytest.mark.parametrize("separator", ["\n\n", "\n", "\r\n\r\n", ". ", " ", ""])
@pytest.mark.parametrize("copies", [1, 3])
def test_one_document_of_prose_is_split_without_loss(separator: str, copies: int) -> None:
    text = separator.join("".join(words(n, 30)) for n in range(100))
    prose = Document(None, text, "book.txt", 1)
    train, validation = split_documents([prose] * copies, 0.05)
    assert sum(len(d.answer) for d in validation) < 0.2 * len(text)
    assert all(d.answer in text and d.source == "book.txt" for d in train + validation)
    joined = sorted(train + validation, key=lambda d: text.index(d.answer))
    assert "".join(d.answer for d in joined) == text


def test_a_text_that_repeats_itself_is_split_too() -> None:
    train, validation = split_documents([Document(None, "Again and again.\n\n" * 100)], 0.1)
    assert train
    assert validation
    assert sum(d.text_bytes for d in train + validation) == 1800


def test_blocks_begin_on_the_line_they_say() -> None:
    text = "".join(f"line {n} {' '.join(words(n, 8))}\n" for n in range(1, 200))
    for side in split_documents([Document(None, text, "x.md", 1)], 0.3):
        assert [d.answer.split()[1] for d in side] == [str(d.line) for d in side]


def test_long_prose_is_decided_block_by_block() -> None:
    books = [
        Document(None, "\n\n".join(" ".join(words((b, n), 80)) for n in range(1500)), f"{b}")
        for b in range(3)
    ]
    train, validation = split_documents(books, 0.05)
    total = sum(d.text_bytes for d in books)
    assert sum(d.text_bytes for d in train + validation) == total
    assert 0 < sum(d.text_bytes for d in validation) < 0.15 * total


@pytest.mark.parametrize(
    "documents", [[Document(None, "short")], [Document("q", "a" * 5000)], [Document("q", "answer")] * 3]
)
def test_too_small_to_split(documents: list[Document]) -> None:
    with pytest.raises(DataError, match=r"too small to keep a part.*; add text"):
        split_documents(documents, 0.1)
    assert split_documents(documents, 0.0) == (documents, [])


def test_fractions_that_cannot_be() -> None:
    for fraction in (-0.1, 1.0, float("nan")):
        with pytest.raises(UsageError, match="validation fraction"):
            split_documents([document(1)], fraction)
