"""Building a registered version again, from what it carries."""
