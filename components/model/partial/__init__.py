"""Running a part of a network."""
