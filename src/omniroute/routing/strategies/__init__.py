"""Orderings of eligible targets, one function each."""
