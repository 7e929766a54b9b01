"""Kept activations of frozen layers."""
