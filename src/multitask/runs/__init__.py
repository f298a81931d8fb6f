"""A run's folder and its contents, and its mirror at Weights & Biases."""
