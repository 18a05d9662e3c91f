"""Work that comes back by the hour, beside the requests."""
