"""Times dp-accounting (Google) on the questions of Benchmarks/AccountingBenchmark.swift.

Prints one JSON object a question: {"question", "epsilon", "seconds"}, CPU seconds, best of three.
Run by scripts/benchmark.sh beside ours in the same session.
"""

import json
import time

from dp_accounting import dp_event
from dp_accounting import mechanism_calibration
from dp_accounting.pld import pld_privacy_accountant, privacy_loss_distribution
from dp_accounting.rdp import rdp_privacy_accountant


def best(question, body, repeats=3):
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        epsilon = body()
        seconds.append(time.process_time() - start)
    print(json.dumps({"question": question, "epsilon": epsilon, "seconds": min(seconds)}), flush=True)


def sampled(rate, sigma):
    return dp_event.PoissonSampledDpEvent(rate, dp_event.GaussianDpEvent(sigma))


def pld(interval):
    distribution = privacy_loss_distribution.from_gaussian_mechanism(
        1.0, sampling_prob=0.01, value_discretization_interval=interval)
    return distribution.self_compose(10_000).get_epsilon_for_delta(1e-5)


def rdp():
    accountant = rdp_privacy_accountant.RdpAccountant()
    accountant.compose(sampled(0.01, 1.0), 10_000)
    return accountant.get_epsilon(1e-5)


def rounds(count):
    """Rate and noise multiplier of AccountingBenchmark.rounds."""
    return [(0.005 + 0.01 * i / count, 0.8 + 1.2 * (7 * i % count) / count) for i in range(count)]


def rdp_rounds(count):
    accountant = rdp_privacy_accountant.RdpAccountant()
    epsilon = 0.0
    for rate, sigma in rounds(count):
        accountant.compose(sampled(rate, sigma))
        epsilon = accountant.get_epsilon(1e-6)
    return epsilon


def pld_rounds(count):
    total, epsilon = None, 0.0
    for rate, sigma in rounds(count):
        step = privacy_loss_distribution.from_gaussian_mechanism(
            sigma, sampling_prob=rate, value_discretization_interval=1e-3)
        total = step if total is None else total.compose(step)
        epsilon = total.get_epsilon_for_delta(1e-6)
    return epsilon


def calibrated():
    return mechanism_calibration.calibrate_dp_mechanism(
        lambda: pld_privacy_accountant.PLDAccountant(value_discretization_interval=1e-3),
        lambda sigma: dp_event.SelfComposedDpEvent(sampled(0.01, sigma), 1_000), 2.0, 1e-6)


best("pld q=0.01 sigma=1 T=10000, h=1e-4", lambda: pld(1e-4))
best("pld q=0.01 sigma=1 T=10000, h=1e-3", lambda: pld(1e-3))
best("rdp q=0.01 sigma=1 T=10000", rdp)
best("rdp, 100 different rounds, epsilon after each", lambda: rdp_rounds(100), repeats=1)
best("rdp, 1000 different rounds, epsilon after each", lambda: rdp_rounds(1_000), repeats=1)
best("pld, 20 different rounds, epsilon after each", lambda: pld_rounds(20), repeats=1)
best("calibrate sigma for epsilon 2, q=0.01 T=1000, pld", calibrated, repeats=1)
