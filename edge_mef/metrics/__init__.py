"""Fusion quality metrics."""
