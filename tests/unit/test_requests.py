"""Requests: the order they come in, what they say, and that both are the same everywhere."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ysnakes_core.synthesis.catalogs import Entry
from ysnakes_core.synthesis.kinds import SHIPPED, Checks, Input, Kind, Length, load_kinds
from ysnakes_core.synthesis.permutation import Permutation
from ysnakes_core.synthesis.requests import RequestPlan
from ysnakes_core.synthesis.wording import fill, slots, takes_an

# Vowels that do not sound like one, and the other way round; written apart from the code's own lists.
_A_BEFORE = re.compile(r"\ba (?=[aeiou])(?!(?:one|once|uni(?!n|m)|use|usu|eu|uran|ukul))(\w+)", re.IGNORECASE)
_AN_BEFORE = re.compile(r"\ban (?![aeiou]|hour|honest|heir|honor|X-ray)(\w+)", re.IGNORECASE)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YSNAKES_HOME", str(tmp_path))


def made_kind(*sizes: int, wordings: int = 3) -> Kind:
    """A kind with inputs a, b, … of these sizes."""
    nothing: MappingProxyType[str, str] = MappingProxyType({})
    inputs = tuple(
        Input(name, tuple(Entry(f"{name}{number}", nothing) for number in range(size)), None, "")
        for name, size in zip("abcdefgh", sizes, strict=False)
    )
    named = " ".join(f"{{{each.name}}}" for each in inputs)
    return Kind(
        name="made",
        title="Made",
        what="Made for a test.",
        length=Length(1, 9),
        options=MappingProxyType({"temperature": 1.0}),
        checks=Checks(1, 20, True),
        inputs=inputs,
        requests=tuple(f"w{number} {named}" for number in range(wordings)),
        instructions="",
    )


@given(st.integers(1, 3000), st.integers())
def test_a_permutation_is_one_to_one(size: int, key: int) -> None:
    order = Permutation(size, key)
    assert sorted(order(place) for place in range(size)) == list(range(size))


@given(st.integers(1, 10**30), st.integers(), st.data())
def test_a_large_permutation_stays_inside_and_apart(size: int, key: int, data: st.DataObject) -> None:
    order = Permutation(size, key)
    places = data.draw(st.sets(st.integers(0, size - 1), max_size=20))
    there = {order(place) for place in places}
    assert len(there) == len(places)
    assert all(0 <= place < size for place in there)


def test_a_permutation_depends_on_its_key_and_looks_shuffled() -> None:
    orders = {tuple(map(Permutation(50, key), range(50))) for key in range(20)}
    assert len(orders) == 20
    first = Counter(Permutation(10, key)(0) for key in range(2000))
    assert len(first) == 10
    assert max(first.values()) < 300  # 200 each, if even


def test_a_permutation_refuses_places_it_does_not_have() -> None:
    for place in (-1, 7):
        with pytest.raises(IndexError):
            Permutation(7, "key")(place)
    with pytest.raises(ValueError, match="at least one"):
        Permutation(0, "key")


def test_orders_are_the_same_on_every_machine() -> None:
    assert [Permutation(10, "pinned", 1)(place) for place in range(10)] == [5, 0, 2, 3, 7, 8, 9, 1, 6, 4]
    assert Permutation(10**18, "pinned")(12345) == 904071503802655728


@pytest.mark.parametrize("sizes", [(), (1,), (5,), (4, 3), (3, 2, 5), (1, 6)])
def test_all_combinations_come_once_before_any_comes_again(sizes: tuple[int, ...]) -> None:
    plan = RequestPlan(made_kind(*sizes), seed=3)
    first = [plan.request(index) for index in range(plan.combinations)]
    again = [plan.request(index) for index in range(plan.combinations, 2 * plan.combinations)]
    assert len({request.text for request in first}) == plan.combinations
    assert {request.text for request in again} == {request.text for request in first}
    assert len({request.key for request in first + again}) == 2 * plan.combinations


def test_no_inputs_return_in_other_words_before_all_have_come() -> None:
    plan = RequestPlan(made_kind(4, 3, 2, wordings=3), seed=8)
    for turn in range(3):
        inputs = {tuple(plan.request(index).inputs.values()) for index in range(24 * turn, 24 * (turn + 1))}
        assert len(inputs) == 24


def test_every_subject_comes_once_before_any_comes_again() -> None:
    plan = RequestPlan(made_kind(7, 9, wordings=2), seed=5)
    for turn in range(18):
        subjects = {plan.request(index).inputs["a"] for index in range(7 * turn, 7 * (turn + 1))}
        assert len(subjects) == 7


def test_stories_use_every_plot_and_mix_all_the_rest() -> None:
    plan = RequestPlan(load_kinds()["stories"], seed=1)
    assert plan.combinations > 10**9
    requests = [plan.request(index) for index in range(1200)]
    plots = Counter(request.inputs["plot"] for request in requests)
    assert max(plots.values()) - min(plots.values()) <= 1
    assert len({tuple(request.inputs.values()) for request in requests}) == len(requests)
    for name in ("genre", "age", "place", "extra", "ending"):
        counts = Counter(request.inputs[name] for request in requests)
        assert max(counts.values()) < 3 * len(requests) / len(counts)
    genders = {each.text: each.fields["gender"] for each in load_kinds()["stories"].inputs[2].entries}
    told = Counter(genders[request.inputs["name"]] for request in requests)
    assert 0.8 < told["f"] / told["m"] < 1.25


def test_requests_do_not_depend_on_those_before_them() -> None:
    kind = load_kinds()["blog"]
    there = [RequestPlan(kind, 9).request(index) for index in range(30)]
    plan = RequestPlan(kind, 9)
    assert [plan.request(index) for index in reversed(range(30))] == there[::-1]


def test_a_request_says_all_that_is_needed_to_make_it_again() -> None:
    kind = load_kinds()["sentiment"]
    request = RequestPlan(kind, 4).request(17)
    assert (request.kind, request.index) == ("sentiment", 17)
    assert 0 <= request.seed < 2**31
    assert request.text.startswith(request.record_request)
    assert "30 to 100 words" in request.text
    assert "30 to 100 words" not in request.record_request
    assert request.key == hashlib.sha256(f"sentiment\x1f{request.text}".encode()).hexdigest()
    assert request.options == kind.options
    assert set(request.inputs) == {"subject", "writer", "form", "way"}


def test_seeds_of_records_differ_by_job_and_index() -> None:
    kinds = load_kinds()
    seeds = [
        RequestPlan(kinds[name], seed).request(index).seed
        for name in ("blog", "wiki")
        for seed in (1, 2)
        for index in range(200)
    ]
    assert len(set(seeds)) == len(seeds)


def test_another_seed_asks_for_other_things() -> None:
    kind = load_kinds()["wiki"]
    first, other = ([RequestPlan(kind, seed).request(index).text for index in range(40)] for seed in (1, 2))
    assert len(set(first) & set(other)) < 5


def test_a_negative_index_is_refused() -> None:
    with pytest.raises(IndexError):
        RequestPlan(made_kind(3), 1).request(-1)


def test_requests_are_the_same_on_every_machine() -> None:
    """Jobs are resumed by seed and index: if these change, old jobs ask for other things."""
    plan = RequestPlan(made_kind(11, 5, 3), seed=2026)
    keys = "".join(plan.request(index).key for index in range(100))
    seeds = ",".join(str(plan.request(index).seed) for index in range(3))
    assert hashlib.sha256(keys.encode()).hexdigest()[:16] == "550f7d2ff88e10ad"
    assert seeds == "1521086606,1771099605,1644523659"


def requests_with_every_entry(kind: Kind) -> Iterator[tuple[str, str]]:
    """The wording, filled, for every wording with every entry of every input."""
    base = [each.entries[0] for each in kind.inputs]
    for place, each in enumerate(kind.inputs):
        for entry in each.entries:
            chosen = [*base[:place], entry, *base[place + 1 :]]
            single = dataclasses.replace(
                kind,
                inputs=tuple(
                    dataclasses.replace(one, entries=(its,))
                    for one, its in zip(kind.inputs, chosen, strict=True)
                ),
            )
            plan = RequestPlan(single, 1)
            for number in range(plan.combinations):
                request = plan.request(number)
                yield request.record_request, request.text


@pytest.mark.parametrize("name", SHIPPED)
def test_every_wording_reads_well_with_every_entry(name: str) -> None:
    kind = load_kinds()[name]
    seen = 0
    for request, text in requests_with_every_entry(kind):
        seen += 1
        assert not re.search(r"[{}]|  |\.\.|,,|\?\.| [.,?]", text), text
        assert request[0].isupper(), request
        assert request[-1] in '.?"', request
        assert "\n" not in request, request
        assert not _A_BEFORE.search(text), text
        assert not _AN_BEFORE.search(text), text
    assert seen >= len(kind.requests) * max(len(each.entries) for each in kind.inputs)


@pytest.mark.parametrize("name", SHIPPED)
def test_different_combinations_ask_for_different_things(name: str) -> None:
    plan = RequestPlan(load_kinds()[name], 3)
    texts = {plan.request(index).record_request for index in range(min(4000, plan.combinations))}
    assert len(texts) == min(4000, plan.combinations)


@pytest.mark.parametrize(
    "text",
    [
        "apple", "hour", "heir", "honest answer", "umbrella", "unimportant", "idea", "8-year-old",
        "11-year-old", "18th century", "80 books", "MRI scan", "X-ray", "Uzbek", "“open” door", "ugly duck",
        "urn", "ushering", "old man", "utter mess", "onion", "FM radio", "Ecuadorian", "unidentified thing",
    ],
)  # fmt: skip
def test_an_goes_before(text: str) -> None:
    assert takes_an(text)


@pytest.mark.parametrize(
    "text",
    [
        "banana", "house", "unicorn", "university", "union", "unit", "European", "eucalyptus", "use", "user",
        "usual day", "one-way street", "once-famous singer", "ukulele", "1-year-old", "110-page book",
        "12-year-old", "NASA probe", "UFO", "uranium mine", "Uruguayan", "hero", "utopia", "yak", "Ugandan",
        "unique day", "",
    ],
)  # fmt: skip
def test_a_goes_before(text: str) -> None:
    assert not takes_an(text)


def test_filling_knows_articles_capitals_fields_and_paragraphs() -> None:
    values = {"thing": "owl", "thing.home": "oak", "other": "lion"}
    assert fill("{A thing} and {a other} in {a thing.home}", values) == "An owl and a lion in an oak"
    assert fill("{Thing}:  {thing}\n{other}\n\n\nnew ", values) == "Owl: owl lion\n\nnew"
    assert slots("{a thing} {Thing} {thing.home}") == ("thing", "thing.home")
    with pytest.raises(KeyError):
        fill("{missing}", values)


@pytest.mark.parametrize("text", ["{", "}", "{}", "{two words}", "{a b c}", "{x.}", "{{x}}", "{0}"])
def test_a_brace_that_is_no_slot_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no slot"):
        slots(text)


def test_values_with_braces_are_left_alone() -> None:
    assert fill("{x}!", {"x": "{y}", "y": "no"}) == "{y}!"


def test_a_fingerprint_changes_with_anything_that_changes_requests() -> None:
    kind = made_kind(3, 2)
    others = [
        dataclasses.replace(kind, requests=kind.requests[:2]),
        dataclasses.replace(kind, instructions="Briefly."),
        dataclasses.replace(kind, length=Length(2, 9)),
        dataclasses.replace(kind, inputs=kind.inputs[::-1]),
    ]
    prints = [each.fingerprint for each in (kind, *others)]
    assert len(set(prints)) == len(prints)
    assert dataclasses.replace(kind, title="Other").fingerprint == kind.fingerprint
    assert all(a != b for a, b in itertools.pairwise(prints))
