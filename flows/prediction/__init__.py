"""Naming pictures with a registered model."""
