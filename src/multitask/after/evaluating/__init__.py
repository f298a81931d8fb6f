"""Metrics with intervals on labelled images."""
