"""Calibrating a trained model: probabilities and intervals that can be taken at their word."""
