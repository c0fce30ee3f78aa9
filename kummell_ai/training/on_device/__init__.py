"""Batches made where the network is: stored looks stay in its memory, and a step's draws are applied to all at once.

A worker on a CPU makes some 220 films a second, of 5 MB each with their targets; a GPU trains on a thousand and more.
"""
