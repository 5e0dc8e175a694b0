"""The settings of the later release."""

from lairchat.settings import *  # noqa: F403
from lairchat.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "lairchat.testing.later.apps.LaterConfig"]
