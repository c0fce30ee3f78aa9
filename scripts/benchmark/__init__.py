"""Keypoint designs side by side: the same films, the same processor time of training, one test set.

Each design is one file with the interface of `design.Design`; `__main__` trains and judges them. Nothing of this is
imported by the package.
"""
