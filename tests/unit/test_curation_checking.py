"""The rule pass itself: offsets, odd text, long and hostile text, and what the words of a rule rule out."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ysnakes_core.synthesis.curation import Flag, check, cleaned, curated, shipped_rules
from ysnakes_core.synthesis.curation.language import language_of
from ysnakes_core.synthesis.curation.looked_at import LookedAt

PIECES = st.sampled_from(
    [
        "Note: ",
        "I can't write a story that involves this.",
        "Here is a story:",
        "\n",
        "\r\n",
        "\n\n",
        "[Your Name]",
        "[1]",
        "(Moss & Ollin, 2011)",
        "https://example.org/x ",
        "[a](b)",
        "<think>",
        "</think>",
        "<|eot_id|>",
        "“Row!”",
        "References\n* 1998",
        "The ferry left. ",
        "Let me know if you like it.",
        "İstanbul ",
        "Паром ушёл на рассвете ",
        "\t",
        "---",
        "***",
        '"',
        "User: more\n",
        "\x00\x1b[31m",
        "\ud800",
    ]
)
ANY_TEXT = st.one_of(st.lists(PIECES, max_size=14).map("".join), st.text(max_size=200))


@given(ANY_TEXT, ANY_TEXT)
@example("", "")
@example("x", "İ I can't write a story that involves this. [1]")
def test_flags_lie_inside_the_answer_whatever_it_is(request: str, answer: str) -> None:
    flags = check(request, answer)
    assert flags == check(request, answer)
    assert flags == sorted(flags, key=lambda flag: (flag.start, flag.end))
    for flag in flags:
        assert 0 <= flag.start <= flag.end <= len(answer)
        assert flag.rule in shipped_rules().by_id
        assert flag.action == shipped_rules().by_id[flag.rule].action
        assert flag.why
    of_one_rule: dict[str, list[Flag]] = {}
    for flag in flags:
        of_one_rule.setdefault(flag.rule, []).append(flag)
    for name, found in of_one_rule.items():
        if not shipped_rules().by_id[name].check:
            assert all(left.end <= right.start for left, right in pairwise(found))


@given(ANY_TEXT)
def test_cleaning_only_takes_away_and_comes_to_an_end(answer: str) -> None:
    result = curated("Write something.", answer)
    if result.answer is None:
        assert any(flag.action != "flag" for flag in (*result.flags, *result.later))
        return
    if result.answer != answer:
        assert any(flag.action == "strip" for flag in result.flags)
        assert len(result.answer) < len(answer)
    else:
        assert all(flag.action == "flag" for flag in result.flags)
    again = curated("Write something.", result.answer)
    assert again.answer == result.answer
    remaining = iter(answer)
    assert all(sign in remaining for sign in result.answer)


@given(
    st.lists(st.sampled_from(["The tide came in.", "Mara rowed home.", "", "  Gulls cried. "]), max_size=9)
)
def test_lines_are_those_of_the_text(lines: list[str]) -> None:
    text = "\n".join(lines)
    looked = LookedAt(text)
    expected = [line.strip() for line in lines if line.strip()]
    assert [text[begin:end] for begin, end in looked.lines()] == expected
    assert [text[begin:end] for begin, end in looked.first_lines] == expected[:3]
    assert [text[begin:end] for begin, end in looked.last_lines] == expected[-3:]
    assert looked.words == text.lower().replace(".", " ").encode().split()
    head, _, tail = looked.parts
    for line in expected[:3]:
        assert set(line.lower().replace(".", " ").encode().split()) <= set(head)
    for line in expected[-3:]:
        assert set(line.lower().replace(".", " ").encode().split()) <= set(tail)


def test_offsets_stand_whatever_letters_come_before() -> None:
    for before in ("İİİ ", "“Row!” – ", "🚣 ", "ﬃ ", "\u2028 "):
        answer = f"The {before}ferry left.\n\n[Your Name] rowed home."
        (flag,) = [flag for flag in check("x", answer) if flag.rule == "template"]
        assert answer[flag.start : flag.end] == "[Your Name]"


def test_windows_line_ends_and_curly_marks_change_nothing() -> None:
    plain = 'Here is a tale:\n\nThe ferry left.\n\n"Row!"\n\nNote: it\'s made up.'
    curly = "Here is a tale:\r\n\r\nThe ferry left.\r\n\r\n“Row!”\r\n\r\nNote: it’s made up."
    assert [flag.rule for flag in check("x", plain)] == [flag.rule for flag in check("x", curly)]
    assert curated("x", curly).answer == "The ferry left.\r\n\r\n“Row!”"


def test_indented_lines_are_looked_at_like_others() -> None:
    flags = check("x", "The ferry left.\n\n   Note: made up.\n\t* Word count: 12")
    assert {"note", "word-count"} <= {flag.rule for flag in flags}


@pytest.mark.parametrize("at", [0, 400, 790, 990, 1000, 1500, 4321])
def test_a_long_line_is_looked_at_everywhere(at: int) -> None:
    filler = ("The tide came in and went out. " * 200)[:6000]
    answer = f"{filler[:at]} [Your Name] {filler[at:]}"
    flags = check("x", answer, rules=shipped_rules().only(["template"]))
    assert [answer[flag.start : flag.end] for flag in flags] == ["[Your Name]"]


def test_only_what_a_text_says_itself_is_a_refusal() -> None:
    said = "Host: I can't create content that involves this.\n\nThe ferry left."
    assert check("x", said) == []
    assert check("x", f'"{said}" he read.') == []
    assert [flag.rule for flag in check("x", said.removeprefix("Host: "))] == ["refusal"]


def test_prose_that_nobody_asked_for_is_checked_as_well() -> None:
    assert [flag.rule for flag in check(None, "The ferry left.\n\nI hope this helps!")] == ["note"]


# Texts made to take long. Each has more than 10,000 characters in all, most on one line.

HOSTILE = {
    "cannots": "I can't " * 2500,
    "writes": "I can't write a " * 1300 + "story",
    "nearly a refusal": "I cannot write " + "a very, very, " * 1200,
    "apologies": "I'm sorry, but " * 1400,
    "notes": "note that this story " * 900,
    "hopes": "I hope that this " * 1200,
    "offers": "would you like me to help " * 700,
    "ifs": "if you have any " * 1300 + "let me know",
    "blanks": " " * 20_000,
    "tabs and breaks": "\t\n" * 10_000,
    "open brackets": "[" * 20_000,
    "brackets": "[a" * 10_000 + "](",
    "links": "[a](" * 6000,
    "round brackets": "(" * 20_000,
    "citations": "(Moss & " * 3000,
    "numbers": "[1, " * 5000,
    "braces": "{a " * 7000,
    "angles": "<|" * 10_000,
    "dots": "a.b." * 5000 + "com",
    "addresses": "a@" * 8000 + "b.com",
    "hyphens": "a-" * 9000 + ".com",
    "stars": "*" * 20_000,
    "heres": "Here is a " * 2000,
    "one letter": "a" * 20_000,
    "quotes": '"' * 20_000,
    "thoughts": "<think>" * 3000,
    "headings": "References\n" * 2000,
    "reference lines": "References\n" + "* 19" * 5000,
    "sources": "Source: " * 2500,
    "sentences": "The ferry left. " * 1500,
    "foreign": "der die das und nicht " * 1200,
    "letters of others": "ушёл " * 4000,
    "marks on letters": "e\u0301" * 10_000,
    "words of words": "(300 words " * 2000,
    "real events": "there is no record of any " * 900 + "event",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_takes_long(name: str) -> None:
    text = HOSTILE[name]
    assert len(text) > 10_000
    check("x", "The ferry left.")  # the rules are read and made ready
    slowest = 1.0  # seconds; on an idle machine the slowest of these takes a tenth of it
    for answer in (text, f"The ferry left.\n\n{text}", text.replace(" ", "\n", 40)):
        began = time.process_time()
        flags = check(text[:5000], answer)
        assert time.process_time() - began < slowest
        assert len(flags) < 28 * 200 + 50
        cleaned(answer, flags)


def test_time_grows_with_the_text_and_no_faster() -> None:
    text = HOSTILE["writes"]
    check("x", text)
    took = []
    for times in (1, 8):
        began = time.process_time()
        check("x", text * times)
        took.append(time.process_time() - began)
    assert took[1] < 30 * max(took[0], 0.005)


@pytest.mark.parametrize(
    "piece",
    [
        '"(note: x) ',
        "(note: x). ",
        "[Your Name]. ",
        "I can't write content that involves. ",
        "https://a.b/c ",
    ],
)
def test_a_line_of_a_million_letters_takes_seconds_at_most(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    began = time.process_time()
    flags = check("x", text)
    cleaned(text, flags)
    assert time.process_time() - began < 8.0


# Languages.

SAMPLES = {
    "english": "When the ferry came in at last there was nobody on the pier, and the lamps had all gone out, "
    "so we rowed home by the light of the moon.",
    "german": "Als die Fähre endlich kam, war niemand auf dem Steg, und die Lampen waren alle aus, also "
    "ruderten wir im Licht des Mondes nach Hause.",
    "french": "Quand le bac est enfin arrivé, il n'y avait personne sur le quai et les lampes étaient toutes "
    "éteintes, alors nous sommes rentrés sous la lune.",
    "spanish": "Cuando el barco por fin llegó, no había nadie en el muelle y las lámparas estaban apagadas, "
    "así que volvimos a casa con la luz de la luna.",
    "italian": "Quando il traghetto arrivò, non c'era nessuno sul molo e le luci erano spente, così siamo "
    "tornati a casa con la luce della luna, che era molto chiara.",
    "dutch": "Toen de veerpont eindelijk kwam was er niemand op de steiger en waren de lampen uit, dus "
    "roeiden wij bij het licht van de maan naar huis met een lied.",
    "portuguese": "Quando a barca por fim chegou, não havia ninguém no cais e as luzes estavam todas "
    "apagadas, por isso remámos até casa com a luz da lua, que era muito clara.",
}


@pytest.mark.parametrize("name", SAMPLES)
def test_languages_are_told_apart(name: str) -> None:
    assert language_of(LookedAt(SAMPLES[name]).words) == name
    flags = [flag.rule for flag in check("x", f"The ferry left.\n\n{SAMPLES[name]}")]
    assert flags == ([] if name == "english" else ["wrong-language"])


def test_nothing_is_said_about_the_language_of_a_few_words() -> None:
    assert language_of(LookedAt("Der Fährmann und die See.").words) == ""


@settings(max_examples=30)
@given(st.lists(st.sampled_from(SAMPLES["english"].split()), min_size=20, max_size=60))
def test_english_words_in_any_order_are_english(words: list[str]) -> None:
    assert language_of(LookedAt(" ".join(words)).words) in ("english", "")
