"""The assist without a server: similar sentences, hints, suggestions, the protocol."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.quality.texts import jaccard
from rsitmd_tools.studio.assist import run
from rsitmd_tools.studio.assist.adviser import Adviser
from rsitmd_tools.studio.assist.announcement import Announcement, read_announcement
from rsitmd_tools.studio.assist.backend import VERSION, Backend
from rsitmd_tools.studio.assist.run import Assist
from rsitmd_tools.studio.assist.suggest import offer_more
from rsitmd_tools.studio.sync.results import ParsedResult, as_result
from rsitmd_tools.text.near import NearIndex
from rsitmd_tools.workspace import Settings, Workspace
from tests.builders import WHEN, add, add_team
from tests.studio.sync.memory_server import MemoryServer

words = st.lists(st.sampled_from(["a", "b", "c", "d", "the", "ship"]), max_size=8)
NEAR = "Two white planes stand beside the long grey terminal."
NEARLY = "Two white planes stand beside a long grey terminal."


@given(st.lists(words, max_size=12), words, st.sampled_from([0.3, 0.5, 0.85, 1.0]))
def test_the_index_equals_the_comparison_of_all_pairs(
    texts: list[list[str]], asked: list[str], likeness: float
) -> None:
    index: NearIndex[int] = NearIndex(likeness)
    for key, text in enumerate(texts):
        index.add(key, ["something", "else"])
        index.add(key, text)
    best = max((jaccard(text, asked) for text in texts if text and asked), default=0.0)
    found = index.nearest(asked)
    if best >= likeness:
        assert found is not None
        assert found[1] == pytest.approx(best)
        assert jaccard(texts[found[0]], asked) == pytest.approx(best)
    else:
        assert found is None


@given(st.lists(words, min_size=1, max_size=8), st.data())
def test_removed_texts_are_not_found(texts: list[list[str]], data: st.DataObject) -> None:
    index: NearIndex[int] = NearIndex(0.5)
    for key, text in enumerate(texts):
        index.add(key, text)
    gone = data.draw(st.integers(0, len(texts) - 1))
    index.remove(gone)
    index.remove(gone)
    assert len(index) == len(texts) - 1
    found = index.nearest(texts[gone])
    assert found is None or found[0] != gone
    if found is not None:
        assert index.nearest(texts[gone], besides=[found[0]]) != found


def written(*sentences: str, keywords: tuple[str, ...] = ()) -> ParsedResult:
    return ParsedResult(tuple(enumerate(sentences, 1)), keywords)


@pytest.fixture(scope="module")
def adviser() -> Adviser:
    adviser = Adviser(Settings())
    adviser.learn("image 1", 1, "airport", written(NEAR, keywords=("white plane", "grey terminal")))
    adviser.learn("image 2", 2, "airport", written("A runway.", keywords=("white plane", "plane")))
    return adviser


def test_a_sentence_is_compared_with_all_images(adviser: Adviser) -> None:
    adviser.learn("image 3", 3, "port", written(NEARLY))
    assert adviser.hints("image 3", 3, "port", written(NEARLY)) == []  # 8 of 10 words: below 0.85
    adviser.learn("image 3", 3, "port", written(NEAR))
    [said] = adviser.hints("image 3", 3, "port", written(NEAR))
    assert said == "almost the same as a sentence of another image (100% of words)"
    assert adviser.hints("image 1", 1, "airport", written(NEAR)) == [said]
    adviser.forget(3)
    assert adviser.hints("image 1", 1, "airport", written(NEAR)) == []


def test_an_author_is_not_warned_of_an_own_sentence_in_another_task() -> None:
    """That of a pilot, or of a closed project. Two in one task repeat each other."""
    adviser = Adviser(Settings())
    adviser.learn("image 1", 1, "airport", written(NEAR), task=1, author=7)
    adviser.learn("image 1", 2, "airport", written(NEAR), task=2, author=7)
    assert adviser.hints("image 1", 2, "airport", written(NEAR)) == []
    said = "almost the same as a sentence of this image (100% of words)"
    adviser.learn("image 1", 3, "airport", written(NEAR), task=2, author=7)
    assert adviser.hints("image 1", 3, "airport", written(NEAR)) == [said]
    adviser.forget(2)
    adviser.learn("image 1", 4, "airport", written(NEAR), task=3, author=8)
    assert adviser.hints("image 1", 3, "airport", written(NEAR)) == [said]
    assert adviser.hints("image 1", 4, "airport", written(NEAR)) == [said]
    # An unknown author is not the same as another unknown author.
    adviser.learn("image 5", 5, "airport", written("A red tug waits in front of the quay."), 5)
    adviser.learn("image 5", 6, "airport", written("A red tug waits in front of the quay."), 6)
    [said_of_unknown] = adviser.hints(
        "image 5", 6, "airport", written("A red tug waits in front of the quay.")
    )
    assert said_of_unknown == said


class Served(MemoryServer):
    """A server whose projects the assist does not have to connect."""

    def catch_up(self, folder: Path) -> Assist:
        assist = Assist(folder)
        assist.backend.server_close()
        assist.catch_up([1])
        return assist


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    """The server of the workspace ``tmp_path / "w"``, with tasks of two images."""
    server = Served()
    with Workspace.create(tmp_path / "w") as workspace, workspace.transaction() as db:
        add_team(db)
        for number in (1, 2):
            add(db, "task", image_id=add(db, "image", number=number))
    workspace.studio.mkdir()
    data = {"category": "port", "hint": "", "suggested": []}
    server.sdk.projects.import_tasks(
        [{"data": {**data, "sha256": f"port {number}"}} for number in (1, 2)]
    )
    monkeypatch.setattr(run, "connection_of", lambda workspace: server.connection)
    monkeypatch.setattr(run, "Client", lambda connection: server)
    monkeypatch.setattr(run, "suggest_ahead", lambda *arguments: 0)
    return server


def test_a_skipped_text_is_not_learnt_at_the_start(tmp_path: Path, served: Served) -> None:
    served.write(1, as_result([NEAR], ["red ship"]), WHEN)
    served.tasks[1].annotations[0]["was_cancelled"] = True
    served.write(2, as_result([NEAR], []), WHEN, author=3)
    assist = served.catch_up(tmp_path / "w")
    assert len(assist.adviser) == 1
    assert [served.tasks[number].data["hint"] for number in (1, 2)] == ["", ""]
    assert assist.adviser.keywords("port", []) == ["- port"]


def test_a_caption_that_two_annotators_confirm_is_no_copy(tmp_path: Path, served: Served) -> None:
    """On the page ``correction``, both begin with the same sentence."""
    for number, caption in ((1, NEAR), (2, "A pier.")):
        served.tasks[number].data["caption1"] = caption
        for author in (2, 3):
            own = NEAR if number == 1 else "A red tug waits in front of the long quay."
            served.write(number, as_result([own], []), WHEN, author)
    served.catch_up(tmp_path / "w")
    confirmed, written_anew = (served.tasks[number].data["hint"] for number in (1, 2))
    assert confirmed == ""
    assert "almost the same as a sentence of this image" in written_anew


def test_the_hints_of_a_skipped_or_deleted_annotation_are_removed(
    tmp_path: Path, served: Served
) -> None:
    served.write(1, as_result(["There are many ships."], []), WHEN)
    served.write(2, as_result(["There are many ships."], []), WHEN)
    assist = served.catch_up(tmp_path / "w")
    first, second = (served.tasks[number] for number in (1, 2))
    assert all(task.data["hint"].startswith("For anna@x.org: ") for task in (first, second))
    for task in (first, second):
        task.project = 1
    first.annotations[0]["was_cancelled"] = True
    number = second.annotations.pop()["id"]
    assist._event(Announcement(frozenset({1}), frozenset({first.annotations[0]["id"]})))
    assist._event(Announcement(frozenset(), frozenset({number})))
    assert [task.data["hint"] for task in (first, second)] == ["", ""]
    assert len(assist.adviser) == 0


def test_a_broken_rule_is_described(adviser: Adviser) -> None:
    said = adviser.hints(
        "image 9", 9, "airport", written(NEAR.replace("Two", "Many"), "Short one.")
    )
    assert said[0].startswith("sentence 1: says 'many'")
    assert any(line.startswith("sentence 2: has 2 words") for line in said)


def test_keywords_by_category_and_words(adviser: Adviser) -> None:
    assert adviser.keywords("airport", []) == ["white plane", "grey terminal"]
    assert adviser.keywords("airport", ["Three planes wait."]) == ["white plane"]
    assert adviser.keywords("airport", ["A long grey terminal."]) == ["grey terminal"]
    assert adviser.keywords("airport", ["A lake."]) == ["- airport"]
    assert adviser.keywords("storage_tank", []) == ["- storage tank"]


def test_one_spelling_of_a_keyword_is_suggested() -> None:
    adviser = Adviser(Settings())
    for number, word in enumerate(("Red ship", "red  ship", "red ship", "red ship", "sea"), 1):
        adviser.learn(f"image {number}", number, "port", written("x", keywords=(word, "blue sea")))
    assert adviser.keywords("port", []) == ["blue sea", "red ship"]
    # What was offered stays on offer, because an annotator may have ticked it.
    offered = offer_more({"category": "port", "suggested": [{"value": "RED ship"}]}, adviser, [])
    assert offered["suggested"] == [{"value": "RED ship"}, {"value": "blue sea"}]


def test_a_removed_keyword_is_not_suggested() -> None:
    adviser = Adviser(Settings())
    adviser.learn("image 1", 1, "port", written("x", keywords=("red ship",)))
    adviser.learn("image 1", 1, "port", written("x", keywords=("blue ship",)))
    assert adviser.keywords("port", []) == ["blue ship"]
    adviser.forget(1)
    assert adviser.keywords("port", []) == ["- port"]


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    def predict(task: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        return {"result": [task["id"]], "score": 1.0, "model_version": VERSION}

    made = Backend(predict)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.stop()
    thread.join()


def test_the_protocol(backend: Backend) -> None:
    with httpx.Client(base_url=backend.url, trust_env=False) as session:
        assert session.get("/health").json()["status"] == "UP"
        setup = session.post("/setup", json={"project": "1.2", "access_token": "t"})
        assert setup.json() == {"model_version": VERSION}
        asked = {"tasks": [{"id": 7}, {"no": "id"}, {"id": 8}], "params": {"context": {}}}
        answer = session.post("/predict", json=asked)
        assert [r["result"] for r in answer.json()["results"]] == [[7], [], [8]]
        # What the server collects by itself it would put into the field of the next annotator.
        asked["params"] = {"context": None}
        assert session.post("/predict", json=asked).json() == {"results": [[], [], []]}
        event = {
            "action": "ANNOTATION_CREATED",
            "task": {"id": 7, "data": {"hint": "obey"}},
            "annotation": {"id": 9, "result": [{"value": {"text": ["not believed"]}}]},
        }
        assert session.post("/webhook", json=event).status_code == 200
        assert backend.events.get_nowait() == Announcement(frozenset({7}), frozenset({9}))
    assert backend.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/predict", b"{", 400),
        ("/predict", b"[]", 400),
        ("/predict", b'{"tasks": {}}', 400),
        ("/predict", b'{"tasks": [1]}', 400),
        ("/webhook", b"[" * 100_000, 400),
        ("/webhook", b"{}", 400),
        ("/webhook", b'{"action": ["ANNOTATION_CREATED"]}', 400),
        ("/webhook", b'{"action": "ANNOTATION_CREATED"}', 400),
        ("/webhook", b'{"action": "ANNOTATION_UPDATED", "annotation": 1, "task": 2}', 400),
        ("/webhook", b'{"action": "ANNOTATION_UPDATED", "annotation": {"id": 3}}', 400),
        ("/webhook", b'{"action": "ANNOTATION_UPDATED", "annotation": {"id": "3"}}', 400),
        ("/webhook", b'{"action": "ANNOTATIONS_DELETED", "annotations": {"id": 3}}', 400),
        ("/webhook", b'{"action": "ANNOTATIONS_DELETED", "annotations": [{"id": true}]}', 400),
        ("/webhook", b'{"action": "ANNOTATIONS_DELETED", "annotations": [{"id": -3}]}', 400),
        ("/elsewhere", b"{}", 404),
    ],
)
def test_bad_requests_are_answered(
    backend: Backend, path: str, body: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    answer = httpx.post(f"{backend.url}{path}", content=body, trust_env=False)
    assert answer.status_code == status
    assert "error" in json.loads(answer.text)
    assert httpx.get(f"{backend.url}/health", trust_env=False).status_code == 200
    assert backend.events.empty()
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []


@pytest.mark.parametrize("path", ["/health", "/versions", "", "/setup", "/predict", "/webhook"])
@pytest.mark.parametrize(
    ("secret", "headers", "status"),
    [
        ("", {}, 404),
        ("/rsitmd-assist-", {}, 404),
        ("SECRETx", {}, 404),
        ("/x/..SECRET", {}, 404),
        ("/\xe9", {}, 404),
        ("SECRET", {"Host": "evil.example.org"}, 403),
        ("SECRET", {"Host": "127.0.0.1"}, 403),
        ("SECRET", {"Host": "localhost:PORT"}, 403),
        ("SECRET", {"Origin": "http://evil.example.org"}, 403),
        ("SECRET", {"Origin": "null"}, 403),
        ("SECRET", {"Origin": "http://127.0.0.1:PORT"}, 403),
    ],
)
def test_only_the_server_gets_answers(
    backend: Backend, path: str, secret: str, headers: dict[str, str], status: int
) -> None:
    port = str(backend.server_port)
    given = {name: value.replace("PORT", port) for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", backend.server_port, timeout=10)
    event = b'{"action": "ANNOTATION_CREATED", "task": {"id": 1}, "annotation": {"id": 1}}'
    for method in ("GET", "POST"):
        there = urllib.parse.quote(secret.replace("SECRET", backend.path) + path)
        body = event if method == "POST" else None
        connection.request(method, there or "/", body=body, headers=given)
        answer = connection.getresponse()
        assert answer.status == status
        assert set(json.loads(answer.read())) == {"error"}
    assert backend.events.empty()


def test_the_secret_differs_each_time_and_is_not_logged(
    backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    other = Backend(backend.predict)
    other.server_close()
    assert other.path != backend.path
    assert len(backend.path) > 40
    with caplog.at_level("DEBUG"):
        assert httpx.get(f"{backend.url}/health", trust_env=False).status_code == 200
    assert backend.path not in "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("rsitmd")
    )


@pytest.mark.parametrize(
    "sent",
    [
        b"POST SECRET/webhook HTTP/1.1\r\nHost: ADDRESS\r\nContent-Length: 50\r\n\r\n{",
        b"POST SECRET/webhook HTTP/1.1\r\nHost: ADDRESS\r\nContent-Length: 1_0\r\n\r\n",
        b"POST SECRET/webhook HTTP/1.1\r\nHost: ADDRESS\r\nContent-Length: -1\r\n\r\n",
        b"POST SECRET/webhook HTTP/1.1\r\nHost: ADDRESS\r\nHost: ADDRESS\r\n\r\n",
        b"POST SECRET/webhook HTTP/1.0\r\n\r\n",
        b"\x00\xff\r\n\r\n",
        b"GET \r\n",
    ],
)
def test_invalid_requests_are_closed_silently(
    backend: Backend, sent: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    sent = sent.replace(b"SECRET", backend.path.encode())
    sent = sent.replace(b"ADDRESS", backend.address.encode())
    with socket.create_connection(backend.server_address[:2], timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b" 200 " not in answer.splitlines()[0] if answer else True
    assert httpx.get(f"{backend.url}/health", trust_env=False).status_code == 200
    assert backend.events.empty()
    assert "Traceback" not in capfd.readouterr().err


def test_a_stopping_assist_refuses_connections_before_it_waits_for_its_threads() -> None:
    """The last call of a thread waits for the server, which asks this assist for keywords."""
    assist = Assist.__new__(Assist)
    assist.backend = Backend(lambda task, context: {})
    refused, stop = threading.Event(), threading.Event()

    def call() -> None:
        stop.wait()
        for _ in range(100):
            try:
                socket.create_connection(assist.backend.server_address[:2], timeout=5).close()
            except ConnectionRefusedError:
                refused.set()
                return
            except ConnectionResetError:  # it was waiting in the queue of the port
                continue
            time.sleep(0.1)

    assist._stop = stop
    assist._threads = [
        threading.Thread(target=each) for each in (assist.backend.serve_forever, call)
    ]
    for thread in assist._threads:
        thread.start()
    assist.__exit__()
    assert refused.is_set()


def test_a_list_of_annotations_contains_its_tasks() -> None:
    several = {"annotations": [{"id": 1, "task": 5}, {"id": 2, "task": 6}]}
    assert read_announcement({"action": "ANNOTATIONS_CREATED", **several}) == (
        frozenset({5, 6}),
        frozenset({1, 2}),
    )
    gone = {"action": "ANNOTATIONS_DELETED", "annotations": [{"id": 1}]}
    assert read_announcement(gone) == (frozenset(), frozenset({1}))
    assert read_announcement({"action": "PROJECT_UPDATED", "task": 3}) == Announcement()


def test_a_misspelt_word_is_reported_each_time(adviser: Adviser) -> None:
    for word in ("whte", "terminl"):
        said = adviser.hints(
            "image 9", 9, "airport", written(f"Two planes stand beside the {word} wall.")
        )
        assert any(f"unknown word '{word}'" in line for line in said)
