"""The registry of rules: one rule, one function, one file."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.plugins import RULES, load_plugins
from rsitmd_tools.quality import rules
from rsitmd_tools.quality.rule import FAMILIES, REGISTERED, Rule


@cache
def all_rules() -> dict[str, Rule]:
    """Return every rule by its code, in the order of the families, then of the codes.

    Rules of other packages come last. Their entry points name a module, which registers its
    rules when it is imported.
    """
    for module in pkgutil.iter_modules(rules.__path__):
        importlib.import_module(f"{rules.__name__}.{module.name}")
    load_plugins(RULES)
    families = {family: place for place, family in enumerate(FAMILIES)}
    order = sorted(REGISTERED, key=lambda code: (families.get(code[0], len(families)), code))
    return {code: REGISTERED[code] for code in order}


def selected_rules(select: tuple[str, ...], ignore: tuple[str, ...]) -> list[Rule]:
    """Return the rules whose code starts with an entry of ``select`` but not of ``ignore``.

    Raises:
        WrongUsage: An entry matches no rule.
    """
    known = all_rules()
    for entry in (*select, *ignore):
        if not any(code.startswith(entry) for code in known):
            families = ", ".join(f"{code} ({title})" for code, title in FAMILIES.items())
            raise WrongUsage(
                f"unknown rule {entry!r}",
                hint=f"use codes such as S104, or the first letters of codes: {families}",
            )
    return [
        entry
        for code, entry in known.items()
        if (not select or code.startswith(select)) and not (ignore and code.startswith(ignore))
    ]
