"""Proves that every fault is named as the cause, and that everything else it breaks is its consequence."""
