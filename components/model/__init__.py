"""Networks: their parts, their depth and where they can be cut."""
