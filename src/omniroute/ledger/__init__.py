"""The journal and the usage records made from it."""
