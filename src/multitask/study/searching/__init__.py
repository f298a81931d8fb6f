"""Sweeps on this machine: a W&B sweep file, searched by Optuna."""
