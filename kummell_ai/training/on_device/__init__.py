"""Batches made where the network is: stored looks stay in its memory, and a step's draws are applied to all at once.

Workers on a CPU vary some eighty films a second and core; a GPU trains on a thousand and more.
"""
