"""Training of the keypoint network."""
