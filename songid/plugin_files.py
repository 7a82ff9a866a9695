"""Imports the plugins a setting names: modules, single .py files and folders of them.

A user's own plugin needs no packaging this way; what fails is handed back as words.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType


@dataclass(frozen=True, slots=True)
class PluginFile:
    """One plugin named by a setting: its module, or why there is none."""

    name: str
    origin: str
    version: str = ""
    module: ModuleType | None = None
    failure: str = ""


def load_from_setting(text: str) -> list[PluginFile]:
    """Import what one entry of the setting `plugins` names.

    A path (it ends in .py, holds a separator or starts with ~) is a file, a package or a
    folder; anything else is a module's name. A folder gives each .py file and package in
    it whose name starts with a letter, in order of name. Never raises for a broken plugin.
    """
    if not (text.endswith(".py") or "/" in text or os.sep in text or text.startswith("~")):
        return [_import_named(text)]
    path = Path(text).expanduser()
    if path.is_dir() and not (path / "__init__.py").exists():
        inside = sorted(each for each in path.iterdir() if _is_plugin(each))
        return [_import_path(each) for each in inside]
    return [_import_path(path)]


def _is_plugin(path: Path) -> bool:
    if not path.name[0].isalpha():
        return False
    return path.suffix == ".py" if path.is_file() else (path / "__init__.py").exists()


def _import_named(name: str) -> PluginFile:
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        return PluginFile(name, f"module {name}", failure=_words(error))
    return _loaded(name, f"module {name}", module)


def _import_path(path: Path) -> PluginFile:
    file = path / "__init__.py" if path.is_dir() else path
    origin = str(path)
    if not file.is_file():
        return PluginFile(path.stem, origin, failure=f"there is no file {file}")
    # The digest keeps two plugins of one file name apart; the name stays readable.
    digest = hashlib.sha256(str(file.resolve()).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    module_name = f"songid_plugin_{path.stem}_{digest}"
    known = sys.modules.get(module_name)
    if known is not None:
        return _loaded(path.stem, origin, known)
    spec = importlib.util.spec_from_file_location(module_name, file)
    if spec is None or spec.loader is None:
        return PluginFile(path.stem, origin, failure=f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        return PluginFile(path.stem, origin, failure=_words(error))
    return _loaded(path.stem, origin, module)


def _loaded(name: str, origin: str, module: ModuleType) -> PluginFile:
    return PluginFile(name, origin, str(getattr(module, "__version__", "")), module)


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"cannot be imported: {type(error).__name__}" + (f": {text}" if text else "")
