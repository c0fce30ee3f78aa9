"""Predictions held against truth."""
