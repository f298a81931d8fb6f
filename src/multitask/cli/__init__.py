"""The command line: Lightning's fit, validate, test and predict, and the package's own verbs."""
