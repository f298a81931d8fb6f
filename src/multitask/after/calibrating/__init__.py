"""Calibration of a trained model: reliable probabilities and intervals."""
