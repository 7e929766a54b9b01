"""The stages, one verb a file, and what they are made of."""
