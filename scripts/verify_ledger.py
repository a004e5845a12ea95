#!/usr/bin/env python3
"""Checks a Tacit ledger without any of Tacit's own code: Python's standard library only.

  verify_ledger.py DIR [--policy FILE] [--checkpoint FILE]... [--receipt FILE]... [--roster FILE] [--key HEX] [--json]

DIR is a coordinator's directory or its ledger directory (ledger.jsonl, ledger.head, ledger.checkpoint). Everything is
recomputed: the hash chain and Merkle tree (RFC 9162), Ed25519 signatures of checkpoints (RFC 8032, C2SP signed notes)
and receipts (C2SP tlog-proof), the order of entries, each charge against the policy in entry 0, and the budget by exact
composition of Gaussians: mu^2 = sensitivity^2 / (scale^2 - 16) added as fractions, then
delta(epsilon) = Phi(mu/2 - epsilon/mu) - e^epsilon Phi(-mu/2 - epsilon/mu) solved in doubles (arXiv:1805.06530, theorem
8), to about 1e-9 relative. Exit: 0 consistent, 4 readable and wrong, 8 damaged, 2 usage, 5 a file is missing.

A new kind of entry is a line in SHAPES, a name in KINDS or, if it is of a round, in ROUND, and a method of Replay.
"""
import argparse
import base64
import contextlib
import hashlib
import itertools
import json
import math
import pathlib
import re
import sys
from fractions import Fraction

WRONG, DAMAGED = 4, 8
LARGEST_LINE, SAFE, TOLERANCE = 1 << 18, 2**53 - 1, 1e-9

class Fault(Exception):
    """What is wrong, at which entry, and how badly; None is no entry, and in Replay the one that it stands at."""

    def __init__(self, text, entry, severity):
        super().__init__(text)
        self.text, self.entry, self.severity = text, entry, severity

def need(holds, text="", entry=None, severity=WRONG):
    if not holds:
        raise Fault(text, entry, severity)

UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError, Fault)

@contextlib.contextmanager
def reading(entry, text):
    """What cannot be read is damaged; the text may say why."""
    try:
        yield
    except UNREADABLE as error:
        raise Fault(text.format(error), entry, DAMAGED)

# --- Hashes and signatures ---------------------------------------------------------------------------------------

def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def leaf(line):
    return sha256(b"\0", line)

def tree_root(leaves):
    """MTH of RFC 9162 s.2.1.1, of one leaf or more."""
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1", tree_root(leaves[:left]), tree_root(leaves[left:]))

def root_of_path(index, size, value, path):
    """The root that an inclusion path leads to (RFC 9162 s.2.1.3.1): it ends with the root of the other half."""
    need((size == 1) == (not path))
    if size == 1:
        return value
    left = 1 << (size - 1).bit_length() - 1
    if index < left:
        return sha256(b"\1", root_of_path(index, left, value, path[:-1]), path[-1])
    return sha256(b"\1", path[-1], root_of_path(index - left, size - left, value, path[:-1]))

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P

