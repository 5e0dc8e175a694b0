"""The description of the API: complete, valid, public, and shown to people without a network."""

import json

import pytest
from django.conf import settings
from drf_spectacular.validation import validate_schema

from lairchat import config
from lairchat.core.commands import Command, Nothing
from lairchat.core.openapi import operations
from lairchat.core.rest import ActorView
from lairchat.core.routes import routes
from lairchat.reference import api
from lairchat.testing.asking import Program


@pytest.fixture(scope="module")
def described():
    return {(method.upper(), path): operation for path, method, operation in operations(api.description())}


def test_the_description_is_valid():
    validate_schema(api.description())


def test_every_route_is_described_once(described):
    assert described.keys() == {(route.method, route.path) for route in routes()}
    ids = [operation["operationId"] for operation in described.values()]
    assert len(ids) == len(set(ids))


def test_every_view_of_the_api_runs_a_command():
    """What runs none would be missing from the description without a word."""
    from django.urls import get_resolver

    def views(patterns):
        for pattern in patterns:
            if hasattr(pattern, "url_patterns"):
                yield from views(pattern.url_patterns)
            elif issubclass(getattr(pattern.callback, "cls", object), ActorView):
                yield pattern.callback.cls

    for view in views(get_resolver().url_patterns):
        for method in view.http_method_names:
            handler = getattr(view, method, None)
            assert handler is None or method == "options" or isinstance(handler.command, Command)


def test_every_reference_leads_somewhere():
    document = api.description()

    def references(value):
        if isinstance(value, dict):
            if "$ref" in value:
                yield value["$ref"]
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    for reference in references(document):
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_an_operation_has_all_fields_of_its_command(described):
    for route in routes():
        operation = described[route.method, route.path]
        named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] != "header"}
        body = operation.get("requestBody")
        if body is not None:
            name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            named |= api.description()["components"]["schemas"][name]["properties"].keys()
        fields = set(route.command.takes.__struct_fields__)
        # An object does not fit into a query; its route has plain fields for the same.
        assert fields - named <= ({"target"} if route.method == "GET" else set()), str(route)
        assert named <= fields, str(route)


def test_what_needs_a_sign_in_says_so(described):
    for route in routes():
        security = described[route.method, route.path]["security"]
        assert bool(security) is not route.view.open_to_anybody
    schemes = api.description()["components"]["securitySchemes"]
    assert schemes["session"]["name"] == settings.SESSION_COOKIE_NAME
    assert schemes.keys() == {"bearer", "session", "csrf"}


def test_every_refusal_is_described_as_the_envelope(described):
    for operation in described.values():
        for status, response in operation["responses"].items():
            schema = response["content"]["application/json"]["schema"]["$ref"]
            assert schema.endswith("/Error") is (int(status) >= 400)


def test_a_command_without_fields_has_no_body(described):
    for route in routes():
        if route.command.takes is Nothing:
            assert "requestBody" not in described[route.method, route.path]


def test_anybody_may_read_the_description(client):
    response = client.get("/openapi.json")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert json.loads(response.content) == json.loads(api.as_json())


@pytest.fixture
def closed():
    config.reload({"api_described": False})
    yield
    config.reload()


@pytest.mark.promise("S21")
def test_a_setting_closes_the_description(client, closed):
    assert client.get("/openapi.json").status_code == 404
    assert client.get("/docs").status_code == 404


def test_the_page_for_people_has_no_script_of_its_own_inside(client):
    page = client.get("/docs")
    text = page.content.decode()
    assert page.status_code == 200
    assert "<style" not in text
    assert text.count("<script") == text.count("<script src=")
    policy = page["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_a_program_finds_what_the_description_promises(alice, den):
    """One answer of each kind, against the schema in the document."""
    answer = Program(alice).rest("GET", f"/api/v1/rooms/{den.id}")
    schema = api.description()["components"]["schemas"]["RoomDetails"]
    assert answer.body.keys() == schema["properties"].keys()
