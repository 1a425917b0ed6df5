"""Single classes of NLTK, imported without the rest of the package.

``import nltk`` imports every subpackage and scipy.stats: 240 modules in 0.7 s, longer than the
computation of the prior of RSITMD. The two classes used here do not need them.
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
    """Import one module of NLTK, without the package unless that is already loaded."""
    with _LOCK:
        if "nltk" in sys.modules:
            return importlib.import_module(name)
        with _bare_packages():
            return importlib.import_module(name)


@contextmanager
def _bare_packages() -> Iterator[None]:
    """Provide ``nltk`` as a package without running its ``__init__``.

    Afterwards its modules are removed from ``sys.modules``, so that a later ``import nltk``
    works as usual.
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
        # list() is atomic: another thread may import a module meanwhile.
        for name in [name for name in list(sys.modules) if name.partition(".")[0] == "nltk"]:
            del sys.modules[name]
