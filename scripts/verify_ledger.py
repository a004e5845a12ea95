#!/usr/bin/env python3
"""Checks a Tacit ledger without any of Tacit's own code: Python's standard library only.

  verify_ledger.py DIR [--policy FILE] [--checkpoint FILE]... [--receipt FILE]... [--roster FILE] [--key HEX] [--json]

DIR is a coordinator's directory or its ledger directory (ledger.jsonl, ledger.head, ledger.checkpoint). Everything is
recomputed: the hash chain and Merkle tree (RFC 9162), Ed25519 signatures of checkpoints (RFC 8032, C2SP signed notes)
and receipts (C2SP tlog-proof), the order of entries, each charge against the policy in entry 0, and the budget by exact
composition of Gaussians: mu^2 = sensitivity^2 / (scale^2 - 16) added as fractions, then
delta(epsilon) = Phi(mu/2 - epsilon/mu) - e^epsilon Phi(-mu/2 - epsilon/mu) solved in doubles (arXiv:1805.06530, theorem
8), to about 1e-9 relative. Exit: 0 consistent, 4 readable and wrong, 8 damaged, 2 usage, 5 a file is missing.

A new kind of entry is a line in BODIES, a method of Replay, and its name in Replay.apply.
"""
import argparse
import base64
import functools
import hashlib
import json
import math
import os
import re
import sys
from fractions import Fraction

WRONG, DAMAGED = 4, 8
LARGEST_LINE, SAFE = 1 << 18, 2**53 - 1
TOLERANCE = 1e-9

class Fault(Exception):
    """What is wrong, at which entry (None where there is none), and how badly."""

    def __init__(self, severity, entry, text):
        super().__init__(text)
        self.severity, self.entry, self.text = severity, entry, text

# --- Hashes and signatures ---------------------------------------------------------------------------------------

def sha256(data):
    return hashlib.sha256(data).digest()

def leaf(line):
    return sha256(b"\0" + line)

def node(left, right):
    return sha256(b"\1" + left + right)

def tree_root(leaves):
    """MTH of RFC 9162 s.2.1.1, level by level: an odd last node moves up unchanged."""
    level = list(leaves)
    while len(level) > 1:
        level = [node(*level[i:i + 2]) for i in range(0, len(level) - 1, 2)] + level[len(level) & ~1:]
    return level[0]

def root_of_path(index, size, value, path):
    """The root that an inclusion path leads to (RFC 9162 s.2.1.3.2); None for a path of the wrong length."""
    at, last = index, size - 1
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            value = node(sibling, value)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            value = node(value, sibling)
        at, last = at >> 1, last >> 1
    return value if last == 0 else None

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P

def point(data):
    """Decodes a canonical point of Edwards25519 (RFC 8032 s.5.1.3); None if it is none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or v * x * x % P != u or (x == 0 and sign):
        return None
    return (P - x if x & 1 != sign else x, y)

def add(a, b):
    k = D * a[0] * a[1] * b[0] * b[1]
    return ((a[0] * b[1] + b[0] * a[1]) * pow(1 + k, -1, P) % P, (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, -1, P) % P)

def multiply(scalar, a):
    result = NEUTRAL
    while scalar:
        result = add(result, a) if scalar & 1 else result
        a, scalar = add(a, a), scalar >> 1
    return result

NEUTRAL, BASE = (0, 1), point(bytes.fromhex("58" + "66" * 31))

def signature_holds(key, message, signature):
    """Ed25519 as libsodium verifies it: S below L, canonical points, no point of small order."""
    a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L or NEUTRAL in (multiply(8, a), multiply(8, r)):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return multiply(s, BASE) == add(r, multiply(k, a))

# --- The budget --------------------------------------------------------------------------------------------------

def log_phi(x):
    """log of the normal distribution function; its asymptotic series where erfc would underflow."""
    if x > -37:
        return math.log(0.5 * math.erfc(-x / math.sqrt(2)))
    return -x * x / 2 - math.log(-x * math.sqrt(2 * math.pi)) + math.log1p(-1 / (x * x) + 3 / x**4)

def log_delta(mu, epsilon):
    near, far = log_phi(mu / 2 - epsilon / mu), epsilon + log_phi(-mu / 2 - epsilon / mu)
    return near + math.log(-math.expm1(far - near)) if far < near else -math.inf

def bisect(low, high, reached):
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high

def epsilon_of(mu, delta):
    target = math.log(delta)
    if mu == 0 or log_delta(mu, 0.0) <= target:
        return 0.0
    return bisect(0.0, mu * (mu / 2 + math.sqrt(-2 * target)), lambda e: log_delta(mu, e) <= target)

@functools.lru_cache(maxsize=1)
def mu_of(epsilon, delta):
    return bisect(0.0, 100.0, lambda mu: log_delta(mu, epsilon) > math.log(delta))

# --- Entries -----------------------------------------------------------------------------------------------------

def require(holds):
    if not holds:
        raise ValueError

def canonical(value):
    """RFC 8785 for documents of strings, integers, booleans, lists and objects."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
        return b"{" + b",".join(canonical(k) + b":" + canonical(v) for k, v in members) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(canonical(v) for v in value) + b"]"
    return json.dumps(value, ensure_ascii=False).encode()

