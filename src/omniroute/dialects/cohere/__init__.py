"""The chat API of Cohere, version 2, which providers speak and no client does."""
