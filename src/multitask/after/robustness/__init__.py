"""Robustness of a trained model under attack and on corrupted images."""
