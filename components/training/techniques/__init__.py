"""Techniques of fine-tuning: one file each."""
