"""The annotators of the demo: they sign up by invitation and submit their annotations."""

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
from rsitmd_tools.workspace.images import pushed_images

PASSWORDS = "people.json"
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Submission:
    """An annotation that one annotator has to submit.

    Attributes:
        project: Number of the project on the server.
        task: Number of the task on the server.
        sentences: The sentences.
        keywords: The keywords.
    """

    project: int
    task: int
    sentences: Sequence[str]
    keywords: Sequence[str]


def email_of(annotator: str) -> str:
    """Return the address with which an annotator signs up."""
    return f"{annotator}@rsitmd.example.org"


def sign_up(workspace: Workspace, annotators: Sequence[str]) -> dict[str, Annotator]:
    """Sign up every annotator by invitation, one after the other, and log in.

    Raises:
        RsitmdError: The server returns an error or cannot be reached.
    """
    client = Client(connection_of(workspace))
    link = invitation_link(client)
    passwords = _passwords(workspace.studio / PASSWORDS, annotators)
    return {
        name: Annotator(client.connection, sign_up_or_in(link, email_of(name), passwords[name]))
        for name in annotators
    }


def send(
    workspace: Workspace, images: Sequence[CaptionedImage], annotators: Mapping[str, Annotator]
) -> int:
    """Submit the annotations of all annotators in parallel, except those on the server.

    Returns:
        Number of annotations submitted by this call.

    Raises:
        RsitmdError: The server returns an error or cannot be reached after several attempts.
    """
    submissions = {name: _submissions(workspace, images, name) for name in annotators}
    stop = threading.Event()
    with (
        progress("annotate", sum(map(len, submissions.values()))) as step,
        ThreadPoolExecutor(len(annotators)) as pool,
    ):
        work = [
            pool.submit(_send, annotators[name], submissions[name], step, stop)
            for name in annotators
        ]
        try:
            return sum(future.result() for future in work)
        finally:
            stop.set()


def _send(
    annotator: Annotator, submissions: Sequence[Submission], step: Step, stop: threading.Event
) -> int:
    """Submit the missing annotations; after a connection error, check the server and retry."""
    sent = 0
    for attempt in range(1, ATTEMPTS + 1):
        try:
            projects = sorted({submission.project for submission in submissions})
            done = set().union(*(annotator.done(project) for project in projects))
            for submission in submissions:
                if stop.is_set():
                    break
                if submission.task not in done:
                    annotator.submit(submission.task, submission.sentences, submission.keywords)
                    sent += 1
                    step()
            return sent
        except RsitmdError:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _submissions(
    workspace: Workspace, images: Sequence[CaptionedImage], name: str
) -> list[Submission]:
    """Return the submissions of an annotator, in the order of their tasks."""
    texts = {sha256_file(image.path): image for image in images}
    submissions = []
    for pushed in pushed_images(workspace, email_of(name)):
        image = texts[pushed.sha256]
        if sentences := image.written_by(name):
            submissions.append(Submission(pushed.project, pushed.task, sentences, image.keywords))
    return submissions


def _passwords(file: Path, annotators: Sequence[str]) -> dict[str, str]:
    """Read the passwords of an earlier run, and create the missing ones."""
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
