"""Single classes of NLTK, without the rest of it.

``import nltk`` runs every subpackage and scipy.stats: 0.7 s and 240 modules, more than the
whole prior of RSITMD takes. The two classes used here need none of that.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_LOCK = threading.Lock()
_PACKAGES = ("nltk", "nltk.stem", "nltk.tokenize")


@functools.cache
def word_tokenizer() -> Any:
    """Return NLTK's word tokenizer (``nltk.tokenize.destructive.NLTKWordTokenizer``)."""
    return _module("nltk.tokenize.destructive").NLTKWordTokenizer()


@functools.cache
def porter_stemmer() -> Any:
    """Return NLTK's Porter stemmer, with NLTK's extensions (its default mode)."""
    return _module("nltk.stem.porter").PorterStemmer()


def _module(name: str) -> ModuleType:
    """Import one module of NLTK; the whole package only where it is loaded already."""
    with _LOCK:
        if "nltk" in sys.modules:
            return importlib.import_module(name)
        with _bare_packages():
            return importlib.import_module(name)


@contextmanager
def _bare_packages() -> Iterator[None]:
    """Let ``nltk`` be a package whose ``__init__`` was not run.

    Afterwards nothing of it is left in ``sys.modules``: an ``import nltk`` elsewhere runs
    as ever.
    """
    spec = importlib.util.find_spec("nltk")
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("nltk")
    for name in _PACKAGES:
        package = ModuleType(name)
        below = name.removeprefix("nltk").replace(".", "/")
        package.__path__ = [place + below for place in spec.submodule_search_locations]
        sys.modules[name] = package
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "nltk"]:
            del sys.modules[name]
