"""Projects: how one is made beside the clone, and which ones this machine has."""
