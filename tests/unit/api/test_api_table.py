"""The table finds what Starlette finds."""

import pytest
from starlette.routing import Match
from starlette.routing import Route as StarletteRoute

from onrecord.entrypoints.api.app import PATH_FORMS
from onrecord.entrypoints.api.routes import ROUTES
from onrecord.entrypoints.api.table import Table

TABLE = Table([(route, route) for route in ROUTES])
GIVEN = {name: f"{name}_1" for name in PATH_FORMS}


async def unused(_):
    raise AssertionError


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_each_row_is_found_by_its_own_path_alone(route):
    path = route.path.format(**GIVEN)
    assert TABLE.find(route.method, path) == (route, {n: v for n, v in GIVEN.items() if f"{{{n}}}" in route.path})
    for other in (f"{path}/", f"/{path}", path[1:], f"{path}/more", path.rpartition("/")[0]):
        found = TABLE.find(route.method, other)
        assert found is None or found[0] is not route
    assert TABLE.find("PATCH", path) is None
    assert TABLE.find(route.method.lower(), path) is None


@pytest.mark.parametrize("value", ["x", "a b", "%", "int_1?", "", "ä", "\n", "a/b", ".", ".."])
def test_a_name_stands_for_what_it_stands_for_there(value):
    for route in ROUTES:
        path = route.path.replace("{", "").replace("}", "")
        for name in GIVEN:
            path = path.replace(f"/{name}", f"/{value}") if f"{{{name}}}" in route.path else path
        matched, scope = StarletteRoute(route.path, unused, methods=[route.method]).matches(
            {"type": "http", "method": route.method, "path": path}
        )
        found = TABLE.find(route.method, path)
        if matched is Match.FULL:
            assert found is not None
            assert found[1] == scope["path_params"]
        else:
            assert found is None or found[0] is not route