def parse(data):
    def unique(pairs):
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a name appears twice")
        return dict(pairs)

    def refuse(text):
        raise ValueError("%s is not an integer" % text)

    return json.loads(data.decode(), object_pairs_hook=unique, parse_float=refuse, parse_constant=refuse)

def matches(pattern):
    return lambda value: type(value) is str and re.fullmatch(pattern, value) is not None

def public_key(value):
    """A point of the prime-order group."""
    a = point(bytes.fromhex(value)) if HASH(value) else None
    return a not in (None, NEUTRAL) and multiply(L, a) == NEUTRAL

HASH, DECIMAL = matches("[0-9a-f]{64}"), matches(r"(?=.{1,48}\Z)(0|[1-9][0-9]*)(\.[0-9]+)?(e-?[0-9]{1,3})?")
TYPES = dict(
    integer=lambda value: type(value) is int and 0 <= value <= SAFE, text=lambda value: type(value) is str,
    short=lambda value: type(value) is str and 1 <= len(value.encode()) <= 200, flag=lambda value: type(value) is bool,
    object=lambda value: type(value) is dict, positive=lambda value: type(value) is int and 0 < value <= SAFE,
    hash=HASH, decimal=DECIMAL, fraction=matches("[0-9]+/[1-9][0-9]*"), key=public_key, id=matches("[0-9a-f]{32}"),
    signature=matches("[0-9a-f]{128}"),
    relation=matches("zero-out|add-remove|replace-one"), unit=matches("user"), rng=matches("system|seeded"),
    kind=lambda value: value in list(BODIES))

def fields(text):
    """name: whether a value is of the type that stands after it."""
    return {name: TYPES[kind] for name, kind in (field.split(":") for field in text.split())}

ENTRY = fields("index:integer kind:kind prev:hash body:object")
BODIES = dict(
    genesis=fields(
        "format:integer ledger_id:id coordinator_key:key policy:object policy_hash:hash filter:text "
        "software_version:short created_at_seconds:integer enrolment_key_held_by_coordinator:flag"),
    offer=fields(
        "round:integer plan_index:integer stage:text mode:text model_in:hash catalogue_hash:hash policy_hash:hash "
        "deadline_seconds:integer"),
    charge=fields(
        "round:integer mechanism:text noise_multiplier:decimal clip_norm:decimal scale:integer sensitivity:integer "
        "fraction_bits:integer dimension:integer mode:text relation:relation unit:unit cohort_minimum:integer "
        "count:integer rng:rng protocol_delta:text filter:text"),
    release=fields("round:integer charge_index:integer model_out:hash epsilon_after:text mu_squared_after:text"),
    void=fields("round:integer reason:short"),
    burned=fields("round:integer charge_index:integer"),
    policy=fields("policy:object policy_hash:hash previous_policy_hash:hash"),
    roster=fields("epoch:integer size:integer roster_hash:hash revocations_hash:hash"),
    key=fields("previous_key:key next_key:key possession:signature"))
OPTIONAL = dict(charge=fields("joint_coordinates:positive masked:object block:object"))
BLOCK = fields("start:integer round:integer")
MASKED = fields("cohort_size:integer degree:integer corrupt_fraction:decimal dropout_fraction:decimal")
SHARES = fields("honest_noise_shares:integer share_variance:fraction tau:decimal")

def check_fields(value, required, index, optional={}):
    for name, accepts in required.items():
        if name not in value:
            raise Fault(DAMAGED, index, 'lacks the field "%s"' % name)
        if not accepts(value[name]):
            raise Fault(DAMAGED, index, 'field "%s" has no accepted value' % name)
    for name in value.keys() - required:
        if name not in optional or not optional[name](value[name]):
            raise Fault(DAMAGED, index, 'has an unknown field "%s"' % name)