def point(data):
    """Decodes a canonical point of Edwards25519 (RFC 8032 s.5.1.3); None if it is none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or x * x % P != square or (x == 0 and sign):
        return None
    return (P - x if x & 1 != sign else x, y)

def add(a, b):
    k = D * a[0] * a[1] * b[0] * b[1]
    return ((a[0] * b[1] + b[0] * a[1]) * pow(1 + k, -1, P) % P, (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, -1, P) % P)

def multiply(scalar, a):
    if scalar == 0:
        return NEUTRAL
    even = multiply(scalar >> 1, add(a, a))
    return add(even, a) if scalar & 1 else even

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

def mu_of(epsilon, delta):
    return bisect(0.0, 100.0, lambda mu: log_delta(mu, epsilon) > math.log(delta))

def is_block(block, planned):
    """Whether a policy of so many planned rounds may have this block of correlated noise."""
    names = ("first_round", "rounds", "minimum_separation", "maximum_participations")
    first, rounds, apart, most = (block[name] for name in names)
    steps = block["coefficients"]
    return (all(type(value) is int for value in (first, rounds, apart, most, *steps))
            and 0 <= first and 1 <= rounds <= planned - first and 1 <= apart <= rounds and 1 <= most
            and 1 <= len(steps) <= rounds and steps[0] > 0 and all(abs(step) < 1 << 40 for step in steps))

def block_sensitivity(block, bits):
    """Sensitivity of 2^g C under minimum separation, for contributions of norm 2^bits; arXiv:2405.13763 thm 2."""
    shape = [*itertools.accumulate((abs(c) for c in reversed(block["coefficients"])), max)][::-1]
    most = min(block["maximum_participations"], block["rounds"])
    starts = [j * block["minimum_separation"] for j in range(most)]
    column = [sum(shape[t - s] for s in starts if 0 <= t - s < len(shape)) for t in range(block["rounds"])]
    square = sum(c * c for c in column) << 2 * bits
    root = math.isqrt(square)
    return root + (root * root < square)

# --- Entries -----------------------------------------------------------------------------------------------------

def parse(data):
    """A document of strings, integers, booleans, lists and objects, whose members come in the order of RFC 8785."""
    def members(pairs):
        need(len(dict(pairs)) == len(pairs), "a name appears twice")
        return dict(sorted(pairs, key=lambda pair: pair[0].encode("utf-16-be")))

    return json.loads(data.decode(), object_pairs_hook=members, parse_float=int, parse_constant=int)

def canonical(value):
    """RFC 8785 for what parse returned."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

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
    kind=lambda value: value in KINDS)

SHAPES = {shape: dict(field.split(":") for field in text.split()) for shape, text in dict(
    entry="index:integer kind:kind prev:hash body:object",
    genesis="format:integer ledger_id:id coordinator_key:key policy:object policy_hash:hash filter:text "
            "software_version:short created_at_seconds:integer enrolment_key_held_by_coordinator:flag",
    offer="round:integer plan_index:integer stage:text mode:text model_in:hash catalogue_hash:hash policy_hash:hash "
          "deadline_seconds:integer",
    charge="round:integer mechanism:text noise_multiplier:decimal clip_norm:decimal scale:integer sensitivity:integer "
           "fraction_bits:integer dimension:integer mode:text relation:relation unit:unit cohort_minimum:integer "
           "count:integer rng:rng protocol_delta:text filter:text joint_coordinates:positive? masked:object? "
           "block:object?",
    block="start:integer round:integer",
    masked="cohort_size:integer degree:integer corrupt_fraction:decimal dropout_fraction:decimal",
    shares="honest_noise_shares:integer share_variance:fraction tau:decimal",
    release="round:integer charge_index:integer model_out:hash epsilon_after:text mu_squared_after:text",
    void="round:integer reason:short",
    burned="round:integer charge_index:integer",
    policy="policy:object policy_hash:hash previous_policy_hash:hash",
    roster="epoch:integer size:integer roster_hash:hash revocations_hash:hash",
    key="previous_key:key next_key:key possession:signature",
    head="size:positive bytes:integer root:hash").items()}
# What a round is before an entry of a kind (None: no round is open), and what it is, and is counted as, after it.
ROUND = dict(offer=(None, "offered"), charge=("offered", "charged"), void=("offered", "void"),
             release=("charged", "released"), burned=("charged", "burned"))
KINDS = ["genesis", "policy", "roster", "key", *ROUND]

def check_fields(value, *shapes, entry=None):
    """The fields of these shapes and no others; only a type that ends in a question mark may be absent."""
    types = {name: kind for shape in shapes for name, kind in SHAPES[shape].items()}
    for name, kind in types.items():
        need(name in value or kind.endswith("?"), 'lacks the field "%s"' % name, entry, DAMAGED)
        accepted = name not in value or TYPES[kind.rstrip("?")](value[name])
        need(accepted, 'field "%s" has no accepted value' % name, entry, DAMAGED)
    for name in value.keys() - types:
        raise Fault('has an unknown field "%s"' % name, entry, DAMAGED)

