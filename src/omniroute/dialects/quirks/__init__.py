"""Named deviations of single providers from their dialect, one file each."""
