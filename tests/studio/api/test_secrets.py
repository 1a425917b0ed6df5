"""Secrets are only in private files of their owner."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.connection import Connection, token_from
from rsitmd_tools.studio.api.secrets import make_secrets, private_folder, secrets_of


def test_secrets_are_created_once_for_their_owner(tmp_path: Path) -> None:
    studio = tmp_path / "studio"
    made = make_secrets(studio)
    assert secrets_of(studio) == made
    assert make_secrets(tmp_path / "other").server != made.server
    assert make_secrets(tmp_path / "again", made.server).server == made.server
    assert (studio / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert studio.stat().st_mode & 0o777 == 0o700
    assert min(len(made.password), len(made.token)) >= 20


def test_reading_missing_secrets_does_not_create_them(tmp_path: Path) -> None:
    with pytest.raises(RsitmdError, match=r"secrets\.json: is missing") as stopped:
        secrets_of(tmp_path)
    assert "serve" in str(stopped.value)
    assert "--new-secrets" in str(stopped.value)
    assert not list(tmp_path.iterdir())


def test_secrets_are_not_in_the_repr(tmp_path: Path) -> None:
    made = make_secrets(tmp_path)
    connection = Connection("key", "http://127.0.0.1:1", made.token)
    for shown in (repr(made), str(made), repr(connection), f"{connection}"):
        assert made.token not in shown
        assert made.password not in shown


@pytest.mark.parametrize("text", ["", "{", "[]", '{"email": "x"}', '{"unknown": 1}', "\x00"])
def test_malformed_secrets_are_reported(tmp_path: Path, text: str) -> None:
    (tmp_path / "secrets.json").write_text(text, encoding="utf-8")
    with pytest.raises(RsitmdError, match=r"secrets\.json: is unreadable or malformed"):
        secrets_of(tmp_path)


def test_an_existing_folder_becomes_private(tmp_path: Path) -> None:
    (tmp_path / "studio").mkdir(mode=0o755)
    private_folder(tmp_path / "studio")
    assert (tmp_path / "studio").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(RsitmdError, match="cannot be created"):
        private_folder(tmp_path / "file")


def test_a_token_file_contains_only_the_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("  0123abc\n", encoding="ascii")
    assert token_from(file) == "0123abc"
    for text in ("", "\n", "two words"):
        file.write_text(text, encoding="ascii")
        with pytest.raises(RsitmdError, match="does not contain a token"):
            token_from(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(RsitmdError, match="cannot be read"):
        token_from(file)
    with pytest.raises(RsitmdError, match="cannot be read"):
        token_from(tmp_path / "absent")