def entry_of(line, index):
    """kind, prev and body of a line in its one spelling."""
    with reading(index, "is not a readable object: {}"):
        need(len(line) <= LARGEST_LINE)
        value = parse(line)
        need(type(value) is dict)
        spelling = canonical(value)
    check_fields(value, "entry", entry=index)
    kind, body = value["kind"], value["body"]
    check_fields(body, kind, entry=index)
    if "block" in body:
        check_fields(body["block"], "block", entry=index)
    if "masked" in body:
        shares = ["shares"] if "share_variance" in body["masked"] else []
        check_fields(body["masked"], "masked", *shares, entry=index)
    need(value["index"] == index, "says that it is entry %d" % value["index"], index)
    need(spelling == line, "is not written in canonical form", index, DAMAGED)
    return kind, bytes.fromhex(value["prev"]), body

# What the entry after a line names, and the root over these; in format 1 there was no tree.
FORMATS = {1: (sha256, lambda hashes: hashes[-1]), 2: (leaf, tree_root)}
# Of an open block of correlated noise: its first round, the place of the next one in it, its noise.
NO_BLOCK = None, None, None

def match(body, **expected):
    """Each of these fields must be so; a fraction, however it is written."""
    for field, value in expected.items():
        found = Fraction(body[field]) if isinstance(value, Fraction) else body[field]
        need(found == value, 'field "%s": %s instead of %s' % (field, found, value))

