"""Batches made where the network is: stored looks stay in its memory, and a step's draws are applied to all at once.

Why, and how fast either way is: docs/decisions/0010-batches-made-on-the-device.md.
"""
