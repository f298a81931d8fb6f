"""Predictions for any number of new images, as a table."""
