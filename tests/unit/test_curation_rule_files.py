"""Rules as data: what a file of rules may say, what is refused and how, and how long a pattern may take."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.errors import UsageError
from ysnakes_core.synthesis.curation import check, curated, load_rules, own_rules_folder, shipped_rules
from ysnakes_core.synthesis.curation.computed import CHECKS
from ysnakes_core.synthesis.curation.pattern_cost import WINDOW, PatternRefused, checked_pattern

RULE = """
[[rule]]
id = "no-gulls"
title = "Gulls"
looks_for = "gulls of any kind"
action = "strip"
"""


def rules_with(folder: Path, text: str, name: str = "mine.toml") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_the_shipped_rules_are_data_with_all_that_a_reader_needs() -> None:
    rules = shipped_rules()
    assert len(rules) >= 25
    for rule in rules:
        assert rule.title
        assert len(rule.looks_for) > 10
        assert rule.action in ("flag", "strip", "reject")
        assert bool(rule.check) != bool(rule.patterns)
    assert {rule.check for rule in rules if rule.check} == set(CHECKS)
    assert shipped_rules() is rules


def test_words_of_patterns_can_be_found_where_they_match() -> None:
    # A word that is never cut out of a text as one word would make its pattern sleep for ever.
    for rule in shipped_rules():
        for pattern in rule.patterns:
            for word in (*pattern.words, *pattern.also):
                assert re.fullmatch(r"[a-z0-9']+", word), (rule.id, word)
            for text in pattern.texts:
                assert text == text.lower()


def test_without_a_folder_of_ones_own_the_shipped_rules_are_all(tmp_path: Path) -> None:
    assert list(load_rules(tmp_path / "none").by_id) == list(shipped_rules().by_id)


def test_the_users_folder_is_found_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YSNAKES_HOME", str(tmp_path))
    assert own_rules_folder() == tmp_path / "curation"
    rules_with(tmp_path / "curation", RULE + 'phrases = ["the gull"]\n')
    rules = load_rules()
    assert rules.by_id["no-gulls"].source == tmp_path / "curation" / "mine.toml"
    assert [flag.rule for flag in check("x", "A lamp.\nThe Gull cried.\nA boat.", rules=rules)] == [
        "no-gulls"
    ]
    assert curated("x", "A lamp.\nThe Gull cried.\nA boat.", rules=rules).answer == "A lamp.\nA boat."


def test_a_phrase_is_whole_words_in_any_case_with_any_blanks(tmp_path: Path) -> None:
    rules = load_rules(rules_with(tmp_path, RULE + 'phrases = ["sea gull", "(caw)"]\n'))
    only = rules.only(["no-gulls"])
    for text, times in (
        ("A Sea  Gull.", 1),
        ("SEA GULL!", 1),
        ("(Caw)", 1),
        ("A sea gullet.", 0),
        ("Undersea gull.", 0),
        ("A gull.", 0),
    ):
        assert len(check("x", text, rules=only)) == times, text


def test_patterns_pieces_and_places(tmp_path: Path) -> None:
    text = """
