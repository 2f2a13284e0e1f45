"""Reads the pages of the documentation, and does in a copy of the checkout what they say."""
