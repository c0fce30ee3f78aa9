"""Films, landmarks and the one pixel convention."""
