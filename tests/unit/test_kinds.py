"""Kinds: the shipped ones, the user's own, and every way in which a file of the user's can be wrong."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from ysnakes_core.errors import UsageError
from ysnakes_core.synthesis.kinds import SHIPPED, kind_file, load_kinds, own_kinds_folder
from ysnakes_core.synthesis.requests import RequestPlan

MINIMAL = """
title = "Mine"
what = "Something of my own."
requests = ["Write about {thing}.", "Tell me about {a thing}."]
[inputs.thing]
values = ["owl", "lion"]
[length]
min = 10
max = 40
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("YSNAKES_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def own_folder(tmp_path: Path, content: str | bytes, name: str = "mine.toml", **lists: str) -> Path:
    folder = tmp_path / "own kinds"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    for stem, text in lists.items():
        (folder / f"{stem}.txt").write_text(text, encoding="utf-8")
    return folder


def test_all_kinds_that_come_with_the_program_are_there() -> None:
    assert SHIPPED == (
        "blog", "wiki", "scripts", "sentences", "synonyms", "stories",
        "eli5", "howto", "slice-of-life", "textbook", "sentiment",
    )  # fmt: skip
    kinds = load_kinds()
    assert tuple(kinds) == SHIPPED
    assert {path.stem for path in kind_file(kinds["blog"]).parent.glob("*.toml")} == set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_kinds_are_complete(name: str) -> None:
    kind = load_kinds()[name]
    assert kind.name == name
    assert kind.source is None
    assert kind_file(kind).is_file()
    assert kind.title
    assert kind.what.endswith(".")
    assert len(kind.requests) >= 5
    assert kind.combinations > 10_000
    assert kind.checks.min_words <= kind.length.min < kind.length.max <= kind.checks.max_words
    assert kind.options["temperature"] > 0
    assert kind.options["num_predict"] > 1.5 * kind.length.max  # tokens; room to come to an end


def test_own_kinds_stand_beside_the_shipped_ones(tmp_path: Path) -> None:
    folder = own_folder(tmp_path, MINIMAL)
    (folder / "notes.txt").write_text("not a kind")
    (folder / ".hidden.toml").write_text("not a kind either")
    kinds = load_kinds(folder)
    assert list(kinds) == [*SHIPPED, "mine"]
    mine = kinds["mine"]
    assert mine.source == kind_file(mine) == folder / "mine.toml"
    assert (mine.checks.min_words, mine.checks.max_words, mine.checks.must_end_sentence) == (5, 80, True)
    plan = RequestPlan(mine, 1)
    assert {plan.request(index).text for index in range(4)} == {
        "Write about owl.",
        "Write about lion.",
        "Tell me about an owl.",
        "Tell me about a lion.",
    }


def test_the_usual_folder_for_own_kinds_is_in_the_home(home: Path) -> None:
    assert "mine" not in load_kinds()
    own_kinds_folder().mkdir(parents=True)
    (own_kinds_folder() / "mine.toml").write_text(MINIMAL)
    assert own_kinds_folder() == home / "kinds"
    assert "mine" in load_kinds()


def test_a_kind_can_read_a_list_beside_it_with_columns_and_conditions(tmp_path: Path) -> None:
    content = MINIMAL.replace(
        'values = ["owl", "lion"]',
        'file = "things.txt"\ncolumns = ["thing", "home", "size"]\nwhere = { size = ["small"] }',
    ).replace("about {thing}.", "about {thing} in {a thing.home}.")
    folder = own_folder(
        tmp_path, content, things="# a comment\nowl | oak | small\n\nlion | den | big\nant | hill | small\n"
    )
    mine = load_kinds(folder)["mine"]
    plan = RequestPlan(mine, 1)
    texts = {plan.request(index).text for index in range(4)}
    assert texts == {
        "Write about owl in an oak.",
        "Write about ant in a hill.",
        "Tell me about an owl.",
        "Tell me about an ant.",
    }
    assert mine.inputs[0].origin == "things.txt"


def test_a_value_can_be_chosen_by_another(tmp_path: Path) -> None:
    content = """
title = "Mine"
what = "People."
requests = ["{name} is {age}."]
[inputs.name]
catalog = "names"
where = { region = "China" }
[inputs.age]
choose = "name.gender"
values = [{ f = "a girl", m = "a boy", any = "a child" }]
[length]
min = 1
max = 9
"""
    kind = load_kinds(own_folder(tmp_path, content))["mine"]
    plan = RequestPlan(kind, 1)
    gender = {entry.text: entry.fields["gender"] for entry in kind.inputs[0].entries}
    assert len(gender) == kind.combinations
    for index in range(plan.combinations):
        request = plan.request(index)
        said = {"f": "a girl", "m": "a boy", "any": "a child"}[gender[request.inputs["name"]]]
        assert request.text == f"{request.inputs['name']} is {said}."


def test_a_kind_needs_no_inputs(tmp_path: Path) -> None:
    content = MINIMAL.split("[inputs")[0].replace("{thing}", "snakes").replace("{a thing}", "a snake")
    kind = load_kinds(own_folder(tmp_path, content + "[length]\nmin = 1\nmax = 2\n"))["mine"]
    assert kind.combinations == 2
    assert {RequestPlan(kind, 1).request(index).text for index in (0, 1)} == set(kind.requests)


THING = 'values = ["owl", "lion"]'
but = MINIMAL.replace
WRONG = {
    "not toml": ("title =", "not valid TOML", "line"),
    "no title": (but('title = "Mine"', ""), "title is missing", "add title"),
    "title a number": (but('"Mine"', "5"), "title is not a text", "quotation marks"),
    "empty what": (but('"Something of my own."', '" "'), "what is empty", "write"),
    "no requests": (but("requests =", "request ="), "request is not something", "requests"),
    "requests a text": (but('["Write about {thing}.", "Tell me about {a thing}."]', '"x"'), "requests", "["),
    "same wording": (but("Tell me about {a thing}.", "Write about {thing}."), "same wording", "leave"),
    "unknown slot": (but("{thing}.", "{thing} {nobody}."), "requests[0] uses {nobody}", "{thing}"),
    "unknown field": (but("{thing}.", "{thing} {thing.color}."), "{thing.color}", "{thing}"),
    "broken brace": (but("{thing}.", "{thing."), "requests[0]", "{name}"),
    "unused input": (but("about {thing}.", "something."), "does not use {thing}", "every input"),
    "two sources": (but(THING, f'{THING}\ncatalog = "topics"'), "inputs.thing", "catalog"),
    "no source": (but(THING, ""), "inputs.thing needs one of", "catalog"),
    "no catalog": (but(THING, 'catalog = "../kinds/blog"'), "inputs.thing.catalog", "topics"),
    "empty values": (but(THING, "values = []"), "inputs.thing.values", "write values"),
    "values of numbers": (but(THING, "values = [1, 2]"), "inputs.thing.values[0]", "quotation"),
    "repeated value": (but('"lion"', '"owl"'), "same entry twice: owl", "leave one"),
    "wrong input name": (but("inputs.thing", 'inputs."The Thing"'), "no name for an input", "small"),
    "reserved input": (
        but("inputs.thing", "inputs.min_words").replace("{thing}", "{min_words}"),
        "inputs.min_words",
        "otherwise",
    ),
    "input no table": (but("[inputs.thing]\n" + THING, 'inputs = "x"'), "inputs", "[inputs]"),
    "where without fields": (
        but(THING, f'{THING}\nwhere = {{ x = "y" }}'),
        "inputs.thing.where.x",
        "no fields",
    ),
    "where nothing": (
        but(THING, 'catalog = "topics"\nwhere = { field = "nonsense" }'),
        "inputs.thing.where",
        "less",
    ),
    "where unknown": (but(THING, 'catalog = "topics"\nwhere = { color = "red" }'), "where.color", "region"),
    "choose nothing": (but(THING, 'choose = "name.gender"\nvalues = [{f = "x"}]'), "choose", "above"),
    "columns without file": (but(THING, f'{THING}\ncolumns = ["a"]'), "inputs.thing.columns", "leave"),
    "no length": (MINIMAL.split("[length]")[0], "length.min", "number"),
    "length upside down": (but("max = 40", "max = 4"), "length.max", "10 to"),
    "length a text": (but("max = 40", 'max = "40"'), "length.max", "number"),
    "length true": (but("max = 40", "max = true"), "length.max", "number"),
    "endless length": (but("max = 40", "max = 99999999999"), "length.max", "20,000"),
    "seed": (MINIMAL + "[options]\nseed = 1", "options.seed", "--seed"),
    "unknown option": (MINIMAL + "[options]\nmood = 1", "options.mood", "temperature"),
    "option nan": (MINIMAL + "[options]\ntemperature = nan", "options.temperature", "0 to 5"),
    "option text": (MINIMAL + '[options]\ntop_p = "x"', "options.top_p", "0 to 1"),
    "option too big": (MINIMAL + "[options]\ntop_p = 2", "options.top_p", "0 to 1"),
    "half tokens": (MINIMAL + "[options]\nnum_predict = 1.5", "options.num_predict", "100,000"),
    "unknown check": (MINIMAL + "[checks]\nwords = 3", "checks.words", "min_words"),
    "check no flag": (
        MINIMAL + '[checks]\nmust_end_sentence = "yes"',
        "checks.must_end_sentence",
        "true or false",
    ),
    "marker in a value": (but('"owl"', '"owl<start>"'), "inputs.thing.values[0]", "leave it out"),
    "escape in a wording": (but("Write about", "\\u001b[31m"), "requests[0]", "without"),
    "hidden key": (but("title", '"ti\\u001btle"'), "ti␛tle", "use title"),
    "too long a value": (but("owl", "owl" * 2000), "inputs.thing.values[0]", "4,000"),
    "too deep": ("x = " + "[" * 20_000, "not valid TOML", "mend"),
    "too large": ("# " + "x" * 300_000, "256 kB", "smaller"),
    "huge number": (but("max = 40", "max = " + "9" * 5000), "not valid TOML", "mend"),
    "list missing": (but(THING, 'file = "none.txt"'), "inputs.thing.file", "copy the list"),
    "list above": (but(THING, 'file = "../secret.txt"'), "inputs.thing.file", "copy the list"),
    "list absolute": (but(THING, 'file = "/etc/passwd"'), "inputs.thing.file", "copy the list"),
    "list in a folder": (but(THING, 'file = "sub/list.txt"'), "inputs.thing.file", "copy the list"),
    "list the folder": (but(THING, 'file = "."'), "inputs.thing.file", "copy the list"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_file_key_and_what_to_do(case: str, tmp_path: Path) -> None:
    content, problem, hint = WRONG[case]
    (tmp_path / "secret.txt").write_text("a secret")
    folder = own_folder(tmp_path, content)
    with pytest.raises(UsageError) as caught:
        load_kinds(folder)
    assert str(folder / "mine.toml") in caught.value.what
    assert problem in caught.value.what
    assert hint in f"{caught.value.what} {caught.value.hint}"
    assert caught.value.hint
    assert "secret" not in caught.value.what.replace("secret.txt", "")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("blog.toml", "already is a kind blog"),
        ("My Kind.toml", "small letters"),
        ("x" * 41 + ".toml", "small letters"),
    ],
)
def test_names_that_cannot_be_used_are_refused(name: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        load_kinds(own_folder(tmp_path, MINIMAL, name))
    assert "rename" in caught.value.hint


@pytest.mark.parametrize("content", [b"\xff\xfe", MINIMAL.encode("utf-16")])
def test_a_file_that_is_not_utf8_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not UTF-8"):
        load_kinds(own_folder(tmp_path, content))


def test_windows_line_ends_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode()
    assert load_kinds(own_folder(tmp_path, content))["mine"].combinations == 4


def listed(tmp_path: Path) -> Path:
    return own_folder(tmp_path, MINIMAL.replace(THING, 'file = "list.txt"'))


def test_a_link_to_a_list_elsewhere_is_not_followed(tmp_path: Path) -> None:
    folder = listed(tmp_path)
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret")
    try:
        (folder / "list.txt").symlink_to(secret)
    except OSError:
        pytest.skip("this system lets nobody make links")
    with pytest.raises(UsageError, match="not a file beside"):
        load_kinds(folder)


def test_a_link_in_a_circle_is_refused(tmp_path: Path) -> None:
    folder = listed(tmp_path)
    try:
        (folder / "list.txt").symlink_to(folder / "list.txt")
    except OSError:
        pytest.skip("this system lets nobody make links")
    with pytest.raises(UsageError, match="not a file beside"):
        load_kinds(folder)


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    folder = listed(tmp_path)
    (folder / "list.txt").write_text("owl\nlion\n")
    try:
        (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    except OSError:
        pytest.skip("this system lets nobody make links")
    assert load_kinds(tmp_path / "link")["mine"].combinations == 4


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_place_of_a_list_is_refused_at_once(tmp_path: Path) -> None:
    folder = listed(tmp_path)
    os.mkfifo(folder / "list.txt")
    with pytest.raises(UsageError, match="no plain file"):
        load_kinds(folder)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("owl\nowl\n", "same entry twice: owl"),
        ("\n# only a comment\n", "has no entries"),
        ("owl\nli\x1bon\n", r"\(list.txt, line 2\) has control"),
        ("owl\n" + "x" * 5000, r"\(list.txt, line 2\) is too long"),
        ("owl\n<end>", "line 2"),
    ],
)
def test_a_list_with_something_wrong_names_its_line(text: str, problem: str, tmp_path: Path) -> None:
    folder = listed(tmp_path)
    (folder / "list.txt").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=problem) as caught:
        load_kinds(folder)
    assert "mine.toml: inputs.thing.file" in caught.value.what


