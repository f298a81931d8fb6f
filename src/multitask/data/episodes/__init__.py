"""Data as small tasks (episodes), each with a few labels to learn from: for meta-learning."""
