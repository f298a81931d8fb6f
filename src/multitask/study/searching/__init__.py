"""Local sweeps: a W&B sweep file, searched by Optuna."""
