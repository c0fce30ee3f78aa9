"""Bones: templates from numbers, meshes and CT masks, and the individual that is built from them."""
