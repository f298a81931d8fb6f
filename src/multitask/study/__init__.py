"""Comparison of ways to train: many runs, one report."""
