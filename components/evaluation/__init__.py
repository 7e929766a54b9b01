"""What a trained network is worth: figures, tests and pictures of them."""
