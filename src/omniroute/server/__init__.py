"""The ASGI application and its life."""
