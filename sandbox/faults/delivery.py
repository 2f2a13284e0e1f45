"""Faults of how things get delivered: Argo CD, Terraform, Jobs, releases."""

from __future__ import annotations
