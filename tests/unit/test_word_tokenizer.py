"""The word tokenizer: exact on text of its alphabet, the rest dropped and counted."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ysnakes_core.errors import DataError
from ysnakes_core.text.records import Document
from ysnakes_core.text.tokenizers import Tokenizer, WordTokenizer, train_tokenizer
from ysnakes_core.text.word_case import Case, fold, parts, small, with_case

WORDS = [
    "the",
    "fox",
    "river",
    "house",
    "window",
    "don't",
    "it's",
    "café",
    "straße",
    "οδος",
    "ΣΑΣ",
    "ǆ",
    "ǅ",
    "İ",
    "ŉ",
]


@cache
def trained() -> WordTokenizer:
    dice = random.Random(3)
    lines = [
        " ".join(dice.choice(WORDS) for _ in range(12)).capitalize() + ".\n\nThe Fox said: ΟΔΟΣ 12?"
        for _ in range(200)
    ]
    made = train_tokenizer([Document(None, line + " ǅ İ ŉ \u212a ſ") for line in lines], "word", 700)
    assert isinstance(made, WordTokenizer)
    return made


def names(text: str) -> list[str]:
    return [trained().token_text(token_id) for token_id in trained().encode(text)]


def without_dropped(text: str) -> str:
    dropped = trained().dropped(text)
    return "".join(character for character in text if character not in dropped)


ROUND_TRIPS = [
    "HELLO WORLD",
    "The FOX and the fox",
    "CamelCase iPhone HTMLParser McDonald NASAs xYzZy aB Ab AB",
    "Élan ÉCOLE école Éé éÉ",
    "tab\there\t\tand  two   three    spaces ",
    "blank\n\n\nlines\n \n  indented\r\n\r\nCRLF\r",
    " leading and trailing ",
    "DON'T don't Don't DON’T O'Brien's rock 'n' roll 'quoted' it''s 's 'S",
    "<start><end> <capital><capitals><join> <unknown>",
    "1st 2ND 3.14 1,000 12AB34cd X1Y2",
    "STRAßE Straße straßE ß",
    "İstanbul ISTANBUL ŉ ǅ ǆ Ǆ \u212a \u212aELVIN ſ",
    "ΟΔΟΣ οδος Οδος ΣΑΣ σας ΣΣ Σ ς σ Σς",
    "snake_case __init__ CONST_NAME",
    "“Yes,” she said—“it’s… fine!” (really?) [1] {x} #tag @you 50% $5 €5 5° ½ x²",
    "",
    " ",
    "\n",
]


@pytest.mark.parametrize("text", ROUND_TRIPS)
def test_text_of_the_alphabet_comes_back(text: str) -> None:
    assert trained().dropped(text) == {}
    assert trained().decode(trained().encode(text)) == text


PIECES = [
    *WORDS,
    *(word.upper() for word in WORDS),
    *(word.title() for word in WORDS),
    *" \t\n\r.,'’\"-_<>1aAbBéÉxXςσΣßİŉǅǄKſ²中\u0301",
    "  ",
    "\r\n",
    "<end>",
    "<join>",
    "zq",
    "ZQ",
    "Zq",
    "zQ",
    "😀",
    "Ⓐ",
    "Ⅷ",
]


@given(st.one_of(st.lists(st.sampled_from(PIECES)).map("".join), st.text()))
@example("ΣΑΣΑ ΑΣ'Σ")
@example("XYZ'sXYZ")
def test_any_text_comes_back_but_for_what_is_dropped(text: str) -> None:
    tokenizer = trained()
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == without_dropped(text)
    assert tokenizer.dropped(text) == Counter(c for c in text if not tokenizer.knows(c))
    assert min(ids, default=2) >= 2


@given(st.lists(st.sampled_from(PIECES)), st.lists(st.sampled_from(PIECES)))
def test_case_does_not_reach_over_a_control_token(before: list[str], after: list[str]) -> None:
    tokenizer = trained()
    record = Document("".join(before), "".join(after))
    ids = tokenizer.encode_record(record)
    assert tokenizer.decode(ids) == without_dropped(record.request or "") + without_dropped(record.answer)


@given(st.lists(st.integers(0, 10_000), max_size=40))
def test_ids_one_by_one_give_the_same_text(numbers: list[int]) -> None:
    tokenizer = trained()
    ids = [number % tokenizer.vocab_size for number in numbers]
    decoder = tokenizer.decoder()
    assert "".join([decoder.push(token_id) for token_id in ids] + [decoder.flush()]) == tokenizer.decode(ids)


def test_a_flushed_decoder_is_as_new() -> None:
    tokenizer = trained()
    decoder = tokenizer.decoder()
    decoder.push(tokenizer.encode("FOX")[0])  # the mark alone
    decoder.flush()
    assert decoder.push(tokenizer.encode(" fox")[0]) == " fox"


def test_emoji_are_dropped_and_counted_even_if_the_text_was_full_of_them() -> None:
    tokenizer = train_tokenizer([Document(None, "I am happy 😀 👩‍🚀 ✨ today. " * 50)], "word", 400)
    text = "so happy 😀😀 ✨"
    assert tokenizer.dropped(text) == Counter({"😀": 2, "✨": 1})
    assert tokenizer.decode(tokenizer.encode(text)) == "so happy  "


def test_case_marks_stand_before_words() -> None:
    assert names(" The fox") == ["<capital>", " the", " fox"]
    assert names(" HOUSE") == ["<capitals>", " house"]
    assert names(" Café") == ["<capital>", " café"]
    assert names(" house") == [" house"]


def test_unknown_words_are_spelt() -> None:
    assert names(" zebu") == [" ", "z", "e", "b", "u"]
    assert names(" ZEBU") == [" ", "<capitals>", "z", "e", "b", "u"]
    assert names(" Zebu") == [" ", "<capital>", "z", "e", "b", "u"]


def test_capitals_end_where_small_letters_begin() -> None:
    assert names("ZQZqb") == ["<capitals>", "z", "q", "<capital>", "z", "q", "b"]
    assert names("ZQİzq") == ["<capitals>", "z", "q", "<join>", "İ", "z", "q"]
    assert trained().decode(trained().encode("ZQİzq")) == "ZQİzq"


def test_few_tokens_are_single_spaces() -> None:
    text = "The fox don't window. It's the house, the river; the café " * 20
    ids = trained().encode(text)
    spaces = sum(trained().token_text(token_id) == " " for token_id in ids)
    assert spaces / len(ids) < 0.05


def test_only_capitals_that_come_back_are_folded() -> None:
    assert [small(character) for character in "AÉΣЖ"] == list("aéσж")
    others = "İǅ\u212aaß1 "  # \u212a: the Kelvin sign, whose small letter is k
    assert [small(character) for character in others] == list(others)


@given(st.text())
def test_folding_is_exact(text: str) -> None:
    folded = fold(text) if text else None
    if folded is not None:
        assert with_case(*folded) == text
    letters = "".join(character for character in text if character.isalpha())
    assert "".join(parts(letters)) == letters
    for piece in parts(letters):
        assert fold(piece) is not None


def test_folding_of_words() -> None:
    assert fold("NASA") == ("nasa", Case.CAPITALS)
    assert fold("Nasa") == ("nasa", Case.CAPITAL)
    assert fold("A") == ("a", Case.CAPITAL)
    assert fold("nasa") == ("nasa", Case.AS_IS)
    assert fold("NaSa") is None
    assert parts("HTMLParserOfX") == ["HTML", "Parser", "Of", "X"]


Change = Callable[[dict[str, Any]], None]


def _vocabulary(change: Callable[[dict[str, int]], None]) -> Change:
    return lambda content: change(content["model"]["vocab"])


def _rename(old: str, new: str) -> Change:
    return _vocabulary(lambda vocabulary: vocabulary.__setitem__(new, vocabulary.pop(old)))


BAD: dict[str, Change] = {
    "control ids swapped": _vocabulary(lambda v: v.update({"<end>": 1, "<start>": 0})),
    "marks swapped": _vocabulary(lambda v: v.update({"<capital>": 4, "<join>": 2})),
    "a mark missing": _rename("<join>", "<glue>"),
    "no space": _rename(" ", "zzzzz"),
    "a token in capitals": _rename(" house", " HOUSE"),
    "a token of two words": _rename(" house", " the house"),
    "a token outside the alphabet": _rename(" house", " 中中"),
    "a normalizer": lambda content: content.update(normalizer={"type": "Lowercase"}),
    "unknown words become <end>": lambda content: content["model"].update(unk_token="<end>"),
    "no vocabulary": lambda content: content["model"].pop("vocab"),
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD.keys())
def test_a_changed_file_is_refused(change: Change, tmp_path: Path) -> None:
    content = copy.deepcopy(json.loads(trained().json))
    change(content)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError):
        Tokenizer.load(path)


def test_a_small_vocabulary_is_kept_to() -> None:
    many = "".join(chr(code) for code in range(0x4E00, 0x4E00 + 3000))
    tokenizer = train_tokenizer([Document(None, f"{many} some words some words")], "word", 300)
    assert tokenizer.vocab_size <= 300
    assert tokenizer.dropped(many).total() == 3000
