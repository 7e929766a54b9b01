"""Whether the new model replaces the one in use."""
