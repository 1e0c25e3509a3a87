"""The text that ships: made by the built-in teacher alone, all different, all readable."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from datasketch import MinHash, MinHashLSH

from ysnakes_core.paths import shipped_corpus
from ysnakes_core.synthesis.builtin import KINDS, generate
from ysnakes_core.synthesis.builtin.__main__ import main
from ysnakes_core.synthesis.curation import check
from ysnakes_core.text.records import Document, parse_documents

_ALIKE = 0.6


@cache
def _manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((shipped_corpus() / "manifest.json").read_text(encoding="utf-8"))
    return loaded


@cache
def _documents() -> list[Document]:
    documents = []
    for path in sorted(shipped_corpus().glob("*.md")):
        found, problems = parse_documents(path.read_bytes().decode("utf-8"), path.name)
        assert not problems
        documents.extend(found)
    return documents


def _shingles(text: str) -> set[str]:
    words = re.findall(r"[a-z']+", text.lower())
    return {" ".join(words[at : at + 5]) for at in range(max(1, len(words) - 4))}


def test_the_manifest_names_every_file_and_what_is_in_it() -> None:
    manifest = _manifest()
    names = {entry["file"] for entry in manifest["files"]}
    assert {path.name for path in shipped_corpus().iterdir()} == names | {"manifest.json"}
    assert {entry["kind"] for entry in manifest["files"]} == set(KINDS)
    assert manifest["licence"] == "MIT"
    for entry in manifest["files"]:
        data = (shipped_corpus() / entry["file"]).read_bytes()
        assert len(data) == entry["bytes"]
        assert hashlib.sha256(data).hexdigest() == entry["sha256"]
        assert data.decode("utf-8").count("<end>") == entry["records"]
    assert 2_500_000 <= manifest["bytes"] <= 3_500_000
    assert manifest["bytes"] == sum(entry["bytes"] for entry in manifest["files"])


def test_the_first_record_of_each_file_is_the_one_the_manifest_says() -> None:
    for entry in _manifest()["files"]:
        text = (shipped_corpus() / entry["file"]).read_text(encoding="utf-8")
        for number, at in ((entry["first_record"], 0), (entry["last_record"], -2)):
            ((request, answer),) = generate(entry["kind"], 1, entry["seed"], first=number)
            assert text.split("<end>\n")[at] == f"{request}<start>{answer}"


def test_the_command_in_the_manifest_writes_the_same_bytes_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = _manifest()["made_with"].split()
    assert words[:4] == ["python", "-m", "ysnakes_core.synthesis.builtin", "FOLDER"]
    (tmp_path / "builtin-old-1.md").write_text("left from before")
    assert main([str(tmp_path), *words[4:]]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "manifest.json")
    for path in shipped_corpus().iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in shipped_corpus().iterdir()}


def test_every_record_can_be_read_and_no_two_answers_are_the_same() -> None:
    documents = _documents()
    assert len(documents) == _manifest()["records"]
    assert all(document.request is not None and document.answer for document in documents)
    assert Counter(document.answer for document in documents).most_common(1)[0][1] == 1
    stories = [document for document in documents if "story" in document.source]
    assert 0.05 < sum(document.request == "" for document in stories) / len(stories) < 0.11


def test_no_two_records_are_nearly_the_same() -> None:
    index = MinHashLSH(threshold=0.5, num_perm=64)
    kept: list[set[str]] = []
    for document in _documents():
        shingles = _shingles(document.answer)
        signature = MinHash(num_perm=64)
        signature.update_batch([shingle.encode() for shingle in shingles])
        for other in index.query(signature):
            alike = len(shingles & kept[other]) / len(shingles | kept[other])
            assert alike < _ALIKE, f"{alike:.2f}: {document.answer!r}"
        index.insert(len(kept), signature)
        kept.append(shingles)


def test_the_vocabulary_is_small() -> None:
    counts = Counter(
        word
        for document in _documents()
        for word in re.findall(r"[a-z']+", f"{document.request} {document.answer}".lower())
    )
    assert 2000 <= len(counts) <= 3500
    # A word that comes a few times only cannot be learned.
    assert sum(count < 3 for count in counts.values()) < 0.1 * len(counts)


def test_the_text_is_plain_ascii_without_trailing_space() -> None:
    for document in _documents():
        for text in (document.request or "", document.answer):
            assert text.isascii()
            assert text == text.strip()


def test_the_rules_of_curation_find_nothing_in_it() -> None:
    flagged = {flag.rule for document in _documents() for flag in check(document.request, document.answer)}
    assert flagged == set()
