"""Answers that were paid for once: kept, found again, and shared by those who ask at the same time."""
