"""Answers to questions that mean the same, though their words differ."""
