#!/usr/bin/env python3
"""Writes messages-v4.txt from the structures in protocol/SPEC.md section 5.

Written by hand from the specification, not from the Swift code: the two must agree.
"""
import pathlib
import struct


def ramp(count, start):
    return bytes((start + i) % 256 for i in range(count))


def u8(v): return struct.pack(">B", v)
def u16(v): return struct.pack(">H", v)
def u32(v): return struct.pack(">I", v)
def u64(v): return struct.pack(">Q", v)
def opaque2(b): return u16(len(b)) + b
def opaque4(b): return u32(len(b)) + b


def advert(client, start):
    return u32(client) + ramp(32, start) + ramp(32, start + 1) + ramp(64, start + 4)


def share(peer, start): return u32(peer) + ramp(81, start + 1)


R = u64(1 << 33 | 5)
MESSAGES = [
    ("server_hello", u8(1) + u8(2) + u16(1) + u16(2) + ramp(32, 0) + ramp(32, 32) + ramp(16, 64)
     + ramp(64, 80)),
    ("client_auth", u8(2) + u16(1) + u32(0x01020304) + u64(1 << 33 | 9) + ramp(64, 1)),
    ("client_enrol", u8(3) + u16(1) + u32(0x05060708) + ramp(168, 2) + ramp(32, 3)
     + u64(3) + ramp(64, 4)),
    ("welcome", u8(4) + u32(7) + opaque2(b'{"a":1}') + ramp(64, 5)
     + opaque2(ramp(5, 8)) + opaque2(ramp(64, 7)) + opaque2(ramp(9, 6)) + ramp(32, 9) + bytes(32) + ramp(32, 10)),
    ("refused", u8(5) + u16(3) + opaque2("redeemed by Zo\u00eb".encode())),
    ("ask_keys", u8(6) + ramp(32, 70) + u64(1 << 33 | 9)),
    ("keys_shown", u8(7) + u8(2)
     + u64(1 << 33 | 11) + opaque2(ramp(10, 71)) + opaque2(ramp(32, 72)) + opaque2(ramp(6, 73)) + opaque2(ramp(64, 74))
     + u64(1 << 33 | 12) + opaque2(ramp(11, 75)) + opaque2(b"") + opaque2(ramp(7, 76)) + opaque2(b"")),
    ("keys_shown_none", u8(7) + u8(0)),
    ("offer", u8(16) + R + u32(1) + ramp(32, 11) + ramp(32, 12) + ramp(32, 13) + ramp(32, 14)
     + u32(65537) + u8(20) + u64(0x123456789ABC) + u64(0) + u32(0) + u32(300) + ramp(64, 15)),
    ("offer_in_block", u8(16) + R + u32(3) + ramp(32, 11) + ramp(32, 12) + ramp(32, 13) + ramp(32, 14)
     + u32(9) + u8(18) + u64(4096) + u64(1 << 33 | 3) + u32(2) + u32(300) + ramp(64, 15)),
    ("answer_join", u8(17) + R + u8(1)),
    ("answer_decline", u8(17) + R + u8(0)),
    ("proceed", u8(18) + R),
    ("update_header", u8(19) + R + ramp(32, 16) + ramp(24, 17) + u32(3) + ramp(32, 18)
     + ramp(64, 19)),
    ("update_chunk", u8(20) + R + u32(2) + opaque4(ramp(21, 20))),
    ("update_result_accepted", u8(21) + R + opaque2(b"")),
    ("update_result_refused", u8(21) + R + opaque2(b"non-finite")),
    ("round_closed", u8(22) + R + u8(2) + ramp(32, 21) + opaque2(ramp(6, 22)) + opaque2(b"quorum")
     + ramp(64, 23)),
    ("finished", u8(23) + u8(2) + ramp(32, 24)),
    ("finished_sum_lost", u8(23) + u8(3) + ramp(32, 24)),
    ("ask_outcomes", u8(24) + u8(2) + R + u64(7)),
    ("outcomes", u8(25) + u8(2)
     + u64(7) + u8(3) + ramp(32, 28) + opaque2(ramp(6, 29)) + opaque2(b"") + ramp(64, 30)
     + R + u8(1) + ramp(32, 31) + opaque2(ramp(6, 32)) + opaque2(b"") + ramp(64, 33)),
    ("outcomes_none", u8(25) + u8(0)),
    ("ledger_shown", u8(26) + u64(1 << 33 | 9) + opaque2(ramp(6, 61)) + opaque2(ramp(64, 62)) + u8(2)
     + u64(1 << 33 | 11) + opaque2(ramp(10, 63)) + opaque2(ramp(32, 64))
     + u64(1 << 33 | 12) + opaque2(ramp(11, 65)) + opaque2(b"")),
    ("ledger_shown_unchanged", u8(26) + u64(7) + opaque2(b"\x05") + opaque2(b"") + u8(0)),
    ("fetch_blob", u8(32) + ramp(32, 25)),
    ("blob_chunk", u8(33) + ramp(32, 26) + u32(1) + u32(3) + opaque4(ramp(7, 27))),
    ("blob_missing", u8(33) + ramp(32, 26) + u32(0) + u32(0) + opaque4(b"")),
]
MESSAGES += [
    ("advertise", u8(48) + R + advert(0x01020304, 30)),
    ("round_roster", u8(49) + R + u32(300) + opaque2(ramp(41, 35)) + ramp(32, 36)),
    ("roster_chunk", u8(50) + R + u32(1) + opaque4(ramp(11, 37))),
    ("shares", u8(51) + R + u32(5) + u16(2) + share(6, 38) + share(9, 40) + ramp(32, 41)
     + ramp(64, 42)),
    ("deliver", u8(52) + R + opaque2(ramp(38, 43)) + u16(1) + share(6, 44)),
    ("masked_header", u8(53) + R + u32(2) + ramp(32, 46) + ramp(64, 47)),
    ("survivors", u8(54) + R + opaque2(ramp(38, 48))),
    ("agree", u8(55) + R + u64(77) + ramp(64, 49)),
    ("proof", u8(56) + R + u16(2) + u32(6) + ramp(64, 50) + u32(9) + ramp(64, 51)
     + opaque2(ramp(40, 52)) + u64(77) + opaque2(ramp(64, 53))),
    ("unmask", u8(57) + R + u32(5) + u16(2) + u32(6) + ramp(32, 54) + u32(9) + ramp(32, 55)),
    ("refuse_round", u8(58) + R + opaque2(b"wrong-charge") + ramp(64, 56)),
    ("refuse_round_masking", u8(58) + R + opaque2(b"second-survivor-set") + ramp(64, 57)),
    ("ask_credentials", u8(59) + R + opaque2(ramp(38, 58))),
    ("credentials", u8(60) + R + u32(1) + opaque4(ramp(13, 59))),
    ("unreadable_shares", u8(61) + R + opaque2(ramp(38, 60))),
]

lines = [
    "# Frame payloads of protocol version 4: a name and the bytes in hexadecimal.",
    "# Made by make_messages_v4.py, which follows protocol/SPEC.md and shares no code with the codec.",
    "# These bytes never change: another encoding is another version, in another file.",
]
lines += [f"{name} {body.hex()}" for name, body in MESSAGES]
pathlib.Path(__file__).with_name("messages-v4.txt").write_text("\n".join(lines) + "\n")
