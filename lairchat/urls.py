"""Who answers which address."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from chat import views as chat_pages
from lairchat import api_docs
from lairchat.ops import api as ops

api: list[URLPattern | URLResolver] = [
    path("", include("accounts.urls")),
    path("", include("rooms.urls")),
    path("", include("chat.urls")),
    path("admin/stats", ops.Stats.as_view()),
]

handler400 = "lairchat.pages.bad_request"
handler403 = "lairchat.pages.forbidden"
handler404 = "lairchat.pages.not_found"
handler500 = "lairchat.pages.server_error"

urlpatterns = [
    path("", include("lairchat.ops.urls")),
    path("api/v1/", include(api)),
    path("openapi.json", api_docs.openapi),
    path("docs", api_docs.Browser.as_view()),
    path("admin/", admin.site.urls),
    path("admin", RedirectView.as_view(url="/admin/")),  # no slash is added anywhere else
    path("", include("accounts.page_urls")),
    path("", chat_pages.app),
    path("r/<str:room_id>", chat_pages.app),
    path("r/<str:room_id>/<str:message_id>", chat_pages.app),
    path("d/<str:username>", chat_pages.app),
    path("rooms", chat_pages.app),
    path("rooms/new", chat_pages.app),
]
