"""``python -m rsitmd_tools`` is the ``rsitmd`` command."""

from rsitmd_tools.cli import main

main()