def entry_of(line, index):
    """kind, prev and body of a line in its one spelling."""
    try:
        require(len(line) <= LARGEST_LINE)
        value = parse(line)
        require(type(value) is dict)
    except (ValueError, RecursionError) as error:
        raise Fault(DAMAGED, index, "is not a readable object: %s" % error)
    check_fields(value, ENTRY, index)
    kind, body = value["kind"], value["body"]
    check_fields(body, BODIES[kind], index, OPTIONAL.get(kind, {}))
    if "block" in body:
        check_fields(body["block"], BLOCK, index)
    if "masked" in body:
        check_fields(body["masked"], {**MASKED, **(SHARES if "share_variance" in body["masked"] else {})}, index)
    if value["index"] != index:
        raise Fault(WRONG, index, "says that it is entry %d" % value["index"])
    if canonical(value) != line:
        raise Fault(DAMAGED, index, "is not written in canonical form")
    return kind, bytes.fromhex(value["prev"]), body

class Replay:
    """The rules of a ledger, entry by entry."""

    def __init__(self):
        self.size, self.phase, self.last_round = 0, None, 0
        self.rounds = dict(offered=0, charged=0, released=0, burned=0, void=0)
        self.mu_squared, self.reserved, self.seeded = Fraction(0), 0.0, None
        self.keys = []  # the first entry that each key signs over, and the key
        self.genesis = self.policy = self.chain = self.open_block = self.roster = None

    def need(self, holds, what):
        if not holds:
            raise Fault(WRONG, self.size, what)

    def match(self, body, **expected):
        """Each of these fields must be so; a fraction, however it is written."""
        for field, value in expected.items():
            found = Fraction(body[field]) if isinstance(value, Fraction) else body[field]
            self.need(found == value, 'field "%s": %s instead of %s' % (field, found, value))

    def apply(self, line):
        kind, previous, body = entry_of(line, self.size)
        if not self.genesis:
            self.need(kind == "genesis", "is no genesis")
        expected = self.chain if self.genesis else bytes(32)
        self.need(previous == expected, "follows hash %s, not %s" % (previous.hex(), expected.hex()))
        rule = dict(genesis=self.begin, offer=self.offer, charge=self.charge, release=self.release, void=self.void,
                    burned=self.burned, policy=self.replace, roster=self.admit, key=self.hand_over)[kind]
        rule(body)
        self.chain = self.hash_of(line)
        self.size += 1

    def hash_of(self, line):
        """What the entry after a line names: in format 1 there was no tree."""
        return sha256(line) if self.genesis["format"] == 1 else leaf(line)

    def need_between_rounds(self):
        self.need(self.phase is None and self.genesis["format"] > 1, "stands where a round is open")

    def begin(self, body):
        self.need(self.size == 0, "is genesis where none may stand")
        if body["format"] not in (1, 2):
            raise Fault(DAMAGED, 0, "has format %d, which is not known" % body["format"])
        self.match(body, filter="gdp")
        self.read_policy(body)
        self.genesis, self.keys = body, [(0, body["coordinator_key"])]

    def read_policy(self, body):
        self.match(body, policy_hash=sha256(canonical(body["policy"])).hex())
        try:
            policy = body["policy"]
            self.plan = [(r["stage"], r["clip_norm"], r["noise_multiplier"]) for r in policy["plan"]]
            limit, delta = float(policy["epsilon_limit"]), float(policy["delta"])
            self.cohort = range(policy["minimum_cohort"], policy["maximum_cohort"] + 1)
            self.mode, self.relation, self.unit = policy["mode"], policy["relation"], policy["unit"]
            self.deadline, self.correlated = policy["round_deadline_seconds"], policy.get("correlated_noise")
            self.tolerated = [Fraction(policy.get(share, 1)) for share in ("corrupt_fraction", "dropout_fraction")]
            if self.correlated:
                self.block_sensitivity(1)
            require(
                self.plan and 0.001 <= limit <= 100 and 1e-30 <= delta <= 0.01 and self.cohort
                and type(self.deadline) is int and self.relation == "zero-out"
                and all(DECIMAL(clip) and DECIMAL(noise) for _, clip, noise in self.plan))
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise Fault(DAMAGED, self.size, "holds no policy within the accepted ranges: %r" % error)
        self.need(self.reserved < delta, "has a delta below what is reserved")
        self.limit, self.delta, self.released_before = limit, delta, self.rounds["released"]
        self.policy, self.policy_hash, self.policy_entry = policy, body["policy_hash"], self.size

    def replace(self, body):
        """Another policy between rounds; what was spent stays spent."""
        self.need_between_rounds()
        self.match(body, previous_policy_hash=self.policy_hash)
        self.need(body["policy_hash"] != self.policy_hash, "is the policy in force")
        for field in ("federation", "unit", "relation", "filter", "model", "hyperparameters", "correlated_noise"):
            self.need(self.policy.get(field) == body["policy"].get(field), "changes %s, which is fixed" % field)
        stages = [stage for stage, _, _ in self.plan]
        self.read_policy(body)
        self.need(stages == [stage for stage, _, _ in self.plan], "changes the stages, which are fixed")
        self.open_block = None

    def admit(self, body):
        """Who may take part, before the first offer after a change."""
        self.need_between_rounds()
        old = self.roster[1] if self.roster else dict(epoch=0)
        self.match(body, epoch=old["epoch"] + 1)
        if {**old, "epoch": 0} == {**body, "epoch": 0}:
            raise Fault(DAMAGED, self.size, "is the roster in force")
        self.roster = self.size, body

    def hand_over(self, body):
        """Another key signs from here on: never one that was left, and whoever holds it says so."""
        self.need_between_rounds()
        self.match(body, previous_key=self.keys[-1][1])
        if body["next_key"] in (key for _, key in self.keys) or len(self.keys) > 256:
            raise Fault(DAMAGED, self.size, "names a key that was in force before, or is one change too many")
        said = b"tacit key/1" + bytes.fromhex(self.genesis["ledger_id"]) + self.size.to_bytes(8, "big") \
            + bytes.fromhex(body["previous_key"])
        if not signature_holds(bytes.fromhex(body["next_key"]), said, bytes.fromhex(body["possession"])):
            raise Fault(DAMAGED, self.size, "is not signed by the next key")
        self.keys.append((self.size, body["next_key"]))

    def key_of(self, size):
        """The key that must have signed a checkpoint of `size` entries."""
        return [key for entry, key in self.keys if entry < size][-1]

    def plan_index(self):
        return (self.rounds["released"] - self.released_before) % len(self.plan)

    def offer(self, body):
        self.need(self.phase is None, "is an offer while a round is open")
        self.need(body["round"] > self.last_round, "offers a round that is not newer")
        self.match(body, plan_index=self.plan_index(), stage=self.plan[self.plan_index()][0], mode=self.mode,
                   policy_hash=self.policy_hash)
        self.need(1 <= body["deadline_seconds"] <= self.deadline, "has a deadline that the policy forbids")
        self.phase, self.last_round = ("offered", body, self.size), body["round"]
        self.rounds["offered"] += 1

    def need_open(self, phase, body):
        self.need(self.phase is not None and self.phase[0] == phase, "does not follow an open %s" % phase)
        self.match(body, round=self.phase[1]["round"])

    def block_sensitivity(self, bits):
        """Sensitivity of 2^g C under minimum separation, for contributions of norm 2^bits; arXiv:2405.13763 thm 2."""
        block, column = self.correlated, [0] * self.correlated["rounds"]
        shape = [abs(c) for c in block["coefficients"]]
        for t in range(len(shape) - 2, -1, -1):
            shape[t] = max(shape[t], shape[t + 1])
        for j in range(block["maximum_participations"]):
            for t, c in enumerate(shape, start=j * block["minimum_separation"]):
                if t < len(column):
                    column[t] += c
        square = sum(c * c for c in column) << 2 * bits
        root = math.isqrt(square)
        return root + (root * root < square)

    def block(self, body):
        """Whether a charge begins a block of correlated noise, and so pays for it; ruling 20."""
        block, kind = body.get("block"), (body["scale"], body["fraction_bits"], body["dimension"])
        within = self.plan_index() - self.correlated["first_round"] if self.correlated else -1
        inside = self.correlated is not None and 0 <= within < self.correlated["rounds"]
        self.need(inside == (block is not None), "is of a block where the plan has none, or of none inside one")
        if not inside:
            self.open_block = None
            return True
        start, place = (body["round"], 0) if block["round"] == 0 else (self.open_block or (None, None))[:2]
        self.match(block, start=start, round=place)
        self.need(block["round"] == 0 or self.open_block[2] == kind, "changes the noise within a block")
        last = within + 1 == self.correlated["rounds"]
        self.open_block = None if last else (block["start"], block["round"] + 1, kind)
        return block["round"] == 0

    def charge(self, body):
        self.need_open("offered", body)
        _, clip, multiplier = self.plan[self.plan_index()]
        bits, scale = body["fraction_bits"], body["scale"]
        if not 1 <= bits <= 30:
            raise Fault(DAMAGED, self.size, "has fraction bits outside 1 to 30")
        pays = self.block(body)
        unit = self.block_sensitivity(bits) if "block" in body else 1 << bits
        self.match(body, mechanism="discrete_gaussian", mode=self.mode, relation=self.relation, unit=self.unit, count=1,
                   filter="gdp", noise_multiplier=Fraction(multiplier), clip_norm=Fraction(clip), sensitivity=unit)
        self.need(1 <= body["dimension"] <= 1 << 30, "has no accepted dimension")
        self.need(body["cohort_minimum"] in self.cohort, "has a cohort that the policy forbids")
        self.need(body.get("joint_coordinates", 0) < body["dimension"], "has more joint coordinates than any")
        self.need(scale >= Fraction(multiplier) * unit, "charges noise narrower than the policy's")
        self.need(1 << 10 <= scale <= 1 << 30, "charges a scale that cannot be charged")
        self.masking(body, body.get("masked"))
        self.mu_squared += Fraction(unit**2, scale**2 - 16) if pays else 0
        limit = mu_of(self.limit, self.delta - self.reserved) ** 2
        self.need(self.mu_squared <= limit * (1 + TOLERANCE), "would overspend the budget")
        self.phase = ("charged", body, self.size)
        self.rounds["charged"] += 1
        if body["rng"] == "seeded" and self.seeded is None:
            self.seeded = self.size

    def masking(self, body, masked):
        """Rulings 16, 19 and 25: who survives, what a sparse graph adds to delta, and the clients' noise."""
        is_masked = self.mode != "sealed" and self.genesis["format"] > 1
        self.need(is_masked == (masked is not None), "has masked terms where there are none, or lacks them")
        if masked is None:
            return self.match(body, protocol_delta="0")
        n, gamma, drop = masked["cohort_size"], *self.tolerated
        self.match(masked, corrupt_fraction=gamma, dropout_fraction=drop)
        self.need(n in self.cohort and 1 <= masked["degree"] <= max(1, n - 1) and gamma < 1 and drop < 1,
                  "has masked terms outside their ranges")
        survivors = max(self.cohort[0], n - math.floor(drop * n))
        self.match(body, cohort_minimum=survivors)
        least = 0 if masked["degree"] >= n - 1 else (1 + math.exp(self.limit)) * 1.5 * 2.0**-40
        claimed = float(body["protocol_delta"]) if DECIMAL(body["protocol_delta"]) else -1
        self.need(claimed >= least * (1 - 1e-5) and (claimed == 0 or least > 0), "has a false protocol delta")
        self.need((self.mode == "secagg-ddp") == ("share_variance" in masked), "has or lacks shares of noise")
        reserved = self.reserved + claimed
        if "share_variance" in masked:
            honest = survivors - max(1, math.floor(gamma * n))
            variance, tau = Fraction(masked["share_variance"]), float(masked["tau"])
            self.match(masked, honest_noise_shares=honest)
            self.need(honest >= 1 and variance >= 16, "has no honest noise, or shares too narrow")
            self.need(honest * variance >= body["scale"] ** 2, "has shares that are less than the charged noise")
            true = 10 * (honest - 1) * math.exp(-math.pi**2 * float(variance))
            self.need(true * (1 - 1e-9) <= tau <= 1e-55, "has a false tau")
            reserved += tau * body["dimension"]
        self.need(reserved < self.delta, "reserves more than the policy's delta")
        self.reserved = reserved

    def close(self, phase, outcome, body):
        self.need_open(phase, body)
        if phase == "charged":
            self.match(body, charge_index=self.phase[2])
        self.phase = None
        self.rounds[outcome] += 1

    def release(self, body):
        self.need_open("charged", body)
        truth = dict(epsilon_after=self.epsilon(), mu_squared_after=float(self.mu_squared))
        for field, value in truth.items():
            claimed = float(body[field]) if DECIMAL(body[field].replace("e+", "e")) else math.inf
            self.need(abs(claimed - value) <= 4 * TOLERANCE * max(1, value),
                      "claims %s %s, the ledger gives %r" % (field, body[field], value))
        self.close("charged", "released", body)

    def void(self, body):
        self.close("offered", "void", body)

    def burned(self, body):
        self.close("charged", "burned", body)
        self.open_block = None

    def epsilon(self, squared_distance=1):
        return epsilon_of(math.sqrt(squared_distance * self.mu_squared), self.delta - self.reserved)

