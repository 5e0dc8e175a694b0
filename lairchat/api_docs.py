"""The description of the API for programs and for people (guarantees, S21: public unless a setting closes it)."""

from typing import Any

from csp.decorators import csp_replace
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularSwaggerSplitView

from lairchat import config
from lairchat.reference import api

FRESH_SECONDS = 300

# S9: Swagger's library assigns markup and has pictures in its style sheet; it still gets no inline script or style.
POLICY: dict[str, Any] = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"] | {
    "require-trusted-types-for": None,
    "trusted-types": None,
    "img-src": ["'self'", "data:"],
}


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document as JSON, made once. Any page may read it."""
    _refuse_if_closed()
    response = HttpResponse(api.as_json(), content_type="application/json")
    response["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
    return response


@method_decorator([never_cache, csp_replace(POLICY)], name="dispatch")
class Browser(SpectacularSwaggerSplitView):
    """The page for people; with `?script` the script that starts it, so that none stands inside the page."""

    url = "/openapi.json"
    template_name = "api_docs.html"
    authentication_classes = []
    permission_classes = []

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        _refuse_if_closed()
        super().initial(request, *args, **kwargs)


def _refuse_if_closed() -> None:
    if not config.current().api_described:
        raise Http404()
