"""Which of a provider's accounts is tried first."""
