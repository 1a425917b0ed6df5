"""Decoders do not write to stderr; everything else still does."""

from __future__ import annotations

import os
import sys
import warnings

import pytest

from rsitmd_tools.imaging.quiet import quiet_decoders


def test_descriptor_2_is_silent_inside_the_block(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(2, b"before\n")
    with quiet_decoders():
        os.write(2, b"libtiff: error\n")
        warnings.warn("a warning", stacklevel=1)
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nafter\n"


def test_overlapping_blocks_restore_the_descriptor_once(
    capfd: pytest.CaptureFixture[str],
) -> None:
    first, second = quiet_decoders(), quiet_decoders()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    os.write(2, b"still inside\n")
    second.__exit__(None, None, None)
    os.write(2, b"outside\n")
    assert capfd.readouterr().err == "outside\n"


def test_an_error_restores_the_descriptor(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), quiet_decoders():
        raise ZeroDivisionError
    print("our own report", file=sys.stderr, flush=True)
    assert capfd.readouterr().err == "our own report\n"
