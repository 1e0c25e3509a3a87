"""`python -m ysnakes_core.synthesis.builtin FOLDER`: write the corpus that ships with the project."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ysnakes_core.synthesis.builtin.corpus import DEFAULT_MEGABYTES, DEFAULT_SEED, write_corpus


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(
        prog="python -m ysnakes_core.synthesis.builtin",
        description="Write the text of the built-in teacher: builtin-KIND-N.md files and manifest.json.",
    )
    parser.add_argument(
        "folder", type=Path, help="where to write; older builtin-*.md files there are replaced"
    )
    parser.add_argument(
        "--seed", type=int, default=DEFAULT_SEED, help="another seed gives other text (%(default)s)"
    )
    parser.add_argument(
        "--megabytes", type=float, default=DEFAULT_MEGABYTES, help="millions of bytes in all (%(default)s)"
    )
    options = parser.parse_args(arguments)
    manifest = write_corpus(options.folder, options.seed, options.megabytes)
    sys.stdout.write(f"{manifest}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
