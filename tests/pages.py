"""Asking for a page as a person does, for the tests of pages."""

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse


def visit(user, name: str, *args, query: str = "", htmx: bool = False) -> HttpResponse:
    """The page by its name; as htmx asks for a part of it."""
    return _as(user).get(reverse(name, args=args) + query, headers={"HX-Request": "true"} if htmx else {})


def send(user, name: str, data: dict, *args, htmx: bool = True) -> HttpResponse:
    """A form sent to the page's name."""
    return _as(user).post(reverse(name, args=args), data, headers={"HX-Request": "true"} if htmx else {})


def words(response: HttpResponse) -> str:
    return response.content.decode()


def _as(user) -> Client:
    client = Client()
    client.force_login(user)
    return client
