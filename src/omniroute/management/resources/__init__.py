"""Management resources, one file each."""
