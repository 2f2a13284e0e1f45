"""Looks at a live account and cluster, and writes down what it finds as an environment file."""
