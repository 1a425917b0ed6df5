"""A campaign of random moves on a real server.

Each sentence occurs once. A ledger says for which image the page showed it and who wrote it.
After a pull, the dataset has each sentence that stands on the server once, at its image and under
its author, and no other.
"""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.http import open_session
from rsitmd_tools.studio.page.middleware import IMAGE
from rsitmd_tools.studio.sync.results import as_result
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from tests.integration.ledger import Ledger, Written

if TYPE_CHECKING:
    from tests.integration.conftest import AddImages, Tool

SETTINGS = """[annotation]
annotators_per_image = {annotators}
sentences_per_annotator = {sentences}
keywords_min = 0
template = "{template}"
assignment = "{assignment}"
"""


@dataclass(frozen=True)
class Opened:
    """A task on the page of a person, as the page showed it."""

    task: int
    image: str
    captions: tuple[str, ...]


class Campaign:
    """A campaign, its people, and the ledger.

    Args:
        folder: The workspace.
        tool: The command line.
        client: The server.
        tokens: Tokens of the people who can write, by address.
        add_images: Adds drawn images to the workspace.
        seed: Seed of the moves.
    """

    def __init__(
        self,
        folder: Path,
        tool: Tool,
        client: Client,
        tokens: Mapping[str, str],
        add_images: AddImages,
        seed: int,
    ) -> None:
        self.folder, self.tool, self.client, self.tokens = folder, tool, client, tokens
        self.add_images = add_images
        self.chance = random.Random(seed)
        self.log = [f"seed {seed}"]
        self.images = self.models = self.sentences = 0
        self.joined: list[str] = []
        self.opened: dict[str, list[Opened]] = {}
        self.ledger = Ledger()

    # What the lead does

    def run(self, *arguments: object) -> str:
        """Run a command; return what it printed. A refusal is one line."""
        done = self.tool.run(*arguments)
        words = " ".join(str(word) for word in arguments if word != self.folder)
        self.log.append(f"{words} -> {done.returncode}")
        if done.returncode:
            self.log.append(done.stderr)
        assert done.returncode in (0, 1), self.story(done.stderr)
        assert "Traceback" not in done.stderr, self.story(done.stderr)
        return done.stdout

    def begin(self) -> None:
        self.configure(annotators=2, sentences=2)
        for email in list(self.tokens)[:3]:
            self.join(email)
        self.more_images(6)
        self.run("annotate", "push", self.folder)

    def configure(
        self,
        annotators: int,
        sentences: int,
        template: str = "captioning",
        assignment: str = "assigned",
    ) -> None:
        text = SETTINGS.format(
            annotators=annotators, sentences=sentences, template=template, assignment=assignment
        )
        (self.folder / "rsitmd.toml").write_text(text, encoding="utf-8")
        self.asked, self.shared = sentences, assignment == "shared"
        self.log.append(f"settings {annotators} {sentences} {template} {assignment}")

    def other_settings(self) -> None:
        self.configure(
            self.chance.randint(1, 3),
            self.chance.randint(1, 3),
            self.chance.choice(["captioning", "captioning", "correction"]),
            self.chance.choice(["assigned", "assigned", "shared"]),
        )

    def join(self, email: str) -> None:
        self.run("annotate", "users", self.folder, "add", email)
        self.joined.append(email)

    def somebody_joins(self) -> None:
        others = [email for email in self.tokens if email not in self.joined]
        if others:
            self.join(self.chance.choice(others))

    def somebody_leaves(self) -> None:
        if len(self.joined) > 2:
            email = self.chance.choice(self.joined)
            self.run("annotate", "users", self.folder, "deactivate", email)
            self.joined.remove(email)

    def more_images(self, count: int = 2) -> None:
        with Workspace.open(self.folder, write=True) as workspace:
            self.add_images(workspace, count, first=self.images + 1)
        self.images += count
        self.log.append(f"{count} more images")

    def push(self) -> None:
        replan = ["--replan"] if self.chance.random() < 0.3 else []
        self.run("annotate", "push", self.folder, *replan)

    def push_beside_others(self) -> None:
        """Push while people write."""
        command = self.tool.start("annotate", "push", self.folder)
        for _ in range(self.chance.randint(1, 4)):
            self.chance.choice([self.open, self.submit, self.change])()
        _, errors = command.communicate(300)
        self.log.append(f"push beside others -> {command.returncode}")
        assert command.returncode in (0, 1), self.story(errors)
        assert "Traceback" not in errors, self.story(errors)

    def killed_push(self) -> None:
        # A push of one project can have no more than four answers.
        moment = self.chance.randint(1, 4 if self.shared else 8)
        self.log.append(f"push killed after {moment}")
        self.tool.killed_after(moment, "push", self.folder)

    def killed_pull(self) -> None:
        if self.ledger.unread:
            return  # nobody knows what it fetches
        moment = self.chance.randint(1, 3 if self.shared else 5)
        self.log.append(f"pull killed after {moment}")
        self.tool.killed_after(moment, "pull", self.folder)

    def pull(self) -> None:
        self.run("annotate", "pull", self.folder)
        self.ledger.pulled()
        self.check()

    def remove(self) -> None:
        names = self.names()
        left = [key for key in names if key not in self.ledger.removed]
        if len(left) > 3:
            key = self.chance.choice(left)
            self.run("build", "remove", self.folder, names[key], "--reason", "a test")
            self.ledger.removed.add(key)

    def restore(self) -> None:
        if self.ledger.removed:
            key = self.chance.choice(sorted(self.ledger.removed))
            self.run("build", "remove", self.folder, self.names()[key], "--restore")
            self.ledger.removed.remove(key)

    def rename(self) -> None:
        with Workspace.open(self.folder) as workspace:
            rows = workspace.db.execute("SELECT sha256, filename, category FROM image").fetchall()
        left = [(name, category) for key, name, category in rows if key not in self.ledger.removed]
        name, category = self.chance.choice(left)
        other = f"{category}_{self.chance.randint(100, 999)}.tif"
        self.run("build", "rename", self.folder, name, "--to", other)

    def recategorise(self) -> None:
        names = self.names()
        name = names[self.chance.choice(sorted(set(names) - self.ledger.removed))]
        with_names = ["--with-names"] if self.chance.random() < 0.5 else []
        category = self.chance.choice(["harbour", "port", "field"])
        self.run("build", "recategorise", self.folder, name, "--to", category, *with_names)

    def prefill(self) -> None:
        """Give captions of a model to all images."""
        self.models += 1
        file = self.folder.parent / f"{self.folder.name} captions.csv"
        with file.open("w", newline="", encoding="utf-8") as stream:
            rows = csv.writer(stream)
            rows.writerow(["filename", "caption"])
            for name in self.names().values():
                for place in range(self.asked):
                    text = f"Model {self.models} sees {name} at place {place}."
                    rows.writerow([name, text])
                    self.ledger.excluded.add(text)
        self.run("annotate", "prefill", self.folder, "--captions", file, "--model", self.models)

    def review(self) -> None:
        """Send back, reject or accept a sentence that the dataset has."""
        there = self.ledger.ever
        found = [entry for entry in self.dataset() if entry[0] in there]
        if not found:
            return
        text, filename, author = self.chance.choice(found)
        file = self.folder.parent / f"{self.folder.name} review.csv"
        with file.open("w", newline="", encoding="utf-8") as stream:
            rows = csv.writer(stream)
            rows.writerow(["image", "annotator", "text", "note"])
            rows.writerow([filename, author, text, "Please look again."])
        option = self.chance.choice(
            ["--send-back", "--send-back", "--reject", "--reject", "--accept"]
        )
        if option == "--accept":
            self.ledger.accepted.add(text)
        self.run("annotate", "review", self.folder, option, file)
        self.log.append(f"{text} of {author} at {filename}: {self.state(text)}")
        if self.state(text) == "rejected":
            self.ledger.excluded.add(text)
        elif self.state(text) == "sent back":
            self.ledger.sent_back(text)

    # What people do

    def open(self) -> None:
        """Somebody opens a task of theirs, and leaves it open."""
        email = self.chance.choice(self.joined)
        with Workspace.open(self.folder) as workspace:
            rows = workspace.db.execute(
                "SELECT project.server_id FROM project LEFT JOIN annotator"
                " ON annotator.id = annotator_id WHERE email = ? OR annotator_id IS NULL",
                (email,),
            ).fetchall()
        there = {project.id for project in self.client.sdk.projects.list()}
        done = {(entry.task, entry.author) for entry in self.ledger.written}
        tasks = [
            task
            for row in rows
            if row[0] in there
            for page in self.client.pages(row[0])
            for task in page
            if (task.id, email) not in done
        ]
        if tasks:
            task = self.chance.choice(tasks)
            captions = _captions(self.client.get(f"api/tasks/{task.id}/"))
            self.opened.setdefault(email, []).append(Opened(task.id, task.data["sha256"], captions))
            self.log.append(f"{email} opens {task.id}: {task.data['filename']}")

    def submit(self) -> None:
        """Somebody submits a task that they opened some time ago."""
        email = self.chance.choice(self.joined)
        if not self.opened.get(email):
            return
        task = self.opened[email].pop(self.chance.randrange(len(self.opened[email])))
        texts = [self.new() for _ in range(self.asked)]
        if self.chance.random() < 0.3:
            # Captions of a model that stay as they were given; the dataset does not have them.
            texts[:1] = task.captions[:1] or texts[:1]
        result: dict[str, Any] = {"result": as_result(texts, [])}
        skipped = self.chance.random() < 0.1
        if skipped:
            result["was_cancelled"] = True
        path = f"/api/tasks/{task.task}/annotations/"
        answer = self.send(email, "POST", path, task.image, result)
        verb = "skips" if skipped else "submits"
        self.log.append(f"{email} {verb} {task.task} {texts} -> {answer.status_code}")
        assert answer.status_code in (201, 404), self.story(answer.text)
        if answer.status_code == 201 and not skipped:
            number = int(answer.json()["id"])
            fields = [[text] for text in texts]
            self.ledger.written.append(Written(number, task.task, task.image, email, fields))

    def change(self) -> None:
        """Somebody changes one sentence of an annotation of theirs."""
        entry = self.own()
        if entry is None:
            return
        self.chance.choice(entry.fields).append(self.new())
        texts = entry.sentences
        answer = self.send(
            entry.author,
            "PATCH",
            f"/api/annotations/{entry.number}/",
            entry.image,
            {"result": as_result(texts, [])},
        )
        self.log.append(f"{entry.author} changes {entry.number} {texts} -> {answer.status_code}")
        assert answer.status_code == 200, self.story(answer.text)
        self.ledger.saved(entry)

    def delete(self) -> None:
        """Somebody deletes an annotation of theirs. Accepted sentences would stay."""
        entry = self.own()
        if entry is None or self.ledger.accepted & entry.ever:
            return
        answer = self.send(
            entry.author, "DELETE", f"/api/annotations/{entry.number}/", entry.image, None
        )
        self.log.append(f"{entry.author} deletes {entry.number} -> {answer.status_code}")
        assert answer.status_code == 204, self.story(answer.text)
        self.ledger.written.remove(entry)

    def own(self) -> Written | None:
        """Return an annotation of somebody who takes part, often one with a decision about it."""
        email = self.chance.choice(self.joined)
        theirs, decided = self.ledger.of(email), self.ledger.decided(email)
        if decided and self.chance.random() < 0.5:
            theirs = decided
        return self.chance.choice(theirs) if theirs else None

    def send(
        self, email: str, method: str, path: str, image: str, document: dict[str, Any] | None
    ) -> httpx.Response:
        """Send a request as the page of a person does."""
        headers = {"Authorization": f"Token {self.tokens[email]}", IMAGE: image}
        with open_session(self.client.connection.url) as session:
            return session.request(method, path, headers=headers, json=document)

    def new(self) -> str:
        """Return a sentence that nobody has written."""
        self.sentences += 1
        return f"A ship lies at quay {self.sentences}."

    # What must hold

    def names(self) -> dict[str, str]:
        """Return the file names of all images by key."""
        with Workspace.open(self.folder) as workspace:
            return dict(workspace.db.execute("SELECT sha256, filename FROM image").fetchall())

    def state(self, text: str) -> str:
        """Return the newest state of a sentence."""
        with Workspace.open(self.folder) as workspace:
            row = workspace.db.execute(
                "SELECT state FROM sentence WHERE raw = ? ORDER BY id DESC LIMIT 1",
                (text,),
            ).fetchone()
            return str(row[0])

    def dataset(self) -> list[tuple[str, str, str]]:
        """Return the sentences of the dataset with their images and authors."""
        with Workspace.open(self.folder) as workspace:
            return [
                (sentence.raw, image.filename, str(sentence.annotator))
                for image in merged_images(workspace)
                for sentence in image.sentences
            ]

    def check(self) -> None:
        """Compare the dataset with the ledger."""
        expected = self.ledger.expected(self.names())
        found = Counter(self.dataset())
        missing, other = expected - found, found - expected
        assert not missing and not other, self.story(
            f"missing: {sorted(missing)}\nnot expected: {sorted(other)}\n"
            + "\n".join(self.stored([*missing, *other]))
        )

    def stored(self, entries: Sequence[tuple[str, str, str]]) -> list[str]:
        """Return what the workspace stores about sentences."""
        with Workspace.open(self.folder) as workspace:
            return [
                str(tuple(row))
                for text, *_ in entries
                for row in workspace.db.execute(
                    "SELECT raw, state, slot, latest, deleted_at, annotation.server_id, task_id,"
                    " updated_at, pulled_at FROM sentence"
                    " JOIN annotation ON annotation.id = annotation_id WHERE raw = ?",
                    (text,),
                )
            ]

    def story(self, problem: str) -> str:
        return "\n".join([*self.log, problem])

    def move(self) -> None:
        """Make a random move."""
        moves: list[tuple[Callable[[], None], int]] = [
            (self.open, 12),
            (self.submit, 12),
            (self.change, 8),
            (self.delete, 2),
            (self.push, 4),
            (self.push_beside_others, 2),
            (self.killed_push, 1),
            (self.pull, 6),
            (self.killed_pull, 1),
            (self.review, 5),
            (self.more_images, 1),
            (self.remove, 2),
            (self.restore, 1),
            (self.prefill, 1),
            (self.rename, 2),
            (self.recategorise, 2),
            (self.somebody_joins, 1),
            (self.somebody_leaves, 1),
            (self.other_settings, 1),
        ]
        [chosen] = self.chance.choices(
            [move for move, _ in moves], weights=[weight for _, weight in moves]
        )
        chosen()

    def end(self) -> None:
        """Push and pull, twice. The second push has nothing to send."""
        self.run("annotate", "push", self.folder)
        self.pull()
        printed = self.run("annotate", "push", self.folder, "--json")
        assert printed.startswith("{"), self.story(printed)
        again = json.loads(printed)
        assert (again["new"], again["found"], again["removed_tasks"]) == (0, 0, []), self.story("")
        self.pull()


def _captions(task: dict[str, Any]) -> tuple[str, ...]:
    """Return the captions of a model in the fields of a task."""
    areas = [area for entry in task["predictions"] for area in entry["result"]]
    return tuple(area["value"]["text"][0] for area in areas)
