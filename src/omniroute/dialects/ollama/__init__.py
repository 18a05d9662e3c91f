"""Ollama's native chat API: `POST /api/chat`, newline-delimited JSON."""
