"""Settles the settings and starts the gateway; imports nothing that a start does not need."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from omniroute.config.load import load
from omniroute.config.origin import SettingsError


def serve(flags: Mapping[str, str]) -> int:
    """Serves until stopped. Returns the exit code: 0 after a drain, 1 busy port or data dir, 2 bad settings."""
    config = flags.get("config")
    try:
        loaded = load(
            {field: value for field, value in flags.items() if field != "config"},
            os.environ,
            config=Path(config) if config else None,
        )
    except SettingsError as error:
        print(f"omniroute: {error}", file=sys.stderr)
        print("hint: `omniroute config explain KEY` shows every layer of a setting", file=sys.stderr)
        return 2

    from omniroute.app import build  # the whole gateway: only bad settings are told without it
    from omniroute.server.run import serve as run

    return run(loaded.settings, build, loaded.notes)
