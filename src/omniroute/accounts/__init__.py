"""Credentials at providers and their use."""
