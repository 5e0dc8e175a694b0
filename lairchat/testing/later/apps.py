from django.apps import AppConfig


class LaterConfig(AppConfig):
    name = "lairchat.testing.later"
    label = "later"
