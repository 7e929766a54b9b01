"""Pretrained weights, one file a source: what they are, and what each states of itself."""
