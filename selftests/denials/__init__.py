"""Proves that no check is green which could not look: each permission denied in turn, and worse."""
