"""A registered model in a process of its own."""
