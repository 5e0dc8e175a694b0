"""Routes under `/api/v1/`."""

from django.urls import path

from accounts.api import auth, views

urlpatterns = [
    path("auth/register", auth.Register.as_view()),
    path("auth/login", auth.Login.as_view()),
    path("auth/logout", auth.Logout.as_view()),
    path("auth/refresh", auth.Refresh.as_view()),
    path("auth/token", auth.Token.as_view()),
    path("auth/token/refresh", auth.TokenRefresh.as_view()),
    path("auth/change-password", auth.ChangePassword.as_view()),
    path("users/me", views.Me.as_view()),
    path("users/me/sessions", views.Sessions.as_view()),
    path("users/me/sessions/<str:session_id>", views.Session.as_view()),
    path("users", views.People.as_view()),
    path("users/<str:user_id>", views.Person.as_view()),
    path("admin/users/<str:user_id>/sanctions", views.Sanctions.as_view()),
    path("admin/users/<str:user_id>/role", views.Role.as_view()),
    path("admin/users/<str:user_id>/sessions", views.SessionsOfUser.as_view()),
    path("admin/sanctions/<str:sanction_id>/lift", views.LiftSanction.as_view()),
]