class Replay:
    """The rules of a ledger, entry by entry."""

    def __init__(self):
        self.size, self.chain, self.genesis, self.format = 0, bytes(32), None, 2
        self.hash_of, self.root_of = FORMATS[self.format]
        self.phase, self.last_round, self.open_block = None, 0, NO_BLOCK
        self.rounds = dict(offered=0, charged=0, released=0, burned=0, void=0)
        self.mu_squared, self.reserved, self.seeded = Fraction(0), 0.0, None
        self.keys = {}  # the first entry that each key signs over: the key
        self.roster = None, dict(epoch=0, size=None, roster_hash=None)

    def apply(self, line):
        kind, previous, body = entry_of(line, self.size)
        need(self.genesis or kind == "genesis", "is no genesis")
        need(previous == self.chain, "follows hash %s, not %s" % (previous.hex(), self.chain.hex()))
        before, after = ROUND.get(kind, (None, None))
        if before:
            need(self.phase == before, "does not follow an open %s" % before)
            match(body, round=self.last_round)
        elif kind != "genesis":
            has_kind = kind == "offer" or self.format > 1
            need(self.phase not in ("offered", "charged") and has_kind, "stands where a round is open")
        getattr(self, "apply_" + kind)(body)
        if after:
            self.phase = after
            self.rounds[after] += 1
        self.chain = self.hash_of(line)
        self.size += 1

    def apply_genesis(self, body):
        need(self.size == 0, "is genesis where none may stand")
        need(body["format"] in FORMATS, "has format %d, which is not known" % body["format"], severity=DAMAGED)
        match(body, filter="gdp")
        self.read_policy(body)
        self.genesis, self.format, self.keys = body, body["format"], {0: body["coordinator_key"]}
        self.hash_of, self.root_of = FORMATS[self.format]
        self.origin = "tacit-ledger/%d/%s" % (self.format, body["ledger_id"])

    def read_policy(self, body):
        policy = body["policy"]
        match(body, policy_hash=sha256(canonical(policy)).hex())
        with reading(None, "holds no policy within the accepted ranges: {!r}"):
            self.plan = [(r["stage"], r["clip_norm"], r["noise_multiplier"]) for r in policy["plan"]]
            limit, delta = float(policy["epsilon_limit"]), float(policy["delta"])
            self.cohort = range(policy["minimum_cohort"], policy["maximum_cohort"] + 1)
            self.mode, self.unit, self.deadline = policy["mode"], policy["unit"], policy["round_deadline_seconds"]
            self.tolerated = [Fraction(policy.get(share, 1)) for share in ("corrupt_fraction", "dropout_fraction")]
            self.correlated = policy.get("correlated_noise")
            need(not self.correlated or self.mode != "secagg-ddp" and is_block(self.correlated, len(self.plan)))
            need(self.plan and 0.001 <= limit <= 100 and 1e-30 <= delta <= 0.01 and self.cohort
                 and type(self.deadline) is int and policy["relation"] == "zero-out"
                 and all(DECIMAL(clip) and DECIMAL(noise) for _, clip, noise in self.plan))
        need(self.reserved < delta, "has a delta below what is reserved")
        self.limit, self.delta, self.released_before = limit, delta, self.rounds["released"]
        self.policy, self.policy_hash, self.policy_entry = policy, body["policy_hash"], self.size

    def apply_policy(self, body):
        """Another policy between rounds; what was spent stays spent."""
        match(body, previous_policy_hash=self.policy_hash)
        need(body["policy_hash"] != self.policy_hash, "is the policy in force")
        for field in ("federation", "unit", "relation", "filter", "model", "hyperparameters", "correlated_noise"):
            need(self.policy.get(field) == body["policy"].get(field), "changes %s, which is fixed" % field)
        stages = [stage for stage, _, _ in self.plan]
        self.read_policy(body)
        need(stages == [stage for stage, _, _ in self.plan], "changes the stages, which are fixed")
        self.open_block = NO_BLOCK

    def apply_roster(self, body):
        """Who may take part, before the first offer after a change."""
        old = self.roster[1]
        match(body, epoch=old["epoch"] + 1)
        need({**old, "epoch": 0} != {**body, "epoch": 0}, "is the roster in force", severity=DAMAGED)
        self.roster = self.size, body

    def apply_key(self, body):
        """Another key signs from here on: never one that was left, and whoever holds it says so."""
        match(body, previous_key=self.key_of(self.size))
        need(body["next_key"] not in self.keys.values() and len(self.keys) <= 256,
             "names a key that was in force before, or is one change too many", severity=DAMAGED)
        previous, following, possession, ledger = map(
            bytes.fromhex, (body["previous_key"], body["next_key"], body["possession"], self.genesis["ledger_id"]))
        said = b"tacit key/1" + ledger + self.size.to_bytes(8, "big") + previous
        need(signature_holds(following, said, possession), "is not signed by the next key", severity=DAMAGED)
        self.keys[self.size] = body["next_key"]

    def key_of(self, size):
        """The key that must have signed a checkpoint of `size` entries."""
        return [key for entry, key in self.keys.items() if entry < size][-1]

    def apply_offer(self, body):
        need(body["round"] > self.last_round, "offers a round that is not newer")
        self.plan_index = (self.rounds["released"] - self.released_before) % len(self.plan)
        stage, _, _ = self.plan[self.plan_index]
        match(body, plan_index=self.plan_index, stage=stage, mode=self.mode, policy_hash=self.policy_hash)
        need(1 <= body["deadline_seconds"] <= self.deadline, "has a deadline that the policy forbids")
        self.last_round = body["round"]

    def begins_block(self, body):
        """Whether a charge begins a block of correlated noise, or stands alone, and so pays; ruling 20."""
        block, noise = body.get("block"), (body["scale"], body["fraction_bits"], body["dimension"])
        within = self.plan_index - self.correlated["first_round"] if self.correlated else -1
        inside = 0 <= within < self.correlated["rounds"]
        need(inside == (block is not None), "is of a block where the plan has none, or of none inside one")
        if not inside:
            self.open_block = NO_BLOCK
            return True
        start, place, expected = self.open_block if block["round"] else (body["round"], 0, noise)
        match(block, start=start, round=place)
        need(noise == expected, "changes the noise within a block")
        is_last = within + 1 == self.correlated["rounds"]
        self.open_block = NO_BLOCK if is_last else (start, place + 1, noise)
        return place == 0

    def apply_charge(self, body):
        _, clip, multiplier = self.plan[self.plan_index]
        bits, scale = body["fraction_bits"], body["scale"]
        need(1 <= bits <= 30, "has fraction bits outside 1 to 30", severity=DAMAGED)
        pays = self.begins_block(body)
        unit = block_sensitivity(self.correlated, bits) if "block" in body else 1 << bits
        match(body, mechanism="discrete_gaussian", mode=self.mode, relation="zero-out", unit=self.unit, count=1,
              filter="gdp", noise_multiplier=Fraction(multiplier), clip_norm=Fraction(clip), sensitivity=unit)
        need(1 <= body["dimension"] <= 1 << 30, "has no accepted dimension")
        need(body["cohort_minimum"] in self.cohort, "has a cohort that the policy forbids")
        need(body.get("joint_coordinates", 0) < body["dimension"], "has more joint coordinates than any")
        need(scale >= Fraction(multiplier) * unit, "charges noise narrower than the policy's")
        need(1 << 10 <= scale <= 1 << 30, "charges a scale that cannot be charged")
        self.reserve(body, body.get("masked"))
        self.mu_squared += Fraction(unit**2, scale**2 - 16) if pays else 0
        limit = mu_of(self.limit, self.delta - self.reserved) ** 2
        need(self.mu_squared <= limit * (1 + TOLERANCE), "would overspend the budget")
        if body["rng"] == "seeded" and self.seeded is None:
            self.seeded = self.size

    def reserve(self, body, masked):
        """Rulings 16, 19 and 25: who survives, what a sparse graph adds to delta, and the clients' noise."""
        is_masked = self.mode != "sealed" and self.format > 1
        need(is_masked == (masked is not None), "has masked terms where there are none, or lacks them")
        if masked is None:
            return match(body, protocol_delta="0")
        n, gamma, drop = masked["cohort_size"], *self.tolerated
        match(masked, corrupt_fraction=gamma, dropout_fraction=drop)
        need(n in self.cohort and 1 <= masked["degree"] <= max(1, n - 1) and gamma < 1 and drop < 1,
             "has masked terms outside their ranges")
        survivors = max(self.cohort[0], n - math.floor(drop * n))
        match(body, cohort_minimum=survivors)
        least = 0 if masked["degree"] >= n - 1 else (1 + math.exp(self.limit)) * 1.5 * 2.0**-40
        claimed = float(body["protocol_delta"]) if DECIMAL(body["protocol_delta"]) else -1
        need(claimed >= least * (1 - 1e-5) and (claimed == 0 or least > 0), "has a false protocol delta")
        need((self.mode == "secagg-ddp") == ("share_variance" in masked), "has or lacks shares of noise")
        reserved = self.reserved + claimed
        if "share_variance" in masked:
            honest = survivors - max(1, math.floor(gamma * n))
            variance, tau = Fraction(masked["share_variance"]), float(masked["tau"])
            match(masked, honest_noise_shares=honest)
            need(honest >= 1 and variance >= 16, "has no honest noise, or shares too narrow")
            need(honest * variance >= body["scale"] ** 2, "has shares that are less than the charged noise")
            true = 10 * (honest - 1) * math.exp(-math.pi**2 * float(min(variance, 1 << 20)))
            need(true * (1 - 1e-9) <= tau <= 1e-55, "has a false tau")
            reserved += tau * body["dimension"]
        need(reserved < self.delta, "reserves more than the policy's delta")
        self.reserved = reserved

    def apply_release(self, body):
        for field, value in dict(epsilon_after=self.epsilon(), mu_squared_after=float(self.mu_squared)).items():
            claimed = float(body[field]) if DECIMAL(body[field].replace("e+", "e")) else math.inf
            need(abs(claimed - value) <= 4 * TOLERANCE * max(1, value),
                 "claims %s %s, the ledger gives %r" % (field, body[field], value))
        match(body, charge_index=self.size - 1)

    def apply_burned(self, body):
        match(body, charge_index=self.size - 1)
        self.open_block = NO_BLOCK

    def apply_void(self, body):
        """Costs nothing, for nothing was charged."""

    def epsilon(self, squared_distance=1):
        return epsilon_of(math.sqrt(squared_distance * self.mu_squared), self.delta - self.reserved)

