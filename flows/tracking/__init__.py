"""The store of runs, and what stages wrote in it."""
