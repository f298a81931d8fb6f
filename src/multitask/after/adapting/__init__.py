"""Adaptation of a trained encoder to a new task with few labels: a comparison of methods."""
