"""Settings: exact in and out of TOML, readable from a command line, and refused in words that help."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ysnakes_core import configuration, paths
from ysnakes_core.configuration import (
    PRESETS,
    SECTIONS,
    RunConfig,
    apply_settings,
    from_toml,
    preset_config,
    to_toml,
    validated,
)
from ysnakes_core.errors import UsageError
from ysnakes_core.settings import LARGEST_NUMBER, Setting, describe, find_setting, setting

TEXTS = st.text(alphabet=st.characters(codec="utf-8"), max_size=30)


def every_setting() -> list[Setting]:
    return [
        s for section in SECTIONS for s in describe(section, type(getattr(RunConfig(), section))).values()
    ]


def values_of(entry: Setting) -> st.SearchStrategy[Any]:
    if entry.choices:
        return st.sampled_from(entry.choices)
    low, high = entry.low, entry.high
    if entry.type is bool:
        return st.booleans()
    if entry.type is int:
        return st.integers(int(low or 0), int(high) if high is not None else LARGEST_NUMBER)
    if entry.type is float:
        return st.floats(low, high if high is not None else 1e18, allow_nan=False)
    return TEXTS if entry.type is str else st.lists(TEXTS, max_size=4).map(tuple)


@st.composite
def configurations(draw: st.DrawFn) -> RunConfig:
    """Any configuration whose values are allowed and fit together."""
    sections: dict[str, Any] = {}
    for section in SECTIONS:
        known = describe(section, type(getattr(RunConfig(), section)))
        sections[section] = {key: draw(values_of(entry)) for key, entry in known.items()}
    head_dim, heads_per_group, groups = (draw(st.integers(1, 64)) for _ in range(3))
    sections["model"] |= {
        **{"head_dim": head_dim, "n_groups": groups, "expand": heads_per_group, "d_model": head_dim * groups},
        **{"dt_min": draw(st.floats(1e-8, 1.0)), "dt_max": draw(st.floats(1.5, 10.0))},
    }
    budget = draw(st.sampled_from(configuration.BUDGETS))
    sections["training"] |= {
        key: 0 if key in ("steps", "tokens") else 0.0 for key in configuration.BUDGETS if key != budget
    }
    kinds = {section: type(getattr(RunConfig(), section)) for section in SECTIONS}
    return RunConfig(preset=draw(TEXTS), **{s: kinds[s](**sections[s]) for s in SECTIONS})


@settings(max_examples=60, deadline=None)
@given(configurations())
def test_toml_gives_back_exactly_what_it_was_given(config: RunConfig) -> None:
    text = to_toml(config)
    assert from_toml(text) == config
    assert tomllib.loads(text).keys() == {"preset", *SECTIONS}
    assert all(character.isprintable() or character == "\n" for character in text)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_valid_and_survives(name: str) -> None:
    config = preset_config(name)
    assert validated(config) is config
    assert from_toml(to_toml(config)) == config
    assert config.preset == name


def test_every_setting_has_its_meaning_above_it() -> None:
    lines = to_toml(RunConfig()).splitlines()
    for entry in every_setting():
        at = next(i for i, line in enumerate(lines) if line.startswith(f"{entry.key} = "))
        assert entry.meaning
        assert lines[at - 1].startswith(f"# {entry.meaning}")


def test_every_default_is_allowed() -> None:
    for entry in every_setting():
        assert entry.check(entry.default) == entry.default, entry.name


def test_what_is_left_out_has_its_default() -> None:
    config = from_toml("[model]\nd_model = 512\n[training]\nminutes = 5\n")
    assert config.model == dataclasses.replace(RunConfig().model, d_model=512)
    assert config.training.minutes == 5.0
    assert type(config.training.minutes) is float
    assert config.schedule == RunConfig().schedule


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[modle]\n", ["'modle'", "did you mean model?"]),
        ("[model]\nd_modle = 3\n", ["'model.d_modle'", "did you mean d_model?"]),
        ("[model]\nd_model = 0\n", ["model.d_model", "0", "at least 1"]),
        ("[model]\nd_model = 2.5\n", ["model.d_model", "2.5", "whole number"]),
        ("[model]\nd_model = '8'\n", ["model.d_model", "'8'", "whole number"]),
        ("[model]\nd_model = true\n", ["model.d_model", "True", "whole number"]),
        ("[model]\nnorm = 'batchnorm'\n", ["model.norm", "'batchnorm'", "layernorm, rmsnorm"]),
        ("[model]\ndropout = 0.95\n", ["model.dropout", "0.95", "from 0 to 0.9"]),
        ("[model]\ndropout = nan\n", ["model.dropout", "nan"]),
        ("[training]\nlearning_rate = inf\n", ["training.learning_rate", "inf"]),
        ("[training]\nseed = 99999999999999999999\n", ["training.seed", "99999999999999999999"]),
        ("[data]\npaths = 'a'\n", ["data.paths", "'a'", "list of texts"]),
        ("[data]\npaths = ['a', 1]\n", ["data.paths", "list of texts"]),
        ("model = 3\n", ["model", "[model]"]),
        ("preset = 3\n", ["preset", "3"]),
        ("[model\n", ["not valid TOML", "line 1"]),
        ("x = " + "[" * 5000, ["TOML|nests"]),
        ("[training]\nseed = " + "9" * 5000, ["TOML|seed"]),
        ("[model]\nhead_dim = 100\n", ["head_dim 100 does not divide", "divisor of 512"]),
        ("[model]\nn_groups = 3\n", ["n_groups 3 does not divide", "divisor of 8"]),
        ("[model]\ndt_min = 0.1\n", ["dt_min 0.1 is not smaller than model.dt_max 0.1"]),
        (
            "[training]\nsteps = 5\nminutes = 2\n",
            ["more than one budget: steps = 5, minutes = 2", "at most one"],
        ),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(text: str, parts: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        from_toml(text)
    for part in parts:
        assert any(option in str(caught.value) for option in part.split("|")), str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("d_model=1_024", "model.d_model", 1024),
        ("steps=2k", "training.steps", 2000),
        ("training.tokens=2M", "training.tokens", 2_000_000),
        ("tokens=1.5k", "training.tokens", 1500),
        ("tokens=1e6", "training.tokens", 1_000_000),
        ("memory_limit=4G", "training.memory_limit", 4_000_000_000),
        ("learning_rate=3e-4", "training.learning_rate", 3e-4),
        ("minutes=5", "training.minutes", 5.0),
        (" weight_decay = .5 ", "training.weight_decay", 0.5),
        ("tie_embeddings=no", "model.tie_embeddings", False),
        ("early_stopping.enabled=FALSE", "early_stopping.enabled", False),
        ("pack=yes", "data.pack", True),
        ("sample_prompt=What is = here?", "validation.sample_prompt", "What is = here?"),
        ("paths=a.md, b c/", "data.paths", ("a.md", "b c/")),
        ('paths=["a,b.md", "c"]', "data.paths", ("a,b.md", "c")),
        ("paths=", "data.paths", ()),
    ],
)
def test_settings_of_a_command_line(text: str, name: str, value: object) -> None:
    changed = apply_settings(RunConfig(), [text])
    section, _, key = name.partition(".")
    found = getattr(getattr(changed, section), key)
    assert found == value
    assert type(found) is type(value)
    assert dataclasses.replace(changed, **{section: getattr(RunConfig(), section)}) == RunConfig()


def test_later_settings_win() -> None:
    assert apply_settings(RunConfig(), ["d_model=128", "model.d_model=512"]).model.d_model == 512


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("d_modle=3", ["'d_modle'", "model.d_model"]),
        ("model.d_modle=3", ["'model.d_modle'", "model.d_model"]),
        ("modle.d_model=3", ["'modle'", "model"]),
        ("training.patience=3", ["early_stopping.patience"]),
        ("model=3", ["is a section", "model.d_model"]),
        ("d_model", ["section.key=value"]),
        ("=3", ["section.key=value"]),
        ("preset=ys-1m", ["--preset"]),
        ("d_model=big", ["model.d_model", "'big'", "whole number"]),
        ("d_model=1.2345k", ["model.d_model", "1234.5"]),
        ("d_model=1e999", ["model.d_model", "inf"]),
        ("d_model=-4", ["model.d_model", "-4"]),
        ("steps=1h", ["training.steps", "'1h'"]),
        ("pack=maybe", ["data.pack", "'maybe'", "true or false"]),
        ("dropout=nan", ["model.dropout", "'nan'"]),
        ('paths=["a"', ["data.paths"]),
        ("paths=[1]", ["data.paths"]),
        ("sample_prompt=\ud800", ["validation.sample_prompt"]),
        ("n_groups=3", ["n_groups 3 does not divide"]),
        ("zzz=1", ["'zzz'"]),
        ("\x1b[2J=1", ["there is no setting '\\x1b[2J'"]),
    ],
)
def test_wrong_settings_of_a_command_line(text: str, parts: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        apply_settings(RunConfig(), [text])
    for part in parts:
        assert part in str(caught.value)


@dataclass(frozen=True)
class Left:
    both: int = setting(1, "a number")
    only_left: int = setting(1, "a number")


@dataclass(frozen=True)
class Right:
    both: int = setting(2, "another number")


def test_an_ambiguous_key_says_which_there_are() -> None:
    sections: dict[str, type] = {"left": Left, "right": Right}
    assert find_setting("only_left", sections).name == "left.only_left"
    assert find_setting("right.both", sections).default == 2
    with pytest.raises(UsageError, match=r"say which: left\.both or right\.both"):
        find_setting("both", sections)


@given(st.text(max_size=60))
def test_any_text_as_a_setting_is_taken_or_refused_in_our_words(text: str) -> None:
    try:
        changed = apply_settings(RunConfig(), [text])
    except UsageError:
        return
    assert from_toml(to_toml(changed)) == changed


def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YSNAKES_HOME", str(tmp_path / "home"))
    assert paths.runs_dir() == tmp_path / "home" / "runs"
    assert paths.cache_dir() == tmp_path / "home" / "cache"
    assert paths.runs_dir(tmp_path / "here") == tmp_path / "here"
    monkeypatch.delenv("YSNAKES_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert paths.home() == tmp_path / "data" / "ysnakes"
    assert paths.cache_dir() == tmp_path / "cache" / "ysnakes"
    assert not (tmp_path / "data").exists(), "asking for a place must not make it"


def test_the_shipped_corpus_is_found() -> None:
    assert list(paths.shipped_corpus().glob("*.md"))
