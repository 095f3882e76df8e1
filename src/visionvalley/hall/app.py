# SPDX-License-Identifier: Apache-2.0
"""The application: pages, API, static files, and the guard before them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from visionvalley.hall import api, languages, pages
from visionvalley.hall.changes import watching
from visionvalley.hall.faults import PROBLEMS, explain_faults
from visionvalley.hall.keeping import looking
from visionvalley.hall.rendering import ASSETS, STATIC, static_version, warm
from visionvalley.hall.security import Guard
from visionvalley.hall.settings import Hall

SILENT = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}


def create_app(hall: Hall) -> FastAPI:
    """Return the application of a hall."""

    @asynccontextmanager
    async def open_hall(_: FastAPI) -> AsyncIterator[None]:
        languages.warm()
        warm()
        async with looking(hall), watching(hall):
            yield
        hall.live.close()
        hall.running.close()

    app = FastAPI(
        title="Vision Valley",
        description="The hall: everything that its pages do.",
        version=version("visionvalley"),
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=open_hall,
        telemetry=SILENT,  # type: ignore[arg-type]
    )
    app.state.hall = hall
    explain_faults(app)
    app.add_middleware(Guard, hall=hall)
    for router in api.ROUTERS:
        app.include_router(router, prefix="/api/v1", responses=PROBLEMS)
    for router in pages.ROUTERS:
        app.include_router(router, include_in_schema=False)
    app.mount(f"{STATIC}/{static_version()}", StaticFiles(directory=_folder("hall", "static")))
    app.mount(f"{ASSETS}/styles", StaticFiles(directory=_folder("report", "styles")))
    app.mount(ASSETS, StaticFiles(directory=_folder("report", "assets"), check_dir=False))
    return app


def _folder(room: str, name: str) -> Path:
    return Path(str(files("visionvalley"))) / room / name