[pieces]
bird = "gull|tern"
[[rule]]
id = "birds"
title = "Birds"
looks_for = "birds at the beginning"
action = "flag"
unit = "match"
where = "first"
unless = ['paper']
patterns = ['\\b{bird}s?\\b', { regex = '\\bauks?\\b', words = ["auk", "auks"], where = "anywhere" }]
"""
    only = load_rules(rules_with(tmp_path, text)).only(["birds"])
    answer = "A gull and two terns.\n\nA gull again, and an auk.\nA paper auk."
    found = [answer[flag.start : flag.end] for flag in check("x", answer, rules=only)]
    assert found == ["gull", "tern", "auk"] or found == ["gull", "terns", "auk"]


def test_a_rule_can_be_excused_by_the_request_and_keep_to_short_answers(tmp_path: Path) -> None:
    text = (
        RULE + "patterns = [{ regex = 'gulls', words = ['gulls'], where = 'short' }, { regex = 'terns' }]\n"
    )
    rules = load_rules(rules_with(tmp_path, text + "unless_request = ['(?i)birds']\n")).only(["no-gulls"])
    long_answer = "Two gulls.\n" + "And there were waves, and wind, and a lamp. " * 9
    assert len(check("Write.", "Two gulls.", rules=rules)) == 1
    assert check("Write.", long_answer, rules=rules) == []
    assert len(check("Write.", f"{long_answer}\nTwo terns.", rules=rules)) == 1
    assert check("Write about birds.", "Two gulls and terns.", rules=rules) == []


def test_words_say_when_to_try_in_any_alphabet(tmp_path: Path) -> None:
    text = (
        RULE
        + "patterns = ['mouette|чайка']\nwords = ['mouette', 'école', 'чайка']\nalso = ['crie', 'кричит']\n"
    )
    only = load_rules(rules_with(tmp_path, text)).only(["no-gulls"])
    for answer, times in (
        ("Une mouette crie.", 1),
        ("MOUETTE! Elle CRIE.", 1),
        ("Чайка кричит.", 1),
        ("Une mouette.", 0),
        ("Elle crie.\nUne mouette.", 0),
    ):
        assert len(check("x", answer, rules=only)) == times, answer


def test_exact_case_is_exact(tmp_path: Path) -> None:
    only = load_rules(rules_with(tmp_path, RULE + "exact_case = true\npatterns = ['Gull']\n")).only(
        ["no-gulls"]
    )
    assert [len(check("x", text, rules=only)) for text in ("Gull", "gull")] == [1, 0]


def test_a_rule_of_ones_own_takes_a_shipped_ones_place(tmp_path: Path) -> None:
    text = RULE.replace("no-gulls", "refusal") + 'phrases = ["gull"]\n'
    rules = load_rules(rules_with(tmp_path, text))
    assert list(rules.by_id) == list(shipped_rules().by_id)
    assert check("x", "I can't write a story that involves this.", rules=rules) == []
    assert [flag.action for flag in check("x", "A gull cried.", rules=rules)] == ["strip"]


def test_actions_can_be_changed_and_rules_put_off(tmp_path: Path) -> None:
    rules = load_rules(rules_with(tmp_path, '[actions]\ntruncated = "flag"\nnote = "off"\n'))
    assert "note" not in rules.by_id
    assert rules.by_id["truncated"].action == "flag"
    assert shipped_rules().by_id["truncated"].action == "reject"
    assert [flag.action for flag in check("x", "He rowed and he rowed and the", rules=rules)] == ["flag"]


BAD = {
    "no TOML": ("rule = [", "is not valid TOML"),
    "deep nesting": ("rule = " + "[" * 20_000, "nested too deeply"),
    "too large": ("# " + "x" * 2**20, "at most 1,024 kB"),
    "unknown key of a file": ("rules = 1", "unknown key rules"),
    "rule no table": ("rule = [1]", "no table"),
    "no id": ('[[rule]]\ntitle = "x"', "number 1: has no id"),
    "an id that cannot be": (RULE.replace("no-gulls", "No Gulls"), "has no id that can be used"),
    "no title": (RULE.replace('title = "Gulls"', "") + 'phrases = ["x"]', "no-gulls: needs title"),
    "unknown key": (RULE + 'frases = ["x"]', "unknown key frases"),
    "unknown action": (RULE.replace('"strip"', '"burn"') + 'phrases = ["x"]', "has burn for action"),
    "unknown unit": (RULE + 'phrases = ["x"]\nunit = "page"', "has page for unit"),
    "nothing to look for": (RULE, "looks for nothing"),
    "phrases no list": (RULE + 'phrases = "x"', "phrases that is no list of texts"),
    "empty phrase": (RULE + 'phrases = ["  "]', "empty phrase"),
    "no regular expression": (RULE + "patterns = ['(']", "is not a regular expression"),
    "too slow": (RULE + "patterns = ['(a+)+b']", "could take very long"),
    "matches nothing": (RULE + "patterns = ['a*']", "even where there is nothing"),
    "back reference": (RULE + "patterns = ['(a)\\1']", "refers back"),
    "unknown piece": (RULE + "patterns = ['{bird}']", "{bird}"),
    "pattern without regex": (RULE + 'patterns = [{ words = ["x"] }]', "needs regex"),
    "pattern with unknown key": (RULE + "patterns = [{ regex = 'x', no = 1 }]", "unknown key no"),
    "keep without group": (RULE + "patterns = ['x']\nkeep = 1", "keep that is no group"),
    "words no words": (RULE + "patterns = ['x']\nwords = ['sea gull']", "“sea gull” is no single word"),
    "speech no truth": (RULE + "patterns = ['x']\noutside_speech = 1", "neither true nor false"),
    "checks are not for users": (RULE + 'check = "loop"', "only shipped rules have"),
    "twice": (RULE + 'phrases = ["x"]\n' + RULE + 'phrases = ["x"]', "is there twice"),
    "unknown rule in actions": ('[actions]\nnope = "flag"', "no rule “nope”"),
    "unknown action in actions": ('[actions]\nnote = "burn"', "has burn for note"),
    "hostile name": ('[actions]\n"\\u001b[31m" = "flag"', "␛[31m"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_told_with_its_name_and_what_to_do(tmp_path: Path, name: str) -> None:
    text, told = BAD[name]
    folder = rules_with(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load_rules(folder)
    message = caught.value.what + " | " + caught.value.hint
    assert str(folder / "mine.toml") in message
    assert told in message
    assert caught.value.hint
    assert "\x1b" not in message


def test_the_same_id_in_two_files_is_told(tmp_path: Path) -> None:
    rules_with(tmp_path, RULE + 'phrases = ["x"]', "a.toml")
    rules_with(tmp_path, RULE + 'phrases = ["y"]', "b.toml")
    with pytest.raises(UsageError, match=r"b\.toml, rule no-gulls: is also in a\.toml"):
        load_rules(tmp_path)


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    rules_with(tmp_path, "no rules at all", "notes.txt")
    assert len(load_rules(tmp_path)) == len(shipped_rules())


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is not UTF-8"):
        load_rules(tmp_path)


# The cost of patterns.

SLOW = [
    r"(a+)+b",
    r"(a|a)+b",
    r"(a|aa)+b",
    r"(?:a?){40}b",
    r".*a.*b.*c",
    r"(\w+\s?)+x",
    r"(?:[a-z]+-?)*x",
    r"\w+\d+\w+x",
    r"(?:(?:a{0,20}){0,20}){0,20}b",
    r"(?=(a+)+b)x",
    r"x(?:a|b|ab)*y",
]
QUICK = [
    r"gull",
    r"gulls?\b",
    r"\w++ gull",
    r"(?:\w++ ){0,6}gull",
    r".{0,60}gull",
    r"^.{0,200}gull.{0,60}x",
    r"(?>a|aa)+b",
    r"(?:gull|tern|auk)s?",
    r"[^\n]*gull",
]


@pytest.mark.parametrize("pattern", SLOW)
def test_patterns_that_could_take_very_long_are_refused(pattern: str) -> None:
    with pytest.raises(PatternRefused):
        checked_pattern(pattern)


@pytest.mark.parametrize("pattern", QUICK)
def test_patterns_that_cannot_are_not(pattern: str) -> None:
    compiled = checked_pattern(pattern)
    for text in (
        "a" * WINDOW,
        "gull " * (WINDOW // 5),
        "ab" * (WINDOW // 2),
        " " * WINDOW,
        "a " * (WINDOW // 2),
    ):
        began = time.process_time()
        compiled.search(text)
        assert time.process_time() - began < 0.5


@given(
    st.recursive(
        st.sampled_from(["a", "b", ".", r"\w", "[ab]", " "]),
        lambda inner: st.one_of(
            st.tuples(inner, inner).map("".join),
            st.tuples(inner, st.sampled_from(["*", "+", "?", "{0,9}", "*?", "++"])).map(
                lambda x: f"(?:{x[0]}){x[1]}"
            ),
            st.tuples(inner, inner).map(lambda x: f"(?:{x[0]}|{x[1]})"),
        ),
        max_leaves=6,
    )
)
def test_what_is_accepted_is_never_slow(pattern: str) -> None:
    try:
        compiled = checked_pattern(pattern + "x")
    except PatternRefused:
        return
    for text in ("a" * WINDOW, "ab" * (WINDOW // 2), "a b" * (WINDOW // 3)):
        began = time.process_time()
        compiled.search(text)
        assert time.process_time() - began < 2.0, pattern


def test_user_patterns_are_tried_on_a_long_line_piece_by_piece(tmp_path: Path) -> None:
    only = load_rules(rules_with(tmp_path, RULE + "patterns = ['[^\\n]*gull']\n")).only(["no-gulls"])
    began = time.process_time()
    assert check("x", "a" * 200_000, rules=only) == []
    assert time.process_time() - began < 2.0
