"""The registry of actions, the keys that a person writes, and what is said about a bad choice of them."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest
from textual.app import App
from textual.binding import Binding
from textual.keys import _character_to_key
from textual.widget import Widget
from typer.testing import CliRunner

from ysnakes_core.errors import UsageError
from ysnakes_tui.actions import ACTIONS, CONTEXTS, actions_for, actions_of, bindings_for, enclosing
from ysnakes_tui.cli import app
from ysnakes_tui.keymap import (
    _SAME_AS,
    _TAKEN,
    PREFIXES,
    keymap_from,
    normal,
    shown_key,
    textual_name,
    usual_keymap,
)
from ysnakes_tui.user_settings import own_keymap, settings_file, starting_config, template


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("YSNAKES_HOME", str(place))
    return place


def run_here(*args: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(args))
    return result.exit_code, result.stdout, result.stderr


# The registry.


def test_every_action_explains_itself() -> None:
    for action in ACTIONS.values():
        assert action.id.isidentifier()
        assert action.context in CONTEXTS
        assert action.help.endswith(".")
        assert 2 <= len(action.title) <= 24
        assert len(action.label) <= 14 or not action.rank


def test_all_that_training_needs_is_there() -> None:
    wanted = {
        **{"new_run": "n", "start": "enter", "pause": "space", "stop": "x", "checkpoint": "c"},
        **{"validate": "v", "sample": "s", "run_steps": ".", "rate_down": "[", "rate_up": "]"},
        **{"early_stopping": "e", "snooze": "z", "runs": "r", "compare": "m", "log_scale": "l"},
        **{"zoom_in": "+", "zoom_out": "-", "copy_resume": "y", "open_folder": "o", "delete": "d"},
        **{"undo": "u", "attach": "enter", "show_data": "1", "show_train": "2", "show_complete": "3"},
        **{"help": "f1", "quit": "q"},
    }
    assert {name: ACTIONS[name].keys[0] for name in wanted} == wanted


def test_the_usual_keys_do_not_clash() -> None:
    assert usual_keymap().warnings == ()
    for context in CONTEXTS:
        keys = [key for action in actions_for(context) for key in usual_keymap().of(action.id)]
        assert len(keys) == len(set(keys)), context
    assert all(len(usual_keymap().of(action.id)) == len(action.keys) for action in ACTIONS.values())


def test_no_usual_key_is_lost_in_a_multiplexer_or_a_terminal() -> None:
    for action in ACTIONS.values():
        keys = usual_keymap().of(action.id)
        assert not set(keys) & {*PREFIXES, *_SAME_AS}
        if keys:  # one that zellij takes may be there beside another that it does not
            assert [key for key in keys if key not in _TAKEN], action.id


def test_a_pane_can_have_a_method_for_each_of_its_actions() -> None:
    for action in ACTIONS.values():
        if action.context != "app":
            assert not hasattr(Widget, f"action_{action.id}"), "it would do something else already"
            assert not hasattr(App, f"action_{action.id}")


def test_what_holds_outside_holds_inside_too() -> None:
    assert list(enclosing("runs")) == ["runs", "run", "app"]
    assert list(enclosing("something new")) == ["app"]
    assert {"mark", "delete", "quit"} <= {action.id for action in actions_for("runs")}
    assert "mark" not in {action.id for action in actions_for("train")}


def test_bindings_have_the_keys_of_the_keymap() -> None:
    bindings = bindings_for("train", keymap_from({"zoom_in": ["+", "f6"], "pause": ""}))
    assert all(isinstance(binding, Binding) for binding in bindings)
    keys = {binding.id: [each.key for each in bindings if each.id == binding.id] for binding in bindings}
    assert keys["zoom_in"] == ["plus", "f6"]
    assert "pause" not in keys
    assert {binding.action for binding in bindings if binding.id == "stop"} == {"app.perform('stop')"}


# How keys are written.


@pytest.mark.parametrize("character", string.ascii_letters + string.digits + string.punctuation)
def test_every_character_is_a_key_by_textuals_name(character: str) -> None:
    assert normal(character) == character
    assert textual_name(character) == _character_to_key(character)
    assert shown_key(character) == character


@pytest.mark.parametrize(
    ("written", "meant", "name"),
    [
        ("Ctrl+P", "ctrl+p", "ctrl+p"),
        ("ctrl++", "ctrl++", "ctrl+plus"),
        ("alt+ctrl+x", "ctrl+alt+x", "ctrl+alt+x"),
        ("shift+p", "P", "P"),
        ("shift+f5", "shift+f5", "shift+f5"),
        (" ", "space", "space"),
        ("Esc", "escape", "escape"),
        ("PgDn", "pagedown", "pagedown"),
        ("F12", "f12", "f12"),
    ],
)
def test_keys_may_be_written_in_several_ways(written: str, meant: str, name: str) -> None:
    assert normal(written) == meant
    assert textual_name(meant) == name


@pytest.mark.parametrize("text", ["", "ab", "f25", "hyper+x", "ctrl+nothing", "\x00", "\x1b", "shift+1"])
def test_what_is_no_key(text: str) -> None:
    assert normal(text) is None


def test_keys_are_shown_briefly() -> None:
    assert [shown_key(key) for key in ("escape", "f1", "left", "ctrl+pageup", "+")] == [
        *("esc", "F1", "←", "ctrl+pgup", "+")
    ]
    assert shown_key("left", ascii=True) == "left"


# A person's own keys.


def test_own_keys_take_the_place_of_the_usual_ones() -> None:
    keymap = keymap_from({"pause": "p", "zoom_in": ["f6", "f7"], "snooze": "", "undo": []})
    assert keymap.warnings == ()
    assert keymap.of("pause") == ("p",)
    assert keymap.of("zoom_in") == ("f6", "f7")
    assert keymap.of("snooze") == keymap.of("undo") == ()
    assert keymap.of("stop") == ("x",)


def test_a_chosen_key_is_taken_from_what_had_it_and_that_is_said() -> None:
    keymap = keymap_from({"pause": "v"})
    assert keymap.of("pause") == ("v",)
    assert keymap.of("validate") == ()
    (warning,) = keymap.warnings
    assert "v would be both “Pause or resume” (pause" in warning
    assert "validate has no key left" in warning


def test_a_key_of_everywhere_clashes_with_one_inside() -> None:
    keymap = keymap_from({"theme": "x"})
    assert (keymap.of("theme"), keymap.of("stop")) == (("x",), ())
    assert "(stop, watching a run)" in keymap.warnings[0]


def test_of_two_chosen_ones_the_first_has_it() -> None:
    keymap = keymap_from({"validate": ["v", "f9"], "stop": "v"})
    assert (keymap.of("stop"), keymap.of("validate")) == (("v",), ("f9",))
    assert "validate keeps f9" in keymap.warnings[0]


def test_exchanged_keys_and_keys_of_different_places_do_not_clash() -> None:
    assert keymap_from({"pause": "x", "stop": "space"}).warnings == ()
    assert keymap_from({"mark": "v"}).warnings == ()  # v is of the pane, mark of the list of runs


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"pase": "p"}, "did you mean pause?"),
        ({"\x1b[31mqzqzqz": "p"}, "no action called ␛[31mqzqzqz: `ysnakes keys` lists them all"),
        ({"pause": 3}, 'write pause = "p"'),
        ({"pause": ["p", 3]}, 'write pause = "p"'),
        ({"pause": "hyper+p"}, "'hyper+p' (for pause) is no key"),
        ({"pause": "ctrl+b"}, "inside tmux and zellij it does not reach the app"),
        ({"pause": "ctrl+a"}, "inside screen"),
        ({"pause": "ctrl+g"}, "inside zellij"),
        ({"pause": "ctrl+h"}, "most terminals send the same for backspace"),
        ({"pause": "ctrl+i"}, "most terminals send the same for tab"),
        ({"pause": "ctrl+m"}, "most terminals send the same for enter"),
        ({"pause": "ctrl+["}, "most terminals send the same for escape"),
        ({"pause": "tab"}, "already moves between the parts of the screen"),
        ({"quit": ""}, "nothing is left to press for “Quit” (quit), but there is ctrl+c twice"),
        ({"help": []}, "a click on the last line"),
    ],
)
def test_what_is_unwise_is_said_in_plain_words(table: dict[str, object], told: str) -> None:
    (warning,) = keymap_from(table).warnings
    assert told in warning


def test_a_key_that_is_none_leaves_the_usual_one() -> None:
    assert keymap_from({"pause": "hyper+p"}).of("pause") == ("space",)
    assert keymap_from({"pause": ["hyper+p", "p"]}).of("pause") == ("p",)


# In the settings file.


def test_keys_live_in_the_settings_file_beside_the_runs_settings() -> None:
    settings_file().write_text('[model]\nd_model = 512\n\n[keys]\npause = "p"\n\n[training]\nseed = 7\n')
    assert own_keymap().of("pause") == ("p",)
    assert (starting_config(None).model.d_model, starting_config(None).training.seed) == (512, 7)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"keys = 3\n", "keys is no section"),
        (b"[keys\n", "is not valid TOML"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b'[keys]\npause = "v"\n', "would be both"),
    ],
)
def test_a_bad_settings_file_leaves_keys_to_go_on_with(content: bytes, told: str) -> None:
    settings_file().write_bytes(content)
    assert any(told in warning for warning in own_keymap().warnings)
    assert own_keymap().of("quit") == ("q",)


def test_a_wrong_run_setting_is_still_found_beside_keys() -> None:
    settings_file().write_text('[keys]\npause = "p"\n[model]\nd_modle = 3\n')
    with pytest.raises(UsageError, match="d_modle"):
        starting_config(None)


def test_the_template_names_every_action_and_changes_nothing() -> None:
    before = starting_config(None)
    settings_file().write_text(template())
    assert starting_config(None) == before
    assert own_keymap() == usual_keymap()
    for action in ACTIONS.values():
        assert f"\n# {action.id} = " in template()
    every = "\n".join(
        line.removeprefix("# ") for line in template().splitlines() if not line.startswith("##")
    )
    settings_file().write_text(every[every.index("[keys]") :])
    assert own_keymap() == usual_keymap()


# ``ysnakes keys``.


def test_the_table_has_every_action_with_its_keys() -> None:
    code, out, err = run_here("keys")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    column = lines[0].index("name")
    for action in ACTIONS.values():
        (line,) = [line for line in lines if line[column:].startswith(f"{action.id} ")]
        shown = " ".join(map(shown_key, usual_keymap().of(action.id))) or "-"
        assert line.startswith(shown + " ")
        assert action.help in line
    for context in CONTEXTS.values():
        assert context.title in lines
    parts = "\n".join(lines[1:]).split("\n\n")
    for part, context in zip(parts, CONTEXTS.values(), strict=True):
        title, *under = part.strip().splitlines()
        assert title == context.title
        assert [line[column:].split(" ")[0] for line in under] == [a.id for a in actions_of(context.name)]


def test_json_has_a_line_for_each_and_own_keys_hold() -> None:
    settings_file().write_text('[keys]\npause = ["p", "v"]\n')
    code, out, err = run_here("keys", "--json")
    found = {row["id"]: row for row in map(json.loads, out.splitlines())}
    assert code == 0
    assert found.keys() == ACTIONS.keys()
    assert found["pause"]["keys"] == ["p", "v"]
    assert found["pause"]["usual_keys"] == ["space"]
    assert found["validate"]["keys"] == []
    assert "warning: v would be both" in err


def test_editing_the_settings_says_what_is_wrong_with_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    settings_file().write_text('[keys]\npause = "ctrl+b"\n')
    monkeypatch.setenv("EDITOR", "true")
    code, _, err = run_here("config", "edit")
    assert code == 0
    assert "tmux" in err
    settings_file().write_text('[keys]\npause = "p"\n')
    assert "is in order" in run_here("config", "edit")[2]
