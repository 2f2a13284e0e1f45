"""Pretend environments of any size: what is declared, what is there, and servers that tell of it."""
