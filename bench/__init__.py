"""The benchmark: this gateway beside nginx and other gateways, in one run, on one machine."""
