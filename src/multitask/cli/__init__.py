"""The command line: Lightning's fit, validate, test and predict, and our own verbs."""
