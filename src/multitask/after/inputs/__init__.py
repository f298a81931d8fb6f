"""Inputs of a trained model, made of what people write."""
