"""Writes small_log.csv, small_log_learning.csv and small_log_expected.csv beside this file.

The estimates are computed in exact fractions (softmax weights and square roots in 50 decimals), from the
formulas of the literature and not from the project's code. Run: python3 make_small_log.py
"""

import csv
import os
from decimal import Decimal, getcontext
from fractions import Fraction as F

getcontext().prec = 50
HERE = os.path.dirname(os.path.abspath(__file__))
ITEMS, POSITIONS = 5, 3


def stream(seed):
    """A linear congruential generator: the same rows from every Python."""
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield state >> 33


def make(name, seed, rows):
    draw = stream(seed)
    header = ["", "timestamp", "item_id", "position", "click", "propensity_score", "user_feature_0"]
    header += [f"user-item_affinity_{k}" for k in range(ITEMS)]
    # The logging policy: a table by position, in hundredths.
    table = [[40, 30, 15, 10, 5], [20, 20, 20, 20, 20], [5, 10, 15, 30, 40]]
    log = []
    for row in range(rows):
        position = row % POSITIONS
        ticket = next(draw) % 100
        item = 0
        while ticket >= table[position][item]:
            ticket -= table[position][item]
            item += 1
        click = int(next(draw) % 100 < 10 + 8 * item)
        affinity = [f"{next(draw) % 4}.0" for _ in range(ITEMS)]
        log.append([row, f"2019-11-24 00:{row // 60:02}:{row % 60:02}", item, position + 1, click,
                    f"{table[position][item] / 100}", "a,b" if row % 7 == 0 else "c"] + affinity)
    with open(os.path.join(HERE, name), "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(log)
    return [(r[2], r[3] - 1, F(r[4]), F(r[5]), [F(a) for a in r[7:]]) for r in log]


def root(value):
    return (Decimal(value.numerator) / Decimal(value.denominator)).sqrt()


def error(terms):
    n = len(terms)
    mean = sum(terms) / n
    return root(sum((t - mean) ** 2 for t in terms) / (n - 1) / n)


def decimal(value):
    return value if isinstance(value, Decimal) else Decimal(value.numerator) / Decimal(value.denominator)


def main():
    log = make("small_log.csv", 1, 240)
    other = make("small_log_learning.csv", 2, 200)
    n = len(log)
    clicks, shown = [F(0)] * ITEMS, [F(0)] * ITEMS
    for item, _, click, _, _ in other:
        clicks[item] += click
        shown[item] += 1
    rate = [(c + 1) / (s + 100) for c, s in zip(clicks, shown)]
    best = rate.index(max(rate))
    softmax = [(Decimal(20) * decimal(r)).exp() for r in rate]
    softmax = [F(s / sum(softmax)) for s in softmax]
    mean = sum(r[2] for r in log) / n
    model = [[None] * ITEMS for _ in range(POSITIONS)]
    for position in range(POSITIONS):
        for item in range(ITEMS):
            rows = [r for r in log if r[0] == item and r[1] == position]
            model[position][item] = (sum(r[2] for r in rows) + 100 * mean) / (len(rows) + 100)

    def mixed(greedy, epsilon):
        return lambda item, r: epsilon / ITEMS + ((1 - epsilon) if greedy(r) == item else 0)

    favourite = lambda r: r[4].index(max(r[4]))
    policies = {
        "uniform": (lambda item, r: F(1, ITEMS), None),
        "ctr-eps-greedy:0.1": (mixed(lambda r: best, F("0.1")), lambda r: best),
        "ctr-softmax:20.0": (lambda item, r: softmax[item], None),
        "affinity:0.2": (mixed(favourite, F("0.2")), favourite),
    }
    with open(os.path.join(HERE, "small_log_expected.csv"), "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["policy", "estimator", "value", "round_reward_se", "se", "mean_weight",
                         "max_weight", "ess", "weighted_clicks"])
        for name, (pi, greedy) in policies.items():
            w = [pi(r[0], r) / r[3] for r in log]
            y = [r[2] for r in log]
            q = [model[r[1]][r[0]] for r in log]
            v = [sum(pi(a, r) * model[r[1]][a] for a in range(ITEMS)) for r in log]
            bar = sum(w) / n
            ratio = lambda x: sum(a * b for a, b in zip(w, x)) / sum(w)
            rest = [a - b for a, b in zip(y, q)]
            plain = {
                "ipw": [a * b for a, b in zip(w, y)],
                "ipw_clip_2": [min(a, 2) * b for a, b in zip(w, y)],
                "dr": [c + a * b for a, b, c in zip(w, rest, v)],
                "switch_dr_tau_2": [c + (a * b if a <= 2 else 0) for a, b, c in zip(w, rest, v)],
                "dr_os_lambda_5": [c + 5 * a / (a * a + 5) * b for a, b, c in zip(w, rest, v)],
            }
            results = {k: (sum(t) / n, error(t), error(t)) for k, t in plain.items()}
            results["dm"] = (sum(v) / n, error(v), "")
            for k, x, beside in (("snipw", y, [0] * n), ("sndr", rest, v)):
                terms = [a * b / bar + c for a, b, c in zip(w, x, beside)]
                linear = [a * (b - ratio(x)) / bar + c for a, b, c in zip(w, x, beside)]
                results[k] = (sum(terms) / n, error(terms), error(linear))
            if greedy:
                rows = [r[2] for r in log if greedy(r) == r[0]]
                results["replay"] = (sum(rows) / len(rows), "", error(rows))
            extra = [bar, max(w), sum(w) ** 2 / sum(a * a for a in w), sum(a * b for a, b in zip(w, y))]
            for k, values in results.items():
                cells = [c if c == "" else f"{decimal(c):.18e}" for c in list(values) + extra]
                writer.writerow([name, k] + cells)


main()
