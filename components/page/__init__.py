"""The page of a run: one file that tells a person what was asked, found and decided."""
