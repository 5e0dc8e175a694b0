"""What every process answers, also one that serves sockets only."""

from django.urls import path

from lairchat.ops import health, metrics, ready

urlpatterns = [
    path("health", health.health),
    path("ready", ready.ready),
    path("metrics", metrics.metrics),
]
