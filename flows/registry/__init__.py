"""Versions of the model: packed, found, checked."""
