"""Live state of routing."""
