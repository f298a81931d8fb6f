"""Conversion of texts, numbers and categories to inputs of a trained model."""
