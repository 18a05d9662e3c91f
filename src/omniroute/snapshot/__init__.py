"""One immutable, versioned read model of the configuration."""
