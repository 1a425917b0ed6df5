"""The demo's annotators: they sign up by invitation and send what they wrote."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rsitmd_tools.atomic import write_json
from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.demo.captioned import CaptionedImage
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.progress import Step, progress
from rsitmd_tools.studio.api.accounts import invitation_link, sign_up_or_in
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.api.secrets import OWNER_ONLY
from rsitmd_tools.workspace import Workspace

PASSWORDS = "people.json"
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Order:
    """What one person has to send for one task.

    Attributes:
        project: The project's number on the server.
        task: The task's number on the server.
    """

    project: int
    task: int
    sentences: Sequence[str]
    keywords: Sequence[str]


def email_of(annotator: str) -> str:
    """Return the address under which an annotator signs up."""
    return f"{annotator}@rsitmd.example.org"


def sign_up(workspace: Workspace, annotators: Sequence[str]) -> dict[str, Annotator]:
    """Let every annotator sign up by the invitation, one after the other, and log in.

    Raises:
        RsitmdError: The server refuses, or is unreachable.
    """
    client = Client(connection_of(workspace))
    link = invitation_link(client)
    passwords = _passwords(workspace.studio / PASSWORDS, annotators)
    return {
        name: Annotator(client.connection, sign_up_or_in(link, email_of(name), passwords[name]))
        for name in annotators
    }


def send(
    workspace: Workspace, images: Sequence[CaptionedImage], people: Mapping[str, Annotator]
) -> int:
    """Let everybody send their own texts over HTTP, all at once; what was sent stays so.

    Returns:
        How many annotations were sent now.

    Raises:
        RsitmdError: The server refuses, or cannot be reached after several attempts.
    """
    orders = {name: _orders(workspace, images, name) for name in people}
    stop = threading.Event()
    with (
        progress("annotate", sum(map(len, orders.values()))) as step,
        ThreadPoolExecutor(len(people)) as pool,
    ):
        work = [pool.submit(_send, people[name], orders[name], step, stop) for name in people]
        try:
            return sum(future.result() for future in work)
        finally:
            stop.set()


def _send(person: Annotator, orders: Sequence[Order], step: Step, stop: threading.Event) -> int:
    """Send what is not on the server; after a failed connection look there, then go on."""
    sent = 0
    for attempt in range(1, ATTEMPTS + 1):
        try:
            done = set().union(*(person.done(n) for n in sorted({o.project for o in orders})))
            for order in orders:
                if stop.is_set():
                    break
                if order.task not in done:
                    person.submit(order.task, order.sentences, order.keywords)
                    sent += 1
                    step()
            return sent
        except RsitmdError:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _orders(workspace: Workspace, images: Sequence[CaptionedImage], name: str) -> list[Order]:
    """Return a person's orders, in the order of their tasks."""
    texts = {sha256_file(image.path): image for image in images}
    rows = workspace.db.execute(
        "SELECT image.sha256, task.server_id AS task, project.server_id AS project FROM task"
        " JOIN image ON image.id = task.image_id JOIN project ON project.id = task.project_id"
        " LEFT JOIN annotator ON annotator.id = project.annotator_id"
        " WHERE annotator.email IS NULL OR annotator.email = ? ORDER BY task.id",
        (email_of(name),),
    )
    orders = []
    for row in rows:
        image = texts[row["sha256"]]
        if sentences := image.written_by(name):
            orders.append(Order(row["project"], row["task"], sentences, image.keywords))
    return orders


def _passwords(file: Path, annotators: Sequence[str]) -> dict[str, str]:
    """Read the passwords of an earlier run, and make those that are missing."""
    known: dict[str, str] = {}
    if file.exists():
        try:
            known = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RsitmdError(
                f"cannot be read ({reason(error)})", where=file, hint="remove the demo's folder"
            ) from error
    made = {name: known.get(name) or secrets.token_urlsafe(18) for name in annotators}
    write_json(file, {**known, **made}, mode=OWNER_ONLY)
    return made
