"""The command line: parse, call the engine, print. What is heavy is imported by the command that needs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ysnakes_tui import (
    cli_complete,
    cli_config,
    cli_doctor,
    cli_eval,
    cli_plan,
    cli_runs,
    cli_steer,
    cli_train,
)
from ysnakes_tui.failures import WRONG_USAGE, Debugging, ParserError, parser_message, tell
from ysnakes_tui.output import prepare_streams, put, say, say_error


class Commands(TyperGroup):
    """The root: every ending in this program's own words, and ``--debug`` allowed anywhere."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **named: Any) -> Any:
        named["standalone_mode"] = False
        try:
            code = super().main(_debug_first(sys.argv[1:] if args is None else args), *rest, **named)
        except ParserError as error:
            if type(error).__name__ == "NoArgsIsHelpError":  # a group named without a command
                say(str(error))
            else:
                say_error(*parser_message(error))
            code = WRONG_USAGE
        except (Exception, KeyboardInterrupt) as error:
            code = tell(error)
        sys.exit(code if isinstance(code, int) else 0)


def _debug_first(args: Sequence[str]) -> list[str]:
    """``--debug`` belongs to the root but is typed at the end, after a failure."""
    before = list(args[: args.index("--")]) if "--" in args else list(args)
    rest = list(args[len(before) :])
    if "--debug" in before:
        before = ["--debug", *(word for word in before if word != "--debug")]
    return before + rest


app = typer.Typer(
    name="ysnakes",
    cls=Commands,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 110},
    help="Write the text, train a small state-space language model on it, and talk to it.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 stopped early by request, 130 interrupted.",
)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with errors.")] = False,
) -> None:
    Debugging.on = debug
    if version:
        put(f"ysnakes {_version()}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        say(
            "The app is not part of this version yet; train a model with `ysnakes train`, "
            "talk to it with `ysnakes complete`, and see all commands with `ysnakes --help`."
        )
        raise typer.Exit(WRONG_USAGE)


def _version() -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version("ysnakes")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "(not installed)"


cli_train.register(app)
cli_complete.register(app)
runs = typer.Typer(help="See, steer and delete runs.", no_args_is_help=True)
cli_runs.register(runs)
cli_steer.register(runs)
app.add_typer(runs, name="runs")
cli_eval.register(app)
cli_plan.register(app)
cli_doctor.register(app)
settings = typer.Typer(help="Your own defaults for new runs.", no_args_is_help=True)
cli_config.register(settings)
app.add_typer(settings, name="config")


def main() -> None:
    """The console script."""
    prepare_streams()
    app(prog_name="ysnakes")
