"""PostgreSQL settings are passed to the server; passwords are never printed or saved."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.studio.api.secrets import EMBEDDED, make_secrets
from rsitmd_tools.studio.server.database import (
    database_environment,
    record_postgres,
    recorded_postgres,
)
from rsitmd_tools.studio.server.embedded import SQLITE, EmbeddedServer
from rsitmd_tools.workspace import Workspace
from tests.builders import add

ADDRESS = "postgresql://label%40x@db.example.org:5433/studio"


def test_a_url_becomes_the_settings_of_the_server() -> None:
    assert database_environment(ADDRESS, {"PGPASSWORD": "secret"}) == {
        "DJANGO_DB": "default",
        "POSTGRE_NAME": "studio",
        "POSTGRE_USER": "label@x",
        "POSTGRE_PASSWORD": "secret",
        "POSTGRE_HOST": "db.example.org",
        "POSTGRE_PORT": "5433",
    }
    assert database_environment("postgres://h/n", {})["POSTGRE_PORT"] == "5432"
    assert database_environment(None) == {"DJANGO_DB": "sqlite"}


@pytest.mark.parametrize(
    "address",
    ["", "nonsense", "mysql://h/n", "postgresql://h", "postgresql://h:x/n", "postgresql:///n"],
)
def test_invalid_urls_are_refused(address: str) -> None:
    with pytest.raises(WrongUsage, match="is not a PostgreSQL URL"):
        database_environment(address)


def test_a_password_in_the_url_is_refused_and_not_printed() -> None:
    with pytest.raises(WrongUsage, match="PGPASSWORD") as raised:
        database_environment("postgresql://ls:topsecret@h/n")
    assert "topsecret" not in str(raised.value)


def test_a_restart_uses_the_saved_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("label_studio", reason="Label Studio is not installed: make install")
    monkeypatch.setenv("PGPASSWORD", "secret")
    Workspace.create(tmp_path / "w").close()
    first = EmbeddedServer(tmp_path / "w", postgres=ADDRESS)
    record_postgres(tmp_path / "w" / "studio", ADDRESS)
    second = EmbeddedServer(tmp_path / "w")
    for server in (first, second):
        assert server._database["POSTGRE_HOST"] == "db.example.org"
        assert server._database["POSTGRE_PASSWORD"] == "secret"
    kept = tmp_path / "w" / "studio" / "database.json"
    assert "secret" not in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_malformed_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "database.json").write_text("[")
    with pytest.raises(RsitmdError, match=r"database\.json: is malformed"):
        recorded_postgres(tmp_path)


def test_settings_of_the_server_are_not_inherited_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("label_studio", reason="Label Studio is not installed: make install")
    monkeypatch.setenv("LABEL_STUDIO_HOST", "https://elsewhere.example.org")
    monkeypatch.setenv("LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK", "false")
    monkeypatch.setenv("SSRF_PROTECTION_ENABLED", "false")
    monkeypatch.setenv("PGSSLMODE", "require")
    others = ("DATABASE_NAME", "DEBUG", "DJANGO_SETTINGS_MODULE", "HEARTEX_HOST", "HOST")
    for name in others:
        monkeypatch.setenv(name, "shop")
    Workspace.create(tmp_path / "w").close()
    for assist in (False, True):
        server = EmbeddedServer(tmp_path / "w", assist=assist)
        server.secrets = make_secrets(tmp_path / "w" / "studio")
        passed = server._environment()
        assert not {"LABEL_STUDIO_HOST", *others} & passed.keys()
        assert passed["PATH"] == os.environ["PATH"]
        assert passed["PGSSLMODE"] == "require"
        assert passed["LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK"] == "true"
        assert passed["SSRF_PROTECTION_ENABLED"] == ("false" if assist else "true")


@pytest.mark.parametrize(("saved", "chosen"), [("", ADDRESS), (ADDRESS, "")])
def test_a_campaign_is_not_moved_to_an_empty_database(
    tmp_path: Path, saved: str, chosen: str
) -> None:
    pytest.importorskip("label_studio", reason="Label Studio is not installed: make install")
    studio = tmp_path / "w" / "studio"
    with Workspace.create(tmp_path / "w") as workspace, workspace.transaction() as db:
        make_secrets(studio)
        (studio / SQLITE).parent.mkdir()
        (studio / SQLITE).touch()
        record_postgres(studio, saved)
        EmbeddedServer(tmp_path / "w", postgres=chosen)._refuse_other_database()  # nothing pushed
        add(db, "project", server=f"{EMBEDDED}1")
    for postgres in (None, saved):
        EmbeddedServer(tmp_path / "w", postgres=postgres)._refuse_other_database()
    with pytest.raises(RsitmdError, match="cannot be moved to another database; omit --postgres"):
        EmbeddedServer(tmp_path / "w", postgres=chosen).start()
