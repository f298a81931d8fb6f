"""What a person would notice in a column or an image, each with its cure: one check a function.

``init``, ``inspect`` and ``fit`` ask the same checks: `init` writes what they say as comments,
`inspect` lists it, and `fit` warns.
"""
