"""Has the compiled part built along with the package, where there is a C compiler. All else needs none."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

NATIVE = "ysnakes_core/model/native"


class CompiledStep(BuildHookInterface):
    """A wheel with something compiled in it is one for this platform; without, it is one for all."""

    _folder: str | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        building = _building(Path(self.root))
        if version == "editable":
            building.build()  # in place
            return
        self._folder = tempfile.mkdtemp()
        built = building.build(Path(self._folder))
        for path in built:
            build_data["force_include"][str(path)] = f"{NATIVE}/{path.name}"
        if built:
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{_platform()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _building(root: Path) -> ModuleType:
    """The module that compiles, without the package, whose dependencies are not there yet."""
    spec = importlib.util.spec_from_file_location("building", root / NATIVE / "building.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _platform() -> str:
    """This one, as it is; the manylinux names promise what was not seen to."""
    return next(tag for tag in platform_tags() if not tag.startswith(("manylinux", "musllinux")))
