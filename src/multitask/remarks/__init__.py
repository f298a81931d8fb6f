"""Checks for common problems in a column or an image, each with its remedy; one per function.

``init``, ``inspect`` and ``fit`` share these checks: `init` writes the results as comments,
`inspect` lists them, and `fit` warns.
"""
