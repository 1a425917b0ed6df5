"""The public URL: checked, saved, passed to the server, unset."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.studio.api.secrets import make_secrets
from rsitmd_tools.studio.server.embedded import EmbeddedServer
from rsitmd_tools.studio.server.public import (
    checked_public,
    public_environment,
    record_public,
    recorded_public,
)
from rsitmd_tools.workspace import Workspace

ADDRESS = "https://label.example.org"


def test_a_trailing_slash_is_removed() -> None:
    assert checked_public(f"{ADDRESS}/") == ADDRESS
    assert checked_public("http://10.0.0.1:8000") == "http://10.0.0.1:8000"
    assert checked_public("http://[2001:db8::1]") == "http://[2001:db8::1]"


@pytest.mark.parametrize(
    "url", [f" {ADDRESS} ", f"{ADDRESS}:443", f"{ADDRESS}:", "HTTPS://Label.Example.org"]
)
def test_the_url_is_written_as_browsers_send_it(url: str) -> None:
    """Label Studio compares it with the header Origin."""
    assert checked_public(url) == ADDRESS
    assert checked_public("https://label.example.org:80") == "https://label.example.org:80"


@pytest.mark.parametrize(
    "url",
    [
        "label.example.org",
        "ftp://label.example.org",
        "https://",
        f"{ADDRESS}/studio",
        f"{ADDRESS}?a=1",
        "https://lead:secret@label.example.org",
        "https://label.example.org:x",
        "https://[::1",
        "https://label.example .org",
    ],
)
def test_invalid_urls_are_refused(url: str) -> None:
    with pytest.raises(WrongUsage, match="use the URL of the proxy without a path"):
        checked_public(url)


def test_the_url_is_saved_and_can_be_unset(tmp_path: Path) -> None:
    pytest.importorskip("label_studio", reason="Label Studio is not installed: make install")
    Workspace.create(tmp_path / "w").close()
    studio = tmp_path / "w" / "studio"
    secrets = make_secrets(studio)
    assert EmbeddedServer(tmp_path / "w").public == ""
    record_public(studio, ADDRESS)
    server = EmbeddedServer(tmp_path / "w")
    server.secrets = secrets
    passed = server._environment()
    assert server.public == passed["LABEL_STUDIO_HOST"] == ADDRESS
    assert passed["LABEL_STUDIO_CSRF_TRUSTED_ORIGINS"] == ADDRESS
    assert EmbeddedServer(tmp_path / "w", public="").public == ""
    assert public_environment("") == {"LABEL_STUDIO_ALLOWED_HOSTS": "127.0.0.1,localhost"}
    hosts = "LABEL_STUDIO_ALLOWED_HOSTS"
    assert public_environment("https://label.example.org:8443")[hosts].endswith(
        ",label.example.org"
    )
    assert public_environment("http://[2001:db8::1]")[hosts].endswith(",[2001:db8::1]")


def test_a_malformed_file_is_reported(tmp_path: Path) -> None:
    assert recorded_public(tmp_path) == ""
    (tmp_path / "public.json").write_text("[]")
    with pytest.raises(RsitmdError, match=r"public\.json: is malformed"):
        recorded_public(tmp_path)
