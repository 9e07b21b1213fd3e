"""Artefact to frames: one file per runtime; nothing here imports torch."""
