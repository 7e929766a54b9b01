"""What a trained network is worth: metrics, tests and figures of them."""
