"""Verifies a live environment after a deployment."""