# --- Files beside the log ----------------------------------------------------------------------------------------

NOTE = re.compile(  # a C2SP signed note with one signature or two
    rb"(?P<body>(?P<origin>tacit-ledger/[12]/[0-9a-f]{32})\n(?P<size>[1-9][0-9]*)\n(?P<root>[^\n]*)\n)"
    b"\n(?P<notes>(\xe2\x80\x94 (?P=origin) [^ \n]*\n){1,2})")

HANDOVER = re.compile(r"key-([1-9][0-9]{0,17})\.checkpoint")

def strict_base64(data):
    decoded = base64.b64decode(data, validate=True)
    require(base64.b64encode(decoded) == data)
    return decoded

def note_of(data):
    """Signed text, origin, size, root, and the signatures of a checkpoint, each after the hash of its key."""
    match = NOTE.fullmatch(data)
    require(match)
    root = strict_base64(match["root"])
    notes = [strict_base64(line.split(b" ")[2]) for line in match["notes"].splitlines()]
    require(len(root) == 32 and all(len(note) == 68 for note in notes))
    require(len({note[:4] for note in notes}) == len(notes))
    return match["body"], match["origin"].decode(), int(match["size"]), root, notes

def head_of(data):
    try:
        value = parse(data[:-1])
        check_fields(value, fields("size:positive bytes:integer root:hash"), None)
        require(canonical(value) + b"\n" == data)
    except (ValueError, TypeError, RecursionError, Fault):
        raise Fault(DAMAGED, None, "the head file is not readable")
    return value["size"], value["bytes"], bytes.fromhex(value["root"])

