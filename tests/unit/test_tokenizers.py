"""The bpe tokenizer, and what holds for a tokenizer.json of either kind."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from ysnakes_core.errors import DataError, UsageError
from ysnakes_core.text.records import Document
from ysnakes_core.text.tokenizers import Tokenizer, train_tokenizer

NOUNS = ("fox", "river", "house", "window", "garden", "letter", "cloud", "teacher", "winter", "apple")
VERBS = ("finds", "paints", "carries", "opens", "follows", "remembers", "breaks", "borrows", "hides")


def documents(count: int = 300) -> list[Document]:
    dice = random.Random(7)
    made = []
    for number in range(count):
        words = [f"The {dice.choice(NOUNS)} {dice.choice(VERBS)} a {dice.choice(NOUNS)}." for _ in range(6)]
        made.append(Document(f"Tell me about {dice.choice(NOUNS)} {number}?", "\n\n".join(words)))
    made.append(Document(None, "Prose with <end> and <start> spelt out. " * 50))
    return made


@cache
def trained(kind: str) -> Tokenizer:
    return train_tokenizer(documents(), kind, 600)


HOSTILE = [
    "<end>",
    "<start>",
    "<",
    "end",
    "start",
    ">",
    " ",
    "\r\n",
    "\0",
    "é",
    "e\u0301",
    "\ufeff",
    "\U0001f469\u200d\U0001f680",
]
ANY_TEXT = st.one_of(st.text(), st.lists(st.sampled_from(HOSTILE)).map("".join))


@given(ANY_TEXT)
def test_any_text_comes_back(text: str) -> None:
    tokenizer = trained("bpe")
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.dropped(text) == {}


@given(ANY_TEXT, st.sampled_from(["bpe", "word"]))
def test_no_text_becomes_a_control_token(text: str, kind: str) -> None:
    tokenizer = trained(kind)
    assert not {tokenizer.start_id, tokenizer.end_id} & set(tokenizer.encode(text))


@given(st.lists(st.integers(0, 599), max_size=40))
def test_ids_one_by_one_give_the_same_text(numbers: list[int]) -> None:
    tokenizer = trained("bpe")
    ids = [number % tokenizer.vocab_size for number in numbers]
    decoder = tokenizer.decoder()
    pieces = [decoder.push(token_id) for token_id in ids] + [decoder.flush()]
    assert "".join(pieces) == tokenizer.decode(ids)


@given(st.text(alphabet="aé€😀\u0301"))
def test_no_character_is_handed_out_in_parts(text: str) -> None:
    tokenizer = trained("bpe")
    decoder = tokenizer.decoder()
    shown = ""
    for token_id in tokenizer.encode(text):
        shown += decoder.push(token_id)
        assert text.startswith(shown)
    assert shown == text
    assert decoder.flush() == ""


def test_half_a_character_at_the_end_is_replaced_on_flush() -> None:
    tokenizer = trained("bpe")
    decoder = tokenizer.decoder()
    ids = tokenizer.encode("€")
    assert [decoder.push(token_id) for token_id in ids[:-1]] == [""] * (len(ids) - 1)
    assert decoder.flush() == "\ufffd"
    assert [decoder.push(token_id) for token_id in tokenizer.encode("ab")][-1].endswith("b")


@pytest.mark.parametrize("kind", ["bpe", "word"])
def test_an_id_beyond_the_vocabulary_is_an_error(kind: str) -> None:
    for token_id in (-1, trained(kind).vocab_size):
        with pytest.raises(ValueError, match="there is no token"):
            trained(kind).decode([token_id])


@pytest.mark.parametrize("kind", ["bpe", "word"])
def test_records_have_their_start_mark(kind: str) -> None:
    tokenizer = trained(kind)
    record = Document("The fox", "finds a <end>")
    ids = tokenizer.encode_record(record)
    assert ids == [*tokenizer.encode("The fox"), 1, *tokenizer.encode("finds a <end>")]
    assert tokenizer.encode_record(Document("", "x")) == [1, *tokenizer.encode("x")]
    assert tokenizer.encode_record(Document(None, "x")) == tokenizer.encode("x")
    assert tokenizer.encode_records([record, Document(None, "x")]) == [ids, tokenizer.encode("x")]
    assert tokenizer.decode(ids) == "The foxfinds a <end>"
    assert (tokenizer.end_id, tokenizer.start_id) == (0, 1)


def test_lone_surrogates_become_replacement_characters() -> None:
    tokenizer = trained("bpe")
    assert tokenizer.decode(tokenizer.encode("a\ud800b\udcff")) == "a\ufffdb\ufffd"


@pytest.mark.parametrize("kind", ["bpe", "word"])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=5)
def test_the_order_of_documents_changes_nothing(kind: str, seed: int) -> None:
    shuffled = documents()
    random.Random(seed).shuffle(shuffled)
    assert train_tokenizer(shuffled, kind, 600).hash == trained(kind).hash


@pytest.mark.parametrize("parallel", ["true", "false"])
@pytest.mark.parametrize("kind", ["bpe", "word"])
def test_another_process_learns_the_same(kind: str, parallel: str) -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "from test_tokenizers import documents, train_tokenizer\n"
        "print(train_tokenizer(documents()[::-1], sys.argv[1], 600).hash)"
    )
    here = Path(__file__).parent
    result = subprocess.run(
        [sys.executable, "-c", code, kind, str(here), str(here.parents[1])],
        env={**os.environ, "TOKENIZERS_PARALLELISM": parallel, "PYTHONHASHSEED": "random"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == trained(kind).hash


def test_what_was_learnt_shortens_the_text() -> None:
    text = documents()[0].answer
    assert len(trained("bpe").encode(text)) < len(text) / 3
    assert trained("bpe").vocab_size <= 600


def test_each_digit_is_a_token() -> None:
    tokenizer = trained("bpe")
    assert [tokenizer.decode([token_id]) for token_id in tokenizer.encode("2024")] == list("2024")


@pytest.mark.parametrize("kind", ["bpe", "word"])
def test_a_saved_tokenizer_is_the_same_tokenizer(kind: str, tmp_path: Path) -> None:
    tokenizer = trained(kind)
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == tokenizer.hash
    loaded = Tokenizer.load(path)
    assert (loaded.kind, loaded.hash, loaded.vocab_size) == (kind, tokenizer.hash, tokenizer.vocab_size)
    text = "The fox <end> hides\r\n in A garden"
    assert loaded.encode(text) == tokenizer.encode(text)


def test_the_library_reads_the_same_ids_from_the_file(tmp_path: Path) -> None:
    trained("bpe").save(tmp_path / "tokenizer.json")
    library = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    text = "The garden remembers a story.\n\n“Yes,” it’s 12 o'clock… naïve"
    assert library.encode(text).ids == trained("bpe").encode(text)
    assert library.decode(trained("bpe").encode(text)) == text
    assert library.token_to_id("<end>") == 0
    assert library.encode("a<start>b").ids.count(1) == 1  # to the bare library it is a control token


def test_the_library_reads_the_word_tokenizer_too(tmp_path: Path) -> None:
    trained("word").save(tmp_path / "tokenizer.json")
    library = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert library.get_vocab_size() == trained("word").vocab_size
    assert library.encode("the garden hides").ids == trained("word").encode("the garden hides")


def test_a_file_written_with_other_spacing_and_order_has_the_same_hash(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    content = json.loads(trained("bpe").json)
    path.write_text(json.dumps(dict(reversed(content.items())), indent=3))
    assert Tokenizer.load(path).hash == trained("bpe").hash


Change = Callable[[dict[str, Any]], None]


def _set(*keys: Any, to: Any) -> Change:
    def change(content: dict[str, Any]) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = to

    return change


def _swap_ids(content: dict[str, Any]) -> None:
    vocabulary = content["model"]["vocab"]
    vocabulary["<end>"], vocabulary["a"] = vocabulary["a"], vocabulary["<end>"]


def _merge_into_control(content: dict[str, Any]) -> None:
    vocabulary = content["model"]["vocab"]
    vocabulary["<end"] = len(vocabulary)
    content["model"]["merges"].append(["<end", ">"])


def _more_added_tokens(content: dict[str, Any]) -> None:
    content["added_tokens"].append({**content["added_tokens"][0], "id": 5, "content": "zz"})


def _without_byte(content: dict[str, Any]) -> None:
    vocabulary = content["model"]["vocab"]
    vocabulary["aa"] = vocabulary.pop("ÿ")


def _token_of_other_characters(content: dict[str, Any]) -> None:
    vocabulary = content["model"]["vocab"]
    vocabulary["snow\u2603"] = len(vocabulary)


def _long_token(content: dict[str, Any]) -> None:
    vocabulary = content["model"]["vocab"]
    vocabulary["a" * 5000] = len(vocabulary)


BAD_BPE: dict[str, Change] = {
    "control ids swapped with a letter": _swap_ids,
    "a merge that spells <end>": _merge_into_control,
    "a third control token": _more_added_tokens,
    "control token moved": _set("added_tokens", 0, "content", to="the"),
    "control token not special": _set("added_tokens", 0, "special", to=False),
    "normalizer that makes <end>": _set(
        "normalizer", to={"type": "Replace", "pattern": {"String": "x"}, "content": "<end>"}
    ),
    "other pre-tokenizer": _set("pre_tokenizer", to={"type": "Whitespace"}),
    "pre-tokenizer with a slow pattern": _set(
        "pre_tokenizer", "pretokenizers", 0, "pattern", "Regex", to="(a+)+$"
    ),
    "post-processor": _set("post_processor", to={"type": "ByteLevel"}),
    "truncation": _set("truncation", to={"max_length": 1, "strategy": "LongestFirst", "stride": 0}),
    "whole words looked up": _set("model", "ignore_merges", to=True),
    "dropout": _set("model", "dropout", to=0.5),
    "other model": _set("model", "type", to="Unigram"),
    "no model": _set("model", to=None),
    "model without type": _set("model", to={"vocab": {}}),
    "vocabulary is a list": _set("model", "vocab", to=["a"]),
    "vocabulary is empty": _set("model", "vocab", to={}),
    "an id twice": _set("model", "vocab", "a", to=3),
    "an id beyond the end": _set("model", "vocab", "a", to=10**30),
    "an id that is no number": _set("model", "vocab", "a", to="70"),
    "an id that is a truth value": _set("model", "vocab", "<start>", to=True),
    "merges missing": _set("model", "merges", to=None),
    "merge of unknown tokens": _set("model", "merges", to=[["qq", "zz"]]),
    "merge that is no pair": _set("model", "merges", to=[["a"]]),
    "merge of numbers": _set("model", "merges", to=[[1, 2]]),
    "a byte missing": _without_byte,
    "token of other characters": _token_of_other_characters,
    "token of enormous length": _long_token,
    "a key of its own": _set("extra", to=1),
}


@pytest.mark.parametrize("change", BAD_BPE.values(), ids=BAD_BPE.keys())
def test_a_changed_file_is_refused(change: Change, tmp_path: Path) -> None:
    content = copy.deepcopy(json.loads(trained("bpe").json))
    change(content)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError) as raised:
        Tokenizer.load(path)
    assert str(path) in raised.value.what
    assert raised.value.hint


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"model": {"type": "BPE"}}',
        b"[" * 100_000,
        b'"text"',
        b"null",
        b"1" * 5000,
    ],
    ids=["empty", "torn", "list", "not UTF-8", "hollow", "deep", "string", "null", "number"],
)
def test_a_file_that_is_no_tokenizer_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(data)
    with pytest.raises(DataError):
        Tokenizer.load(path)


def test_a_missing_a_large_and_an_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no tokenizer"):
        Tokenizer.load(tmp_path / "none.json")
    with pytest.raises(DataError):
        Tokenizer.load(tmp_path)
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(65 * 2**20)
    with pytest.raises(DataError, match="is larger than"):
        Tokenizer.load(large)


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")
@pytest.mark.timeout(10)
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tokenizer.json")
    with pytest.raises(DataError):
        Tokenizer.load(tmp_path / "tokenizer.json")


def test_names_in_messages_cannot_steer_a_terminal(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        Tokenizer.load(tmp_path / "\x1b[31mred.json")
    assert "\x1b" not in str(raised.value)


def test_wrong_usage() -> None:
    with pytest.raises(UsageError, match="no tokenizer 'letters'"):
        train_tokenizer(documents(1), "letters")
    with pytest.raises(UsageError, match="too small"):
        train_tokenizer(documents(1), "bpe", 299)
    with pytest.raises(DataError, match="no text"):
        train_tokenizer([], "bpe")


def test_a_vocabulary_larger_than_the_text_can_fill() -> None:
    small = train_tokenizer([Document(None, "ab ab ab")], "bpe", 4096)
    assert small.vocab_size < 300
    assert small.decode(small.encode("zebra 🦓")) == "zebra 🦓"


@pytest.mark.parametrize(
    "text", [" " * 200_000, "\n" * 200_000, "a" * 200_000, "'s" * 100_000, "a'" * 100_000]
)
@pytest.mark.parametrize("kind", ["bpe", "word"])
@pytest.mark.timeout(20)
def test_monotonous_text_takes_no_longer(text: str, kind: str) -> None:
    tokenizer = trained(kind)
    assert tokenizer.decode(tokenizer.encode(text)) == text
