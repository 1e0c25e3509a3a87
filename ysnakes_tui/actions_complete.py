"""What one can do in the Complete pane."""

from __future__ import annotations

import functools

from ysnakes_tui.action import Action

_prompt = functools.partial(Action, context="prompt")
_PROMPT = (
    _prompt("send", ("enter",), "Send", "Have the model answer it or go on from it.", rank=4),
    _prompt("new_line", ("ctrl+l", "alt+enter", "shift+enter"), "New line", "Begin a new line.", rank=9),
)

# Their letters are text while one writes; the other keys hold there too.
_complete = functools.partial(Action, context="complete")
_COMPLETE = (
    _complete(
        "answer_again",
        ("r", "f5"),
        "Answer again",
        "Have the turn under the cursor (or the last one) answered anew; the other answers stay.",
        rank=6,
        short="Again",
    ),
    _complete(
        "variants",
        ("v", "f6"),
        "Variants",
        "Have several answers written at once, side by side, to choose from.",
        rank=7,
    ),
    _complete(
        "compare_models",
        ("m", "f7"),
        "Compare two models",
        "Have another run or checkpoint answer the same with the same seed, side by side.",
        rank=10,
        short="Compare",
    ),
    _complete(
        "edit_turn",
        ("e", "f8"),
        "Edit this turn",
        "Change what you said there, or the answer under the cursor, and go on from it; what is there stays "
        "as a branch.",
        rank=8,
        short="Edit",
    ),
    _complete(
        "show_settings",
        ("s", "f9"),
        "Settings",
        "Say how it writes: temperature, length, seed, presets, precision and the like.",
        rank=5,
    ),
    _complete(
        "choose_model",
        ("o", "ctrl+r"),
        "Choose the model",
        "Choose the run and the checkpoint that you talk to.",
        rank=11,
        short="Model",
    ),
    _complete("list_transcripts", ("l", "f12"), "Transcripts", "List what was talked earlier.", rank=12),
    _complete(
        "new_transcript", ("n",), "New transcript", "Begin anew; this one is kept.", rank=13, short="New"
    ),
    _complete(
        "follow_latest",
        ("L",),
        "Follow the training",
        "While a run trains, have its newest checkpoint answer, or stay with the one that answered last.",
        short="Follow",
    ),
    _complete(
        "show_positions",
        ("P",),
        "Scores by position",
        "See how well the model does by position in the text, far beyond the length it was trained on.",
        short="By position",
    ),
)

_transcript = functools.partial(Action, context="transcript")
_TRANSCRIPT = (
    _transcript("write_prompt", ("enter", "i"), "Write", "Go to the field for what you say.", rank=4),
    _transcript("go_on", ("c",), "Go on", "Have the model write more after its last answer.", rank=9),
    _transcript("next_turn", ("j", "J"), "Next turn", "Go to what comes next in the transcript."),
    _transcript("previous_turn", ("k", "K"), "Turn before", "Go to what comes before in the transcript."),
    _transcript(
        "branch_here",
        ("b",),
        "Branch here",
        "Go on from the answer under the cursor otherwise than before; what followed it stays as a branch.",
        rank=11,
        short="Branch",
    ),
    _transcript("branch_before", ("[",), "Branch before", "Show the branch or answer before this one."),
    _transcript("branch_after", ("]",), "Next branch", "Show the next branch or answer of this turn."),
    _transcript(
        "probabilities",
        ("p",),
        "Colour by probability",
        "Show how likely each token was to the model; left and right go from token to token.",
        rank=12,
        short="Probabilities",
    ),
    _transcript(
        "alternatives", ("a",), "Alternatives", "Show what else could have stood under the cursor.", rank=13
    ),
    _transcript("markdown", ("M",), "Markdown or raw", "Draw answers as Markdown, or as they are."),
    _transcript("copy_turn", ("y",), "Copy this", "Copy the prompt or the answer under the cursor.", rank=14),
    _transcript("copy_all", ("Y",), "Copy the whole", "Copy the whole transcript as it is shown."),
    _transcript("export_turn", ("x",), "Export this turn", "Write the turn under the cursor to a file."),
    _transcript("export_all", ("X",), "Export the whole", "Write the whole transcript to a file."),
)

_variants = functools.partial(Action, context="variants")
_VARIANTS = (
    _variants(
        "keep_variant",
        ("enter",),
        "Go on with this one",
        "Go on with the answer that has the focus; the others stay as branches.",
        rank=4,
        short="Take this",
    ),
    _variants("next_variant", ("]", "right"), "Next one", "Go to the next answer.", rank=5, short="Next"),
    _variants(
        "previous_variant", ("[", "left"), "One before", "Go to the answer before.", rank=6, short="Before"
    ),
    _variants("copy_variant", ("y",), "Copy this answer", "Copy the answer that has the focus."),
    _variants(
        "more_variants", ("v", "f6"), "More of them", "Have others written, with the seeds that follow."
    ),
)

_settings = functools.partial(Action, context="settings")
_SETTINGS = (
    _settings("close_settings", ("f9",), "Close the settings", "Go back to the talk.", rank=4, short="Close"),
    _settings(
        "usual_settings", ("f5",), "Usual settings", "Have all as it was at first.", rank=5, short="Usual"
    ),
)

_transcripts = functools.partial(Action, context="transcripts")
_TRANSCRIPTS = (
    _transcripts(
        "open_transcript", ("enter",), "Open", "Go on with the transcript under the cursor.", rank=4
    ),
    _transcripts("search_transcripts", ("/",), "Search", "Show only those with some words in them.", rank=5),
    _transcripts("rename_transcript", ("e",), "Rename", "Give it another title.", rank=6),
    _transcripts("delete_transcript", ("d",), "Delete", "Delete it; undo brings it back.", rank=7),
    _transcripts("undo_transcript", ("u",), "Undo", "Bring back what was deleted last.", rank=8),
    _transcripts("begin_transcript", ("n",), "New transcript", "Begin a new one.", rank=9, short="New"),
)

_NO_MODEL = (
    Action("start_first", ("enter",), "Train a model", "Go and start the first run.", "no_model", rank=4),
)

COMPLETE_ACTIONS: tuple[Action, ...] = (
    *_PROMPT,
    *_COMPLETE,
    *_TRANSCRIPT,
    *_VARIANTS,
    *_SETTINGS,
    *_TRANSCRIPTS,
    *_NO_MODEL,
)
