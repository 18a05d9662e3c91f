"""The provider says in the usage of each answer what it bills for it; `ledger.told_cost` knows in which words.

A mark without a hook: of providers without it a `cost` may be anything, and the price lists are asked instead.
"""

from omniroute.dialects.quirks.quirk import Quirk

TELLS_COST = Quirk()
