"""The reverse proxy of docs/serving.md, as written, in front of the real server.

A long campaign (`make soak`), as it needs nginx and the ports of the web.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from tests.chromium import launched
from tests.conftest import CHECKOUT
from tests.integration.pages import (
    OpenPage,
    assert_shows,
    fill_in_form,
    keywords,
    open_page,
    open_stream,
    posted,
    sentence,
    submit_button,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.integration.conftest import MakeOwn, Tool

__all__ = ["open_page"]  # a fixture
pytestmark = [pytest.mark.soak, pytest.mark.integration, pytest.mark.browser]

SITE = "https://label.example.org"
PORT = 18080


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for which the site lies on this machine; its certificate is not looked at."""
    more = ["--host-resolver-rules=MAP label.example.org 127.0.0.1", "--ignore-certificate-errors"]
    with launched(more) as browser:
        yield browser


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[None]:
    """nginx with the page's configuration, its certificate and addresses aside."""
    if shutil.which("nginx") is None:
        pytest.skip("no nginx found: apt-get install nginx-light")
    if os.geteuid() != 0:
        pytest.skip("the ports of the web need root")
    make = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {tmp_path}/privkey.pem"
    make += f" -out {tmp_path}/fullchain.pem -days 1 -subj /CN=label.example.org"
    subprocess.run(make.split(), check=True, capture_output=True)
    page = (CHECKOUT / "docs" / "serving.md").read_text(encoding="utf-8")
    (written,) = re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)
    site = written.replace("/etc/letsencrypt/live/label.example.org", str(tmp_path))
    site = site.replace("listen ", "listen 127.0.0.1:").replace("8080", str(PORT))
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {tmp_path}/body;\n{site}}}\n"
    )
    nginx = subprocess.Popen(["nginx", "-c", str(config)])
    time.sleep(1)
    assert nginx.poll() is None, (tmp_path / "error.log").read_text()
    yield
    nginx.terminate()
    nginx.wait()


def test_people_elsewhere_sign_up_and_write_through_the_proxy_of_the_docs(
    proxy: None, make_own: MakeOwn, tool: Tool, open_page: OpenPage
) -> None:
    folder = make_own(images=2)
    serve = tool.start("annotate", "serve", folder, "--port", PORT, "--public", SITE)
    try:
        assert serve.stdout is not None
        said = [next(serve.stdout) for _ in range(2)]
        assert said == [
            f"Label Studio: http://127.0.0.1:{PORT}\n",
            f"public URL: {SITE}\n",
        ]
        link = tool.run("annotate", "invite", folder).stdout.strip()
        assert link.startswith(f"{SITE}/user/signup/?token=")
        pushed = tool.run("annotate", "push", folder)
        (project,) = set(re.findall(rf"{SITE}/projects/(\d+)/data", pushed.stdout))
        page = open_page()
        fill_in_form(page, link.replace("https:", "http:"), "far@example.org")
        assert page.url.startswith(SITE)  # sent on to HTTPS
        open_stream(page, SITE, int(project))
        assert_shows(page, folder / "images" / "harbour_1.tif")
        sentence(page).fill("Three white ships lie beside the red quay.")
        keywords(page).click()
        page.keyboard.type("white ship")
        page.keyboard.press("Enter")
        with page.expect_response(posted) as answer:
            submit_button(page).click()
        assert answer.value.status == 201 and answer.value.url.startswith(SITE)
    finally:
        with Workspace.open(folder, write=True) as workspace:
            pull(workspace)
            first = merged_images(workspace)[0]
        serve.send_signal(signal.SIGTERM)
        serve.communicate()
    assert [s.raw for s in first.sentences] == ["Three white ships lie beside the red quay."]
