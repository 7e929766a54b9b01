"""Runs by the clock, under a Prefect server."""
