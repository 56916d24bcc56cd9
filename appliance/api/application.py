"""The HTTP application on port 8080: guard first, then ingest, then FastAPI for everything else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from appliance import __version__
from appliance.access.guard import Guard
from appliance.api import dead_letters, docs_page, export, figures, health, internal, keys, mirrors, query, stream
from appliance.api.access_log import AccessLog
from appliance.api.answers import problem_answer
from appliance.api.gate import Gate
from appliance.api.measured import Measured
from appliance.api.openapi import document
from appliance.api.parts import Parts
from appliance.api.request_ids import RequestIds
from appliance.errors import ApplianceError
from appliance.problems import problem, problem_of

Asgi = Callable[..., Awaitable[None]]


def make_application(parts: Parts, guard: Guard) -> Asgi:
    """The ASGI application to serve."""
    routes = make_routes()
    routes.state.parts = parts
    measured = Measured(routes, parts.ingest.traffic)
    gate = Gate(guard, parts.access.door, parts.ingest, measured, RequestIds())
    return AccessLog(gate, parts.clock.monotonic) if parts.settings.server.access_log else gate


def make_routes() -> FastAPI:
    """Everything that the framework routes; ``state.parts`` is what the routes answer from."""
    # the documentation's scripts come from this server too, not from somebody's network
    routes = FastAPIOffline(
        title="Analytics Appliance",
        version=__version__,
        summary="Real-time analytics for growth and e-mail teams: durable, truthful, light.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        # an address with a slash too many is unknown: to send callers on would depend on the Host they name
        redirect_slashes=False,
    )
    for router in (figures.router, stream.router, health.router, internal.router, keys.router, dead_letters.router):
        routes.include_router(router)
    routes.include_router(export.router)
    routes.include_router(mirrors.router)
    routes.include_router(query.router)
    routes.include_router(docs_page.router)
    _answer_errors(routes)
    document(routes)
    return routes


def _answer_errors(routes: FastAPI) -> None:
    @routes.exception_handler(ApplianceError)
    async def ours(_request: Request, error: ApplianceError) -> Response:
        status, body, headers = problem_of(error)
        return problem_answer(status, body, headers)

    @routes.exception_handler(RequestValidationError)
    async def arguments(_request: Request, error: RequestValidationError) -> Response:
        first: dict[str, Any] = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:])
        return problem_answer(400, problem(400, "bad_argument", str(first["msg"]), field=field or None))

    @routes.exception_handler(HTTPException)
    async def routing(_request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
        return problem_answer(error.status_code, problem(error.status_code, code, str(error.detail)), error.headers)

    @routes.exception_handler(Exception)
    async def anything(_request: Request, _error: Exception) -> Response:
        # it is raised on after the answer, and logged where it arrives
        return problem_answer(500, problem(500, "internal", "the appliance failed; its log says how"))