# --- Files beside the log ----------------------------------------------------------------------------------------

class Checkpoint:
    """A C2SP signed note in its one spelling, with one signature or two, by the name (a hash) of their key."""

    def __init__(self, data):
        with reading(None, "a checkpoint is not readable"):
            self.body, signatures = data.split(b"\n\n")
            self.body += b"\n"
            self.origin, size, root = self.body.decode().splitlines()
            self.size, self.root = int(size), base64.b64decode(root)
            signed = [base64.b64decode(line.split(b" ")[2]) for line in signatures.splitlines()]
            lines = [self.origin, self.size, base64.b64encode(self.root).decode(), ""] + [
                "\u2014 %s %s" % (self.origin, base64.b64encode(each).decode()) for each in signed]
            need("".join("%s\n" % line for line in lines).encode() == data)
            need(re.fullmatch("tacit-ledger/[12]/[0-9a-f]{32}", self.origin) and self.size > 0 and len(self.root) == 32)
            need(len(signed) in (1, 2) and all(len(each) == 68 for each in signed))
            self.signatures = {each[:4]: each[4:] for each in signed}
            need(len(self.signatures) == len(signed))

    def holds_for(self, key):
        """Whether the signature that names this key holds; None if there is none."""
        public = bytes.fromhex(key)
        signature = self.signatures.get(sha256(self.origin.encode(), b"\n\1", public)[:4])
        return signature and signature_holds(public, self.body, signature)

