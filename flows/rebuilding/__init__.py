"""Building a registered version again, from its lineage."""
