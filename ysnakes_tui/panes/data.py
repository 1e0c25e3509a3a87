"""The Data pane: text to train on."""

from __future__ import annotations

from ysnakes_tui.panes.command_lines import CommandLine, CommandLinesPane


class DataPane(CommandLinesPane):
    """Says how to give training its text until text can be written and curated here."""

    def __init__(self) -> None:
        super().__init__(
            "Text to train on",
            "Writing and curating text has no screen here yet. Your own files are given to training by name: "
            "UTF-8 .md or .txt, plain prose or records like  How do I plant a bean?<start>Put it into a pot "
            "with wet earth.<end>",
            id="data",
        )

    def commands(self) -> list[CommandLine]:
        return [
            CommandLine("ysnakes train my-texts/", "train on your own folder or files"),
            CommandLine("ysnakes train", "train on the text that comes with ysnakes"),
            CommandLine(
                "ysnakes train my-texts/ --set tokenizer=word", "with words as tokens, not byte pairs"
            ),
            CommandLine("ysnakes eval latest other-texts/", "how well the newest model knows any other text"),
        ]
