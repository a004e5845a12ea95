#!/usr/bin/env python3
"""Compares the epsilon of a ledger by three accountants: Tacit's, scripts/verify_ledger.py's and dp-accounting's.

  compare_epsilon.py DIR [--tacit PATH] [--json]

DIR is a coordinator's directory or its ledger directory. Needs dp-accounting 0.6 (python3 -m venv v; v/bin/pip install
dp-accounting==0.6.0), and the program `tacit` only for its column. Each CHARGE becomes a GaussianDpEvent of noise
multiplier sqrt(scale^2 - 16) / sensitivity. Their composition is one Gaussian, which dp-accounting solves exactly
(get_epsilon_gaussian); its PLD accountant, an upper bound on a grid, is shown beside it. A policy of correlated noise is
not covered: one charge there pays for a block of rounds. Exit: 0 if the exact figures agree to 1e-6, 4 if not, 5 without
dp-accounting or for such a policy.
"""
import argparse
import json
import math
import os
import subprocess
import sys

TOLERANCE = 1e-6


def charges(path):
    with open(path, "rb") as file:
        entries = [json.loads(line) for line in file if line.endswith(b"\n")]
    policy, reserved, multipliers = None, 0.0, []
    for entry in entries:
        body = entry["body"]
        if entry["kind"] in ("genesis", "policy"):
            policy = body["policy"]
            if policy.get("correlated_noise"):
                print("correlated noise is charged by blocks, which this comparison does not cover", file=sys.stderr)
                sys.exit(5)
        if entry["kind"] == "charge":
            multipliers.append(math.sqrt(body["scale"] ** 2 - 16) / body["sensitivity"])
            reserved += float(body["protocol_delta"])
            reserved += float(body.get("masked", {}).get("tau", 0)) * body["dimension"]
    return float(policy["delta"]) - reserved, multipliers


def output_of(command):
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", metavar="DIR")
    parser.add_argument("--tacit")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        import dp_accounting
        from dp_accounting import pld
    except ImportError:
        print("dp-accounting is not installed: pip install dp-accounting==0.6.0 in a venv", file=sys.stderr)
        sys.exit(5)
    inner = os.path.join(options.directory, "ledger", "ledger.jsonl")
    delta, multipliers = charges(inner if os.path.isfile(inner) else os.path.join(options.directory, "ledger.jsonl"))

    verifier = os.path.join(os.path.dirname(os.path.abspath(__file__)), "verify_ledger.py")
    figures = {"verify_ledger.py": output_of([sys.executable, verifier, options.directory, "--json"])["spend"]["epsilon_spent"]}
    if options.tacit:
        report = output_of([options.tacit, "audit", "ledger", options.directory, "--json"])
        figures["tacit"] = report["spend"]["epsilon_spent"]
    sigma = 1 / math.sqrt(sum(1 / z**2 for z in multipliers))
    figures["dp-accounting"] = dp_accounting.get_epsilon_gaussian(sigma, delta)
    accountant = pld.PLDAccountant()
    for multiplier in multipliers:
        accountant.compose(dp_accounting.GaussianDpEvent(multiplier))
    bound = accountant.get_epsilon(delta)

    spread = max(figures.values()) - min(figures.values())
    if options.json:
        print(json.dumps({"epsilon": figures, "pld_bound": bound, "spread": spread, "charges": len(multipliers)}))
    else:
        for name, value in figures.items():
            print("%-18s epsilon %.9f" % (name, value))
        print("%-18s epsilon %.9f (upper bound on a grid)" % ("dp-accounting PLD", bound))
        print("%d charges; spread of the exact figures %.1e, allowed %g" % (len(multipliers), spread, TOLERANCE))
    sys.exit(0 if spread <= TOLERANCE else 4)


if __name__ == "__main__":
    main()
