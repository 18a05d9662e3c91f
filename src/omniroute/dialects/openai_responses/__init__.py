"""OpenAI's Responses API: items in, items and typed events out."""
