"""Building what is stale: what DVC says, a process a stage."""
