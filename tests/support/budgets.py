"""Budgets for tests: short builders."""

from omniroute.ledger.budgets import Budget


def budget(budget_id: str = "b1", limit: int = 1_000_000, **fields) -> Budget:
    return Budget(**{"id": budget_id, "scope": "global", "limit": limit, "period": "monthly"} | fields)
