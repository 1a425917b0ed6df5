"""YAML texts: configurations, and values of ``--set``."""

from __future__ import annotations

from typing import Any

from rsitmd_tools.errors import reason
from rsitmd_tools.extras import require


class NotYamlError(ValueError):
    """A text is not YAML.

    Attributes:
        line: The line of the error, counted from 1; None if it is unknown.
    """

    def __init__(self, problem: str, line: int | None) -> None:
        super().__init__(problem)
        self.line = line


def parse_yaml(text: str) -> Any:
    """Return the content of a YAML document.

    PyYAML is imported here: it is not installed with the core, whose commands read configurations
    from JSON only.

    Raises:
        MissingExtra: PyYAML is not installed.
        NotYamlError: The text is not YAML.
    """
    require("yaml")
    import yaml

    try:
        _check_distinct(yaml.compose(text, yaml.SafeLoader))
        return yaml.safe_load(text)
    except NotYamlError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # ValueError is of dates and of very long numbers.
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or reason(error)
        raise NotYamlError(problem, None if mark is None else mark.line + 1) from error


def _check_distinct(node: Any) -> None:
    """Check that no mapping has a key twice: PyYAML would take the last one and say nothing.

    Raises:
        NotYamlError: A mapping has a key twice.
    """
    nodes, seen = [node], set()
    while nodes:
        node = nodes.pop()
        if id(node) in seen or not isinstance(getattr(node, "value", None), list):
            continue
        seen.add(id(node))  # an alias can lead back to its own section
        keys = set()
        for child in node.value:
            if not isinstance(child, tuple):
                nodes.append(child)
                continue
            key, value = child
            nodes.append(value)
            if not isinstance(key.value, str):
                continue
            if key.value in keys:
                line = key.start_mark.line + 1
                raise NotYamlError(f"the key {key.value} occurs twice", line)
            keys.add(key.value)
