"""From a model name to an ordered list of attempts. Pure."""
