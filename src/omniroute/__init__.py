"""OmniRoute: one self-hosted endpoint for every AI client and every provider."""
