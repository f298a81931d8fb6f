"""Data dealt as small tasks, each with a few labels to learn it from: for meta-learning."""
