"""The catalogs: as large as promised, balanced, without repeats, and fit to stand in a sentence."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from ysnakes_core.synthesis.catalogs import NAMES, catalog, entry_of_line, matching

CONTINENTS = {"Africa", "Asia", "Europe", "North America", "South America", "Oceania"}
WANTED = {
    "words": 3000,
    "topics": 400,
    "events": 200,
    "names": 1000,
    "places": 200,
    "explain": 300,
    "howtos": 200,
    "textbooks": 60 * 4,
    "emotions": 28 * 8,
}
ERAS = {
    "before 500": (-10_000, 499),
    "500 to 1499": (500, 1499),
    "1500 to 1799": (1500, 1799),
    "1800 to 1913": (1800, 1913),
    "since 1914": (1914, 2025),
}


def counted(name: str, field: str) -> Counter[str]:
    return Counter(entry.fields[field] for entry in catalog(name).entries)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_as_large_as_promised_and_says_what_it_is(name: str) -> None:
    assert len(catalog(name).entries) >= WANTED[name]
    assert catalog(name).what


@pytest.mark.parametrize("name", NAMES)
def test_no_entry_stands_twice(name: str) -> None:
    own = [f"{entry.text} {entry.fields.get('title', '')}".casefold() for entry in catalog(name).entries]
    assert [text for text, count in Counter(own).items() if count > 1] == []


@pytest.mark.parametrize("name", NAMES)
def test_entries_can_stand_in_a_sentence(name: str) -> None:
    fields = set(catalog(name).entries[0].fields)
    for entry in catalog(name).entries:
        assert set(entry.fields) == fields
        for text in (entry.text, *entry.fields.values()):
            assert text == " ".join(text.split())
            assert not re.search(r"[{}|<>\x00-\x1f]|\.$|,$", text), text


def test_words_are_single_words_of_all_parts_of_speech() -> None:
    assert all(re.fullmatch(r"[a-z]+", entry.text) for entry in catalog("words").entries)
    parts = counted("words", "part")
    assert set(parts) == {"noun", "verb", "adjective", "adverb"}
    assert min(parts.values()) >= 200
    with_synonyms = Counter(
        entry.fields["part"] for entry in matching(catalog("words").entries, {"synonyms": ["yes"]})
    )
    assert min(with_synonyms[part] for part in parts) >= 200


def test_names_are_balanced_over_regions_and_genders() -> None:
    by_region = counted("names", "region")
    assert len(by_region) >= 20
    assert max(by_region.values()) <= 1.2 * min(by_region.values())
    pairs = Counter((entry.fields["region"], entry.fields["gender"]) for entry in catalog("names").entries)
    for region in by_region:
        assert pairs[region, "f"] == pairs[region, "m"]
        assert pairs[region, "any"] >= 4


@pytest.mark.parametrize(
    ("name", "field", "elsewhere"),
    [
        ("topics", "region", {"the world"}),
        ("events", "continent", {"Antarctica and space"}),
        ("places", "region", {"anywhere", "imagined"}),
    ],
)
def test_no_part_of_the_world_is_left_out(name: str, field: str, elsewhere: set[str]) -> None:
    counts = counted(name, field)
    assert set(counts) == CONTINENTS | elsewhere
    placed = {continent: counts[continent] for continent in CONTINENTS}
    share = sum(placed.values()) / len(CONTINENTS)
    assert max(placed.values()) <= 1.5 * share
    assert min(placed.values()) >= 0.5 * share


def test_topics_spread_over_the_fields() -> None:
    fields = counted("topics", "field")
    assert len(fields) >= 12
    assert max(fields.values()) <= 0.15 * sum(fields.values())
    assert min(fields.values()) >= 15


def year_of(when: str) -> int:
    match = re.fullmatch(r"(?:about )?(AD )?(\d{1,4})( BC)?", when)
    assert match, when
    year = int(match[2])
    assert (year < 1000) == bool(match[1] or (match[3] and year < 1000)), when
    return -year if match[3] else year


def test_events_lie_in_the_era_they_are_listed_in() -> None:
    eras = counted("events", "era")
    assert set(eras) == set(ERAS)
    assert min(eras.values()) >= 30
    for entry in catalog("events").entries:
        first, last = ERAS[entry.fields["era"]]
        assert first <= year_of(entry.fields["when"]) <= last, entry
        assert entry.fields["place"]


def test_every_continent_with_people_has_events_of_every_era() -> None:
    seen = {(entry.fields["continent"], entry.fields["era"]) for entry in catalog("events").entries}
    assert {(continent, era) for continent in CONTINENTS for era in ERAS} <= seen


def test_textbooks_have_four_to_eight_chapters() -> None:
    titles = counted("textbooks", "title")
    assert len(titles) >= 60
    assert all(4 <= chapters <= 8 for chapters in titles.values())


def test_there_are_28_emotions_with_enough_subjects() -> None:
    emotions = counted("emotions", "emotion")
    assert len(emotions) == 28
    assert min(emotions.values()) >= 8
    tones = Counter(
        {entry.fields["emotion"]: entry.fields["tone"] for entry in catalog("emotions").entries}.values()
    )
    assert tones["positive"] >= 8
    assert tones["negative"] >= 8


def test_things_to_explain_are_questions_inside_a_sentence() -> None:
    for entry in catalog("explain").entries:
        assert re.match(r"(why|how|what|where|who) ", entry.text), entry.text
        assert not entry.text.endswith("?")


def test_tasks_are_verbs_in_lower_case() -> None:
    assert all(
        entry.text[0].islower() and not entry.text.startswith("to ") for entry in catalog("howtos").entries
    )


def test_an_unknown_catalog_is_refused() -> None:
    with pytest.raises(KeyError):
        catalog("../kinds/blog")


def test_a_line_with_too_few_columns_is_refused() -> None:
    assert entry_of_line("a | b", ("x", "y")).fields == {"y": "b"}
    for line in ("a", "a | ", "a | b | c"):
        with pytest.raises(ValueError, match="needs 2 parts"):
            entry_of_line(line, ("x", "y"))
