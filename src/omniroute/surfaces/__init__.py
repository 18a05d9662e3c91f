"""Client-facing endpoints, one file per dialect."""
