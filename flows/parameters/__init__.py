"""What a person can set: what is there, what it may be, and how it is written down."""
