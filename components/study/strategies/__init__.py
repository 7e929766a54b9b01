"""How a search chooses what is tried next: one file a strategy."""
