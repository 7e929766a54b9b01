"""The search: which settings are tried, what they share, and what each reached."""
