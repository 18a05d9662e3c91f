"""`make bench`: measures, prints the tables, and writes them to docs/explanation/performance.md.

A run of everything rewrites the page; a run of some targets, some cells or less than three rounds only prints. The
codecs and the routing decision are parts of their own, which `--codecs` and `--decision` measure without the rest.
"""

import argparse
import os
import sys

from bench import budgets, codecs, decision, parts, semantic, table
from bench.load import BUILD, build
from bench.measure import CLOSED_LOOP, MORE_CONNECTIONS, PACED, Report, measure
from bench.peers import PEERS
from bench.program import LOAD_CORE
from bench.targets import OWN

RESULTS = BUILD / "results.json"


def main() -> int:
    options = _options()
    alone = {"codecs": _codecs, "decision": _decision, "semantic": _semantic, "budgets": _budgets}
    chosen = [measured for name, measured in alone.items() if getattr(options, name)]
    if chosen:
        for measured in chosen:
            measured()
        return 0
    targets = [target for target in (*OWN, *PEERS) if not options.targets or _named(target.name, options.targets)]
    offered = (*CLOSED_LOOP, *(MORE_CONNECTIONS if options.full else ()), PACED)
    cells = [cell for cell in offered if not options.cells or _named(cell.name, options.cells)]
    rounds = options.rounds or (1 if options.quick else 3)

    if options.again:
        report = Report.load(RESULTS)
    else:
        if (os.cpu_count() or 1) <= LOAD_CORE:
            raise SystemExit("bench: needs two cores: one for what is measured, one for the load")
        build()
        os.sched_setaffinity(0, {LOAD_CORE})
        report = measure(targets, cells, rounds=rounds)
        report.save(RESULTS)

    text = table.page(report, (*OWN, *PEERS))
    print(text)
    if options.again or (targets == [*OWN, *PEERS] and cells == list(offered) and rounds >= 3):
        parts.write("measured", text)
        if not options.again:
            _codecs()
            _decision()
        print(f"written to {parts.PAGE}", file=sys.stderr)
    return table.verdict(report, targets)


def _codecs() -> None:
    text = codecs.page(codecs.measure())
    print(text)
    parts.write("codecs", text)


def _decision() -> None:
    text = decision.page(decision.measure())
    print(text)
    parts.write("decision", text)


def _semantic() -> None:
    text = semantic.page()
    print(text)
    parts.write("semantic", text)


def _budgets() -> None:
    text = budgets.page()
    print(text)
    parts.write("budgets", text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--full", action="store_true", help="16 and 256 connections as well")
    parser.add_argument("--rounds", type=int, help="how often everything is measured [3]")
    parser.add_argument("--targets", type=_names, help="only those whose names begin so: nginx,omniroute,rolter")
    parser.add_argument("--cells", type=_names, help="only those whose names begin so: 'json,stream, 16,1000'")
    parser.add_argument("--codecs", action="store_true", help="only what translating costs, within a minute")
    parser.add_argument("--decision", action="store_true", help="only what routing costs, within a minute")
    parser.add_argument("--semantic", action="store_true", help="only the semantic cache, within a minute")
    parser.add_argument("--budgets", action="store_true", help="only what budgets refuse, within seconds")
    parser.add_argument("--again", action="store_true", help="write the page from the last run's figures")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    return [name.strip().casefold() for name in text.split(",")]


def _named(name: str, beginnings: list[str]) -> bool:
    return any(name.casefold().replace(",", "").startswith(beginning) for beginning in beginnings)


if __name__ == "__main__":
    sys.exit(main())
