"""Pages of the rules, generated from their docstrings.

A docstring has prose, then the sections ``Bad:``, ``Good:`` and ``Fix:``; examples are
indented and shown unchanged.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from rsitmd_tools.atomic import write_text
from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.quality.registry import all_rules
from rsitmd_tools.quality.rule import FAMILIES, Rule

SECTIONS = ("Bad", "Good", "Fix")


def sections_of(entry: Rule) -> dict[str, str]:
    """Return the prose (key ``What``) and the sections of a rule's docstring."""
    found: dict[str, list[str]] = {"What": []}
    current = "What"
    for line in entry.documentation.splitlines():
        if line.removesuffix(":") in SECTIONS and line.endswith(":"):
            current = line.removesuffix(":")
            found[current] = []
        else:
            found[current].append(line)
    return {key: textwrap.dedent("\n".join(lines)).strip("\n") for key, lines in found.items()}


def page(entry: Rule) -> str:
    """Return the page of a rule in Markdown."""
    sections = sections_of(entry)
    family = FAMILIES.get(entry.code[0], "of another package")
    fix = "none"
    if entry.fix is not None:
        fix = "safe, by `--fix`" if entry.safe else "unsafe, by `--unsafe-fixes`"
    return "\n".join(
        [
            f"# {entry.code} {entry.name}",
            "",
            f"Family {family}; severity {entry.severity}; automatic fix: {fix}.",
            "",
            sections.pop("What"),
            "",
            *(
                line
                for title, text in sections.items()
                for line in (f"## {title}", "", text if title == "Fix" else _block(text), "")
            ),
            "## Ignore",
            "",
            f'For all images: `--ignore {entry.code}`, or `ignore = ["{entry.code}"]` under '
            "`[validate]` in `rsitmd.toml`. For one image, with a reason:",
            "",
            _block(
                "[validate]\n"
                f'image_ignores = [{{image = "port_3.tif", codes = ["{entry.code}"], '
                'reason = "..."}]'
            ),
            "",
        ]
    )


def explain(code: str) -> str:
    """Return the page of the rule with this code or name.

    Raises:
        WrongUsage: No rule has it.
    """
    rules = all_rules()
    for entry in rules.values():
        if code.upper() == entry.code or code.lower() == entry.name:
            return page(entry)
    families = ", ".join(f"{letter} ({title})" for letter, title in FAMILIES.items())
    raise WrongUsage(
        f"unknown rule {code!r}",
        hint=f"use a code such as S104; families: {families}; rsitmd validate prints the codes",
    )


def overview() -> str:
    """Return the table of all rules in Markdown."""
    lines = ["# Rules", "", "`rsitmd validate --explain CODE` prints the page of a rule."]
    for family, title in FAMILIES.items():
        lines += ["", f"## {family}: {title}", "", "| code | name | severity | fix | what |"]
        lines.append("|---|---|---|---|---|")
        for entry in all_rules().values():
            if entry.code.startswith(family):
                fix = "" if entry.fix is None else "safe" if entry.safe else "unsafe"
                first = entry.documentation.partition("\n\n")[0].replace("\n", " ")
                lines.append(
                    f"| [{entry.code}]({entry.code}.md) | {entry.name} | {entry.severity} | {fix} "
                    f"| {first.replace('|', chr(92) + '|')} |"
                )
    contents = [
        "```{toctree}",
        ":hidden:",
        "",
        *(entry.code for entry in all_rules().values()),
        "```",
    ]
    return "\n".join([*lines, "", *contents, ""])


def pages() -> dict[str, str]:
    """Return every page by its file name."""
    found = {f"{entry.code}.md": page(entry) for entry in all_rules().values()}
    return {"index.md": overview(), **found}


def write_pages(folder: Path) -> None:
    """Write the pages that differ, and remove those of rules that no longer exist."""
    expected = pages()
    for name, text in expected.items():
        file = folder / name
        # An unchanged page keeps its time, so that Sphinx does not read it again.
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            write_text(file, text)
    for old in folder.glob("*.md"):
        if old.name not in expected:
            old.unlink()


def _block(text: str) -> str:
    return f"```text\n{text}\n```"
