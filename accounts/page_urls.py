"""Addresses of the account pages."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("welcome", views.welcome),
    path("login", views.login),
    path("register", views.register),
    path("logout", views.logout),
    path("account/status", views.status),
    path("settings/profile", views.profile),
    path("settings/account", views.account),
    path("settings/password", views.password),
    path("settings/sessions", views.sessions_page),
    path("settings/look", views.look),
]
