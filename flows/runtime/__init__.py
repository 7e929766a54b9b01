"""Processes, locks, servers and logs."""