def head_of(data):
    with reading(None, "the head file is not readable"):
        value = parse(data[:-1])
        check_fields(value, "head")
        need(canonical(value) + b"\n" == data)
    return value["size"], value["bytes"], bytes.fromhex(value["root"])

class Audit:
    """Checks of one ledger: each returns what holds, or raises what does not."""

    def __init__(self, log):
        self.log, self.findings, self.severity, self.at_fault, self.complete = log, [], 0, None, None
        self.lines, self.replay, self.failure = log.split(b"\n")[:-1], Replay(), None
        try:
            for line in self.lines:
                self.replay.apply(line)
        except Fault as fault:
            self.failure = Fault(fault.text, self.replay.size, fault.severity)
        self.count, self.hashes = len(self.lines), [self.replay.hash_of(line) for line in self.lines]

    def run(self, title, check, *arguments):
        try:
            status, detail, entry = "ok", check(*arguments), None
        except Fault as fault:
            status, detail, entry = "fail", fault.text, fault.entry
            self.severity = max(self.severity, fault.severity)
            self.at_fault = entry if self.at_fault is None else self.at_fault
        self.findings.append(dict(status=status, title=title, detail=detail, entry=entry))

    def entries(self, head):
        if self.failure:
            raise self.blamed(self.failure, head)
        need(self.lines, "there is no whole entry", 0, DAMAGED)
        return "%d entries readable, each names the hash of the one before" % self.count

    def blamed(self, fault, head):
        """A broken chain is the earlier line's fault if the rest of the ledger fits the hash that was named for it."""
        at = fault.entry
        if not at or "follows hash" not in fault.text:
            return fault
        with contextlib.suppress(Fault):
            intact = at + 1 < self.count and entry_of(self.lines[at + 1], at + 1)[1] == self.hashes[at]
            if not intact and head:
                size, _, root = head_of(head)
                named = self.hashes[:at - 1] + [entry_of(self.lines[at], at)[1]] + self.hashes[at:size]
                covers = at == size - 1 if self.replay.format == 1 else at <= size
                intact = covers and len(named) == size and root == self.replay.root_of(named)
            if intact:
                return Fault("was changed: entry %d names another hash" % at, at - 1, WRONG)
        return fault

    def head(self, data):
        need(data is not None, "the head file is missing", max(0, self.count - 1), DAMAGED)
        size, byte_count, root = head_of(data)
        is_whole = size <= self.count and byte_count <= len(self.log)
        need(is_whole, "is missing or cut: the ledger is shorter than its head", self.count, DAMAGED)
        fits = sum(len(line) + 1 for line in self.lines[:size]) == byte_count
        need(fits and self.replay.root_of(self.hashes[:size]) == root, "the head is not that of the ledger", size - 1)
        return "the ledger begins with the %d entries that the head names" % size

    def policy(self, data):
        entry, found = self.replay.policy_entry, self.replay.policy_hash
        with contextlib.suppress(*UNREADABLE):  # The bytes as they are have no such hash, which is what it then says.
            data = canonical(parse(data))
        need(sha256(data).hex() == found, "the given policy is not that of entry %d" % entry, entry)
        return "entry %d holds the given policy, %s" % (entry, found)

    def key(self, given):
        entries = {key: entry for entry, key in self.replay.keys.items()}
        need(given in entries, "the ledger never had the given coordinator key", max(self.replay.keys))
        return "entry %d holds the given key" % entries[given]

    def handovers(self, names):
        """The KEY entries, and those of which only a file speaks; what follows a faulty entry was not read."""
        matched = [re.fullmatch(r"key-([1-9][0-9]{0,17})\.checkpoint", name) for name in names]
        named = {int(found[1]) for found in matched if found}
        unread = range(self.count if self.failure else 0)
        return sorted((self.replay.keys.keys() | named.difference(unread)) - {0})

    def handover(self, entry, data):
        """The checkpoint that ends with a KEY entry, by which who knows only the key before can follow."""
        need(data is not None, "changes the key, and no checkpoint that both keys signed is there", entry)
        note = Checkpoint(data)
        need(note.origin == self.replay.origin, "has a checkpoint of another ledger", entry)
        self.need_prefix(note, entry)  # Whoever signed it: the keys may have been cut off with the rest.
        need(entry in self.replay.keys, "replaces no key, and a checkpoint that says so is there", entry)
        before, after = self.replay.key_of(entry), self.replay.key_of(note.size)
        by_both = len(note.signatures) == 2 and note.holds_for(before) and note.holds_for(after)
        need(note.size == entry + 1 and by_both, "changes the key, and its checkpoint is not signed by both", entry)
        return "%s handed over to %s" % (before, after)

    def need_prefix(self, note, entry):
        text = "is missing: a signed checkpoint covers %d entries" % note.size
        need(note.size <= self.count, text, self.count, DAMAGED)
        is_prefix = self.replay.root_of(self.hashes[:note.size]) == note.root
        need(is_prefix, "this entry or one before it is not what was signed", entry)

    def signed(self, data, key, is_kept=True):
        """A checkpoint that is signed, by the given key if there is one, and that the ledger begins with."""
        note = Checkpoint(data)
        need(note.origin == self.replay.origin, "a checkpoint is of another ledger")
        # A key that the ledger never had is one that its operator cannot have signed with.
        is_known = key is None or key in self.replay.keys.values()
        holds = note.holds_for(self.replay.key_of(note.size) if is_known else key)
        need(holds is not None, "a checkpoint names another key")
        need(holds, "a checkpoint's signature is not valid")
        self.need_prefix(note, note.size - 1)
        self.complete = max(self.complete or 0, note.size) if is_kept else self.complete
        return note

    def checkpoint(self, *evidence):
        return "signed, and the ledger begins with its %d entries" % self.signed(*evidence).size

    def receipt(self, data, key):
        head, _, note = data.partition(b"\n\n")
        with reading(None, "a receipt is not readable"):
            first, extra, place, *path = head.split(b"\n")
            need(first == b"c2sp.org/tlog-proof@v1" and extra.startswith(b"extra "))
            need(re.fullmatch(rb"index (0|[1-9][0-9]*)", place))
            line, index = base64.b64decode(extra[6:], validate=True), int(place[6:])
            path = [base64.b64decode(text, validate=True) for text in path]
            need(all(len(part) == 32 for part in path))
        note, root = self.signed(note, key), None
        with contextlib.suppress(Fault):
            root = root_of_path(index, note.size, leaf(line), path)
        need(index < note.size and root == note.root, "a receipt's proof does not lead to the signed root")
        need(self.lines[index] == line, "is not the entry that the receipt proves", index)
        return "signed, and entry %d of the ledger is its %s" % (index, entry_of(line, index)[0])

    def members(self, data):
        """The list of `coordinator roster list --json` against the newest roster."""
        try:
            rows = [(m["id"], bytes.fromhex(m["identity_key"])) for m in parse(data)["members"]
                    if not (m["revoked"] or m["excluded"])]
            leaves = [leaf(number.to_bytes(4, "big") + key) for number, key in sorted(rows)]
        except UNREADABLE as error:
            leave("the list of members cannot be read: %r" % error)
        entry, newest = self.replay.roster
        found = len(leaves), tree_root(leaves).hex() if leaves else sha256().hex()
        need(found == (newest["size"], newest["roster_hash"]), "the given members are not those of the newest roster",
             self.replay.size - 1 if entry is None else entry)
        return "the given list is that of the %d members who may take part" % len(leaves)

    def rounds(self):
        seeded = self.replay.seeded
        need(seeded is None, "charges seeded noise: epsilon protects nobody", seeded)
        return "%(charged)d charged as the policy plans, %(released)d released once each, %(burned)d burned, " \
            "%(void)d void" % self.replay.rounds

    def report(self):
        """All that was found, by the names that --json prints."""
        replay, verdict, spend = self.replay, "consistent; completeness not proven", None
        if self.severity:
            verdict = "wrong" if self.severity == WRONG else "damaged"
            verdict += "" if self.at_fault is None else ": see entry %d" % self.at_fault
        elif self.complete is not None:
            verdict = "consistent; complete for its first %d entries" % self.complete
        if replay.genesis:
            spend = dict(
                epsilon_limit=replay.limit, delta=replay.delta, mu_squared=float(replay.mu_squared),
                epsilon_spent=replay.epsilon(), epsilon_one_history_against_another_non_negative=replay.epsilon(2),
                epsilon_one_history_against_another=replay.epsilon(4))
        return dict(
            verdict=verdict, exit_code=self.severity, entry=self.at_fault,
            ledger_id=replay.genesis["ledger_id"] if replay.genesis else None, entries=replay.size,
            rounds=replay.rounds, spend=spend, findings=self.findings)

