"""Compares two environments, as they are declared and as they are."""
