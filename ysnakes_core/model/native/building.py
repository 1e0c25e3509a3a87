"""Compiles the decoding step with the C compiler that is there, for each level of processor that it pays for.

    python -m ysnakes_core.model.native.building        builds it in place

Where there is no compiler, all works without it, more slowly. Nothing but the standard library: the project's
own build runs this too. What was built carries a hash of its source in its name, and is used with that only.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
NAME = "compiled"
COMPILERS = ("cc", "gcc", "clang")

FLAGS = ("-std=gnu11", "-O3", "-fno-math-errno", "-ffp-contract=fast", "-fvisibility=hidden", "-Wno-psabi")
# What the third level of x86-64 has beyond older ones, as far as it is of use: its name is only known to
# gcc from 11 and clang from 12 on.
_V3 = ("-mavx2", "-mfma", "-mf16c", "-mbmi", "-mbmi2", "-mlzcnt", "-mpopcnt")
_V4 = (*_V3, "-mavx512f", "-mavx512bw", "-mavx512cd", "-mavx512dq", "-mavx512vl")

LEVELS: dict[str, dict[str, tuple[str, ...]]] = {
    "x86_64": {
        "avx512vnni": (*_V4, "-mavx512vnni", "-mprefer-vector-width=512"),
        "avx2": _V3,
    },
    "arm64": {"arm64": ()},
}
"""By kind of processor, what is built for it: a name, and the flags of the compiler."""

_KINDS = {"amd64": "x86_64", "aarch64": "arm64"}
_SECONDS = 120.0


def levels() -> dict[str, tuple[str, ...]]:
    """What is built for this machine's kind of processor."""
    machine = platform.machine().lower()
    return LEVELS.get(_KINDS.get(machine, machine), {}) if sys.maxsize > 2**32 else {}


def file_name(level: str) -> str:
    """Of what is built of the source as it is now."""
    digest = hashlib.sha256(repr((FLAGS, levels()[level])).encode())
    for path in sorted([*HERE.glob("*.c"), *HERE.glob("*.h")]):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return f"{NAME}.{digest.hexdigest()[:12]}.{level}{_ending()}"


def compiler() -> list[str] | None:
    """The command of the C compiler: that of ``$CC``, else the first that is there."""
    named = shlex.split(os.environ.get("CC", ""), posix=os.name != "nt")
    if named and shutil.which(named[0]):
        return named
    found = next((name for name in COMPILERS if shutil.which(name)), None)
    return None if found is None else [found]


def build(folder: Path = HERE) -> list[Path]:
    """Build all levels into ``folder``, which loses what was built of another source; what there is now.

    A level that the compiler does not know or fails at is left out, and all where there is none or nothing
    can be written; why is said on stderr.
    """
    command = compiler()
    wanted = {folder / file_name(level): flags for level, flags in levels().items()}
    for path, flags in wanted.items():
        if command is None or path.exists():
            continue
        try:
            _compile(command, flags, path)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{path.name} is not built: {error}", file=sys.stderr)
    for old in folder.glob(f"{NAME}.*{_ending()}"):
        if old not in wanted:
            with contextlib.suppress(OSError):  # in use, for one: it does no harm
                old.unlink()
    return [path for path in wanted if path.exists()]


def _compile(command: list[str], flags: tuple[str, ...], path: Path) -> None:
    """Written beside it and renamed: others may be loading it, or building the same."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".building-") as folder:
        made = Path(folder) / path.name
        shared = ("-shared",) if os.name == "nt" else ("-fPIC", "-shared")
        libraries = () if os.name == "nt" else ("-lm",)
        sources = sorted(str(source) for source in HERE.glob("*.c"))
        words = [*command, *FLAGS, *flags, *shared, "-o", str(made), *sources, *libraries]
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
        )
        if done.returncode or not made.exists():
            print(f"{path.name} is not built: {done.stderr.strip():.2000}", file=sys.stderr)
            return
        made.replace(path)


def _ending() -> str:
    return {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")


def main() -> int:
    """Build in place; 1 if nothing could be."""
    built = build()
    for path in built:
        print(path)
    if not built:
        print("nothing is built: install a C compiler (gcc or clang)", file=sys.stderr)
    return 0 if built else 1


if __name__ == "__main__":
    sys.exit(main())
