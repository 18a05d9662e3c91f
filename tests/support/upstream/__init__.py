"""A provider of our own: it answers in every dialect, records every byte, and fails on command."""