class Audit:
    def __init__(self, log):
        self.log, self.findings, self.severity, self.at_fault, self.complete = log, [], None, None, None
        self.lines, self.replay, self.failure = log.split(b"\n")[:-1], Replay(), None
        try:
            for line in self.lines:
                self.replay.apply(line)
        except Fault as fault:
            self.failure = fault

    def root(self, size):
        if self.replay.genesis and self.replay.genesis["format"] == 1:
            return sha256(self.lines[size - 1])
        return tree_root([leaf(line) for line in self.lines[:size]])

    def run(self, title, check, *arguments):
        try:
            self.findings.append(("ok", title, check(*arguments), None))
        except Fault as fault:
            self.findings.append(("fail", title, fault.text, fault.entry))
            self.severity = max(self.severity or 0, fault.severity)
            self.at_fault = fault.entry if self.at_fault is None else self.at_fault

    def entries(self, head):
        if self.failure:
            raise self.blamed(self.failure, head)
        if not self.lines:
            raise Fault(DAMAGED, 0, "there is no whole entry")
        return "%d entries readable, each names the hash of the one before" % self.replay.size

    def blamed(self, fault, head):
        """A broken chain is the earlier line's fault if the rest of the ledger fits the hash that was named for it."""
        at = fault.entry
        if not at or "follows hash" not in fault.text:
            return fault
        hashes = [self.replay.hash_of(line) for line in self.lines]
        try:
            intact = at + 1 < len(self.lines) and entry_of(self.lines[at + 1], at + 1)[1] == hashes[at]
            if not intact and head:
                size, _, root = head_of(head)
                hashes[at - 1] = entry_of(self.lines[at], at)[1]
                if self.replay.genesis["format"] == 1:
                    intact = at == size - 1 and root == hashes[at]
                else:
                    intact = at <= size <= len(hashes) and root == tree_root(hashes[:size])
        except Fault:
            return fault
        return Fault(WRONG, at - 1, "was changed: entry %d names another hash" % at) if intact else fault

    def head(self, data):
        if data is None:
            raise Fault(DAMAGED, max(0, len(self.lines) - 1), "the head file is missing")
        size, byte_count, root = head_of(data)
        if len(self.lines) < size or len(self.log) < byte_count:
            raise Fault(DAMAGED, len(self.lines), "is missing or cut: the ledger is shorter than its head")
        if sum(len(line) + 1 for line in self.lines[:size]) != byte_count or self.root(size) != root:
            raise Fault(WRONG, size - 1, "the head is not that of the ledger")
        return "the ledger begins with the %d entries that the head names" % size

    def policy(self, data):
        entry = self.replay.policy_entry
        try:
            data = canonical(parse(data))
        except ValueError:
            pass  # The bytes as they are have no such hash, which is what it then says.
        if sha256(data).hex() != self.replay.policy_hash:
            raise Fault(WRONG, entry, "the given policy is not that of entry %d" % entry)
        return "entry %d holds the given policy, %s" % (entry, self.replay.policy_hash)

    def key(self, given):
        places = [entry for entry, key in self.replay.keys if key == given]
        if not places:
            raise Fault(WRONG, self.replay.keys[-1][0], "the ledger never had the given coordinator key")
        return "entry %d holds the given key" % places[0]

    def changes(self):
        return [entry for entry, _ in self.replay.keys[1:]]

    def handovers(self, names):
        """The KEY entries, and those of which only a file speaks; what follows a faulty entry was not read."""
        named = {int(match[1]) for match in map(HANDOVER.fullmatch, names) if match}
        unread = range(len(self.lines) if self.failure else 0)
        return sorted(set(self.changes()) | {entry for entry in named if entry not in unread})

    def handover(self, entry, data):
        """The checkpoint that ends with a KEY entry, by which who knows only the key before can follow."""
        if data is None:
            raise Fault(WRONG, entry, "changes the key, and no checkpoint that both keys signed is there")
        try:
            body, origin, size, root, notes = note_of(data)
        except ValueError:
            raise Fault(DAMAGED, None, "a checkpoint is not readable")
        if origin != self.origin():
            raise Fault(WRONG, entry, "has a checkpoint of another ledger")
        if size > len(self.lines):  # Whoever signed it: the keys may have been cut off with the rest.
            raise Fault(DAMAGED, len(self.lines), "is missing: a signed checkpoint covers %d entries" % size)
        if entry not in self.changes():
            raise Fault(WRONG, entry, "replaces no key, and a checkpoint that says so is there")
        before, after = self.replay.key_of(entry), self.replay.key_of(size)
        if size != entry + 1 or len(notes) != 2 or not all(
                self.signs(key, body, notes) for key in (before, after)):
            raise Fault(WRONG, entry, "changes the key, and its checkpoint is not signed by both")
        if self.root(size) != root:
            raise Fault(WRONG, entry, "this entry or one before it is not what was signed")
        return "%s handed over to %s" % (before, after)

    def origin(self):
        return "tacit-ledger/%d/%s" % (self.replay.genesis["format"], self.replay.genesis["ledger_id"])

    @staticmethod
    def signs(key, body, notes):
        """Whether one of the signature lines is this key's, and holds; None if none says that it is."""
        public, name = bytes.fromhex(key), body.split(b"\n")[0]
        for note in notes:
            if note[:4] == sha256(name + b"\n\1" + public)[:4]:
                return signature_holds(public, body, note[4:])
        return None

    def members(self, data):
        """The list of `coordinator roster list --json` against the newest roster."""
        try:
            rows = [(m["id"], bytes.fromhex(m["identity_key"])) for m in parse(data)["members"]
                    if not (m["revoked"] or m["excluded"])]
            leaves = [leaf(number.to_bytes(4, "big") + key) for number, key in sorted(rows)]
        except (ValueError, KeyError, TypeError, OverflowError, AttributeError) as error:
            leave("the list of members cannot be read: %r" % error)
        root = tree_root(leaves).hex() if leaves else sha256(b"").hex()
        entry, body = self.replay.roster or (self.replay.size - 1, dict(size=None, roster_hash=None))
        if (len(leaves), root) != (body["size"], body["roster_hash"]):
            raise Fault(WRONG, entry, "the given members are not those of the newest roster")
        return "the given list is that of the %d members who may take part" % len(leaves)

    def rounds(self):
        if self.replay.seeded is not None:
            raise Fault(WRONG, self.replay.seeded, "charges seeded noise: epsilon protects nobody")
        return "%(charged)d charged as the policy plans, %(released)d released once each, %(burned)d burned, " \
            "%(void)d void" % self.replay.rounds

    def signed(self, data, key):
        """Size and root of a checkpoint that is signed and that the ledger begins with."""
        try:
            body, origin, size, root, notes = note_of(data)
        except ValueError:
            raise Fault(DAMAGED, None, "a checkpoint is not readable")
        if origin != self.origin():
            raise Fault(WRONG, None, "a checkpoint is of another ledger")
        # A key that the ledger never had is one that its operator cannot have signed with.
        known = key is None or key in (known for _, known in self.replay.keys)
        signed = self.signs(self.replay.key_of(size) if known else key, body, notes)
        if signed is None:
            raise Fault(WRONG, None, "a checkpoint names another key")
        if not signed:
            raise Fault(WRONG, None, "a checkpoint's signature is not valid")
        if size > len(self.lines):
            raise Fault(DAMAGED, len(self.lines), "is missing: a signed checkpoint covers %d entries" % size)
        if self.root(size) != root:
            raise Fault(WRONG, size - 1, "this entry or one before it is not what was signed")
        return size, root

    def checkpoint(self, data, key, is_kept=True):
        size, _ = self.signed(data, key)
        self.complete = max(self.complete or 0, size) if is_kept else self.complete
        return "signed, and the ledger begins with its %d entries" % size

    def receipt(self, data, key):
        head, _, note = data.partition(b"\n\n")
        try:
            first, extra, place, *path = head.split(b"\n")
            require(first == b"c2sp.org/tlog-proof@v1" and extra.startswith(b"extra "))
            require(re.fullmatch(rb"index (0|[1-9][0-9]*)", place))
            line, index = base64.b64decode(extra[6:], validate=True), int(place[6:])
            path = [base64.b64decode(text, validate=True) for text in path]
            require(all(len(part) == 32 for part in path))
        except ValueError:
            raise Fault(DAMAGED, None, "a receipt is not readable")
        size, root = self.signed(note, key)
        if index >= size or root_of_path(index, size, leaf(line), path) != root:
            raise Fault(WRONG, None, "a receipt's proof does not lead to the signed root")
        if self.lines[index] != line:
            raise Fault(WRONG, index, "is not the entry that the receipt proves")
        self.complete = max(self.complete or 0, size)
        return "signed, and entry %d of the ledger is its %s" % (index, entry_of(line, index)[0])

    def verdict(self):
        if self.severity is not None:
            place = "" if self.at_fault is None else ": see entry %d" % self.at_fault
            return self.severity, ("wrong" if self.severity == WRONG else "damaged") + place
        if self.complete is None:
            return 0, "consistent; completeness not proven"
        return 0, "consistent; complete for its first %d entries" % self.complete