def test_a_line_with_missing_columns_is_named(tmp_path: Path) -> None:
    folder = own_folder(
        tmp_path, MINIMAL.replace(THING, 'file = "list.txt"\ncolumns = ["a", "b"]'), list="owl | oak\nlion\n"
    )
    with pytest.raises(UsageError, match=r"line 2\) needs 2 parts"):
        load_kinds(folder)


def test_lists_without_end_cannot_fill_the_memory(tmp_path: Path) -> None:
    folder = listed(tmp_path)
    (folder / "list.txt").write_bytes(b"a\n" * 3_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(UsageError, match="no plain file of at most"):
            load_kinds(folder)
        (folder / "list.txt").write_bytes(b"a\n" * 1_000_000)
        with pytest.raises(UsageError, match="more than 100,000 entries"):
            load_kinds(folder)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40_000_000


def test_many_long_lists_are_bounded_together(tmp_path: Path) -> None:
    inputs = "".join(f'[inputs.i{number}]\nfile = "list.txt"\n' for number in range(6))
    named = " ".join(f"{{i{number}}}" for number in range(6))
    content = f'title = "x"\nwhat = "x"\nrequests = ["{named}"]\n{inputs}[length]\nmin = 1\nmax = 2\n'
    folder = own_folder(tmp_path, content, list="\n".join(map(str, range(99_000))))
    with pytest.raises(UsageError, match="one list too many") as caught:
        load_kinds(folder)
    assert "inputs.i5.file" in caught.value.what


def test_too_many_kinds_are_refused(tmp_path: Path) -> None:
    folder = own_folder(tmp_path, MINIMAL)
    for number in range(100):
        (folder / f"k{number}.toml").write_text(MINIMAL)
    with pytest.raises(UsageError, match="more than 100 kinds"):
        load_kinds(folder)


def test_a_named_folder_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        load_kinds(tmp_path / "nowhere")
