"""Pure geometry of vertebral bodies: float64, deterministic, no files, no torch."""
