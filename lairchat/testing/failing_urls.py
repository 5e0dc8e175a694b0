"""The site's addresses, and two that fail as nothing of ours should: to see what people are told then."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path

from lairchat import urls
from lairchat.core.rest import ActorView

handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500


class Failing(ActorView):
    authentication_classes = []
    open_to_anybody = True

    def get(self, request: Any) -> Any:
        raise ZeroDivisionError("the secret of /etc/passwd")


def failing(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("the secret of /etc/passwd")


urlpatterns = [
    path("api/v1/failing", Failing.as_view()),
    path("api/plain-failing", failing),
    path("failing", failing),
    *urls.urlpatterns,
]
