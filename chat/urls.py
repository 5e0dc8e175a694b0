from django.urls import path

from chat.api import views

urlpatterns = [
    path("messages", views.Messages.as_view()),
    path("messages/read", views.Read.as_view()),
    path("messages/<str:message_id>", views.Message.as_view()),
    path("messages/<str:message_id>/revisions", views.Revisions.as_view()),
    path("messages/<str:message_id>/reactions/<str:emoji>", views.Reaction.as_view()),
    path("rooms/<str:room_id>/receipts", views.Receipts.as_view()),
    path("rooms/<str:room_id>/typing", views.Typing.as_view()),
    path("sidebar", views.Sidebar.as_view()),
]
