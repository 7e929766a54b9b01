"""Images as arrays: decoded, transformed, augmented, in batches."""
