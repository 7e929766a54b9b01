"""The nouns below the stages: sources, manifests, images."""