# --- Command line ------------------------------------------------------------------------------------------------

def leave(why):
    print(why, file=sys.stderr)
    sys.exit(5)

def read(path, required=True):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        return leave("%s cannot be read: %s" % (path, error)) if required else None

def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", metavar="DIR")
    for option in ("--policy", "--key", "--roster"):
        parser.add_argument(option)
    for option in ("--checkpoint", "--receipt"):
        parser.add_argument(option, action="append", default=[])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    place, policy = options.directory, options.policy
    if os.path.isfile(os.path.join(place, "ledger", "ledger.jsonl")):
        policy = policy or os.path.join(place, "policy.json")
        place = os.path.join(place, "ledger")

    audit = Audit(read(os.path.join(place, "ledger.jsonl")))
    head, own = (read(os.path.join(place, name), False) for name in ("ledger.head", "ledger.checkpoint"))
    audit.run("entries and hash chain", audit.entries, head)
    audit.run("head", audit.head, head)
    if audit.replay.genesis:
        if policy:
            audit.run("policy", audit.policy, read(policy))
        for entry in audit.handovers(os.listdir(place)):
            audit.run("key change", audit.handover, entry,
                      read(os.path.join(place, "key-%d.checkpoint" % entry), False))
        if options.key:
            audit.run("coordinator key", audit.key, options.key)
        if options.roster:
            audit.run("roster", audit.members, read(options.roster))
        audit.run("rounds and budget", audit.rounds)
        if own is not None:
            audit.run("operator's checkpoint", audit.checkpoint, own, options.key, False)
        for path in options.checkpoint:
            audit.run("checkpoint kept in " + path, audit.checkpoint, read(path), options.key)
        for path in options.receipt:
            audit.run("receipt kept in " + path, audit.receipt, read(path), options.key)
    report(audit, options.json)

