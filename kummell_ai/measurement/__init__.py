"""Landmarks to measurements with findings and provenance."""
