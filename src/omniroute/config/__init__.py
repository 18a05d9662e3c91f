"""Settings: start-up configuration whose every value remembers where it came from."""