def report(audit, as_json):
    code, sentence = audit.verdict()
    replay, spend = audit.replay, None
    if replay.genesis:
        spend = {
            "epsilon_limit": replay.limit, "delta": replay.delta, "mu_squared": float(replay.mu_squared),
            "epsilon_spent": replay.epsilon(),
            "epsilon_one_history_against_another_non_negative": replay.epsilon(2),
            "epsilon_one_history_against_another": replay.epsilon(4)}
    if as_json:
        print(json.dumps({
            "verdict": sentence, "exit_code": code, "entry": audit.at_fault,
            "ledger_id": replay.genesis["ledger_id"] if replay.genesis else None, "entries": replay.size,
            "rounds": replay.rounds, "spend": spend,
            "findings": [dict(zip(("status", "title", "detail", "entry"), f)) for f in audit.findings]}, indent=2))
        sys.exit(code)
    for status, title, detail, entry in audit.findings:
        print("[%s] %s: %s%s" % (status, title, detail, "" if entry is None else " (entry %d)" % entry))
    print("rounds  %(charged)d charged: %(released)d released, %(burned)d burned; %(void)d void, free" % replay.rounds)
    if spend:
        print("spent   epsilon %(epsilon_spent).4f of %(epsilon_limit).4f at delta %(delta)g: your data against none\n"
              "        epsilon %(epsilon_one_history_against_another).4f: one history against another, for any "
              "updates; %(epsilon_one_history_against_another_non_negative).4f where no two have a negative inner product"
              % spend)
    print("RESULT  " + sentence)
    sys.exit(code)

if __name__ == "__main__":
    main()
