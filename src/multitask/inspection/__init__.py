"""Inspection of data before training: what a table contains, and its problems."""
