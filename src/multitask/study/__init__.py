"""Comparing ways to train: many runs, one report."""
