"""The scripts are added to HTML pages, and to nothing else."""

from __future__ import annotations

import re

from rsitmd_tools.studio.page.middleware import add_scripts, scripts


def test_a_page_loads_the_scripts_in_order() -> None:
    page = add_scripts(b"<html><head><title>x</title></head><body></head></body>", ["a.js", "b.js"])
    head, _, rest = page.partition(b"</head>")
    assert head.endswith(
        b'<script src="/rsitmd/a.js" type="application/javascript" defer></script>'
        b'<script src="/rsitmd/b.js" type="application/javascript" defer></script>'
    )
    assert rest == b"<body></head></body>"


def test_a_fragment_without_a_head_is_not_changed() -> None:
    assert add_scripts(b"<p>text</p>", ["a.js"]) == b"<p>text</p>"


def test_the_package_ships_its_scripts() -> None:
    assert all(name.endswith(".js") and content for name, content in scripts().items())
    assert scripts()


def test_a_script_is_loaded_after_its_dependencies() -> None:
    made: set[str] = set()
    for name, content in scripts().items():
        text = content.decode()
        # What a script takes when it is loaded, not when one of its functions is called.
        taken = re.findall(r"^  const \{ ([\w, ]+) \} = window\.rsitmd;", text, re.MULTILINE)
        assert {part for parts in taken for part in parts.split(", ")} <= made, name
        made |= set(re.findall(r"^window\.rsitmd\.(\w+) = ", text, re.MULTILINE))
