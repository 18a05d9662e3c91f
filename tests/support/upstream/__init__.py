"""A provider of our own: it answers like OpenAI and Anthropic, records every byte, and fails on command."""