# --- Command line ------------------------------------------------------------------------------------------------

def leave(why):
    print(why, file=sys.stderr)
    sys.exit(5)

def read(path, required=True):
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        return leave("%s cannot be read: %s" % (path, error)) if required else None

def key_argument(text):
    if not HASH(text):
        raise argparse.ArgumentTypeError("a key is 64 hexadecimal digits, 0-9 and a-f")
    return text

def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", metavar="DIR")
    for option in ("--policy", "--roster"):
        parser.add_argument(option)
    parser.add_argument("--key", type=key_argument)
    for option in ("--checkpoint", "--receipt"):
        parser.add_argument(option, action="append", default=[])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    place, policy = pathlib.Path(options.directory), options.policy
    if (place / "ledger" / "ledger.jsonl").is_file():
        place, policy = place / "ledger", policy or place / "policy.json"

    audit = Audit(read(place / "ledger.jsonl"))
    head, own = (read(place / name, False) for name in ("ledger.head", "ledger.checkpoint"))
    audit.run("entries and hash chain", audit.entries, head)
    audit.run("head", audit.head, head)
    if audit.replay.genesis:
        if policy:
            audit.run("policy", audit.policy, read(policy))
        for entry in audit.handovers(file.name for file in place.iterdir()):
            audit.run("key change", audit.handover, entry, read(place / ("key-%d.checkpoint" % entry), False))
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

    report = audit.report()
    print(json.dumps(report, indent=2) if options.json else text_of(report))
    sys.exit(report["exit_code"])

def text_of(report):
    lines = [
        "[%(status)s] %(title)s: %(detail)s" % found + ("" if found["entry"] is None else " (entry %(entry)d)" % found)
        for found in report["findings"]]
    lines.append(
        "rounds  %(charged)d charged: %(released)d released, %(burned)d burned; %(void)d void, free" % report["rounds"])
    if report["spend"]:
        lines.append(
            "spent   epsilon %(epsilon_spent).4f of %(epsilon_limit).4f at delta %(delta)g: your data against none\n"
            "        epsilon %(epsilon_one_history_against_another).4f: one history against another, for any "
            "updates; %(epsilon_one_history_against_another_non_negative).4f where no two have a negative inner product"
            % report["spend"])
    return "\n".join(lines + ["RESULT  " + report["verdict"]])

if __name__ == "__main__":
    main()
