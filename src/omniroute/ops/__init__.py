"""What an operator wants done beyond the serving of requests."""
