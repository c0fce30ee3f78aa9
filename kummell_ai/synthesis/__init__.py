"""Physically simulated lateral radiographs with exact truth."""
