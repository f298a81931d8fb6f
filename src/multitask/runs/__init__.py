"""A run's folder and what lies in it, and its mirror at Weights & Biases."""
