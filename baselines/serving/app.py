"""The application: addresses, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from rsitmd_tools.baselines.serving.guard import Guard
from rsitmd_tools.baselines.serving.pages import STATIC, Pages
from rsitmd_tools.baselines.serving.request import (
    LocateRequest,
    SearchRequest,
    locate_request,
    search_request,
    usable_part,
)
from rsitmd_tools.baselines.serving.scene_view import CLOSER, SceneView, View
from rsitmd_tools.baselines.serving.site import Site
from rsitmd_tools.errors import RsitmdError, WrongUsage

# The address of a picture has a key of this start of the server.
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
READ = ["GET", "HEAD"]
BLANK = "The query is empty: type a sentence or keywords."


def make_app(site: Site, port: int) -> FastAPI:
    """Return the application.

    Args:
        site: What is shown.
        port: The port of the server, which the Host header must have.
    """
    # Without the pages of the API: they load scripts from other servers.
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, port=port)
    app.mount("/static", StaticFiles(directory=STATIC), "static")
    app.add_exception_handler(RequestValidationError, _not_found)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RsitmdError, _failed)
    pages = Pages(site=site)
    _add_search(app, site, pages)
    if site.scene is not None:
        _add_locate(app, site, site.scene, pages)
    return app


def _add_search(app: FastAPI, site: Site, pages: Pages) -> None:
    def parse(given: Mapping[str, str]) -> SearchRequest:
        return search_request(given, site.categories, len(site.dataset))

    def page(asked: SearchRequest, problem: str = "", status: int = 200) -> Response:
        answers = [] if asked.blank or problem else [run.answers(asked) for run in site.runs]
        ranks = [{hit.index: hit.rank for hit in answer.hits} for answer in answers]
        words = [run.words(asked) for run in site.runs] if answers and asked.words else None
        shown = pages.render(
            "search.html", asked=asked, answers=answers, ranks=ranks, words=words, problem=problem
        )
        return HTMLResponse(shown, status)

    @app.api_route("/", methods=READ)
    def search(request: Request) -> Response:
        try:
            asked = parse(request.query_params)
        except WrongUsage as error:
            return page(usable_part(parse, request.query_params), _sentence(error), 400)
        if asked.blank and {"text", "keywords"} & set(request.query_params):
            return page(asked, BLANK, 400)
        return page(asked)

    @app.api_route("/words/{number}", methods=READ)
    def words(request: Request, number: str) -> Response:
        asked = parse(request.query_params)
        run = _index(number, len(site.runs))
        if asked.blank:
            raise WrongUsage("the query is blank", hint="type a sentence or keywords")
        shown = site.runs[run]
        hits, found = shown.answers(asked).hits, shown.words(asked)
        return HTMLResponse(pages.render("words.html", run=run, hits=hits, words=found))

    @app.api_route("/image/{number}.jpg", methods=READ)
    def image(number: str) -> Response:
        return _jpeg(site.picture(_index(number, len(site.dataset))))

    @app.api_route("/saliency/{run}/{number}.jpg", methods=READ)
    def saliency(run: str, number: str) -> Response:
        places = _index(run, len(site.runs)), _index(number, len(site.dataset))
        if not site.runs[places[0]].has_saliency:
            raise HTTPException(404)
        return _jpeg(site.saliency(*places))


def _add_locate(app: FastAPI, site: Site, scene: SceneView, pages: Pages) -> None:
    def parse(given: Mapping[str, str]) -> LocateRequest:
        return locate_request(given, len(site.runs), scene.width, scene.height)

    def page(asked: LocateRequest, problem: str = "", status: int = 200) -> Response:
        found = None if asked.blank or problem else scene.locate(asked)
        view = scene.view(asked)
        views = _links(scene, view)
        shown = pages.render(
            "locate.html", asked=asked, found=found, view=view, views=views, problem=problem,
            around=scene.around,
        )  # fmt: skip
        return HTMLResponse(shown, status)

    @app.api_route("/locate", methods=READ)
    def locate(request: Request) -> Response:
        try:
            asked = parse(request.query_params)
        except WrongUsage as error:
            return page(usable_part(parse, request.query_params), _sentence(error), 400)
        if asked.blank and "text" in request.query_params:
            return page(asked, "The sentence is empty: type one.", 400)
        return page(asked)

    @app.api_route("/scene.jpg", methods=READ)
    def picture(request: Request) -> Response:
        return _jpeg(scene.picture(parse(request.query_params)))


def _links(scene: SceneView, view: View) -> list[tuple[str, str, View]]:
    """Return the identifiers, names and views of the links that change the view."""
    return [
        ("closer", "Zoom in", scene.zoomed(view, 1 / CLOSER)),
        ("farther", "Zoom out", scene.zoomed(view, CLOSER)),
        ("whole", "Whole scene", scene.whole()),
        ("left", "Left", scene.moved(view, -1, 0)),
        ("right", "Right", scene.moved(view, 1, 0)),
        ("up", "Up", scene.moved(view, 0, -1)),
        ("down", "Down", scene.moved(view, 0, 1)),
    ]


def _index(text: str, count: int) -> int:
    """Parse an index in an address.

    Args:
        text: The part of the address.
        count: The index must be below this number.

    Raises:
        HTTPException: The text is not such an index; the status is 404.
    """
    # int() refuses numbers of thousands of digits.
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) < count):
        raise HTTPException(404)
    return int(text)


def _jpeg(content: bytes) -> Response:
    return Response(content, media_type="image/jpeg", headers=FOREVER)


def _sentence(error: RsitmdError) -> str:
    """Return the message of an error as a sentence."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _not_found(request: Request, error: Any) -> Response:
    return PlainTextResponse("there is no such page\n", 404)


def _refused(request: Request, error: Any) -> Response:
    text = "there is no such page" if error.status_code == 404 else str(error.detail).lower()
    return PlainTextResponse(f"{text}\n", error.status_code, headers=error.headers)


def _failed(request: Request, error: Any) -> Response:
    """Say in one line what is wrong with an image, a scene or a request."""
    return PlainTextResponse(f"{error}\n", 400 if isinstance(error, WrongUsage) else 500)
