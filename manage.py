#!/usr/bin/env python3
"""Django's entry point for every command of Lair Chat."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lairchat.settings")
    from django.core.management import execute_from_command_line

    from lairchat.config import ConfigError

    try:
        execute_from_command_line(sys.argv)
    except ConfigError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
