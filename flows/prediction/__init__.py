"""Naming images with a registered model."""
