"""Networks: their parts, their freeze depth and where they can be cut."""
