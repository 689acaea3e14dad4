# SPDX-License-Identifier: BSD-3-Clause
"""Frames of Quantum version 1 that a handshake and a small exchange need (chapters 5 and 6).

frame(name, ...) encodes one, frames(payload) decodes a payload into dictionaries. What is read and
not written: EXPIRED, PATH_CHALLENGE, PATH_RESPONSE, FEC_SOURCE; FEC_REPAIR is refused.
"""
import struct


class Refused(Exception):
    """A peer's bytes are not acceptable; the text says why."""


def need(condition, why):
    if not condition:
        raise Refused(why)


def varint(value):
    """The shortest form of RFC 9000 section 16."""
    for prefix, size in ((0, 1), (1, 2), (2, 4), (3, 8)):
        if value < 1 << (8 * size - 2):
            return (value | prefix << (8 * size - 2)).to_bytes(size, "big")
    raise ValueError("more than 62 bits")


class Reader:
    """A cursor that refuses to go past the end."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def bytes(self, count):
        need(0 <= count <= self.left(), "truncated")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, count):
        return int.from_bytes(self.bytes(count), "big")

    def varint(self, most=(1 << 62) - 1):
        first = self.number(1)
        extra = self.bytes((1 << (first >> 6)) - 1)
        value = int.from_bytes(bytes([first & 0x3F]) + extra, "big")
        need(value <= most, "bounds")
        return value


CHANNEL_MAX, MESSAGE_MAX, REASON_MAX = 65_535, 1 << 24, 64
LIMIT_MAX = {"idle_ms": 0xFFFFFFFF, "message_bytes": 0xFFFFFFFF, "channels": 0xFFFFFFFF}
LIMIT_NAMES = ("idle_ms", "message_bytes", "channels", "credit", "channel_credit")


def frame_limits(limits):
    return b"".join(varint(limits[name]) for name in LIMIT_NAMES)


def frame(name, **f):
    """Encode one frame; the fields are those that frames() gives back."""
    if name == "PADDING":
        return bytes(f.get("bytes", 1))
    if name == "PING":
        return b"\x01"
    if name == "ACK_INFO":
        out, bits = b"", 0
        for bit, key in ((1, "delay"), (2, "ce")):
            if key in f:
                bits, out = bits | bit, out + varint(f[key])
        for bit, key, form in ((4, "ranges", ">II"), (8, "recovered", ">I")):
            if key in f:
                rows = [row if isinstance(row, tuple) else (row,) for row in f[key]]
                bits |= bit
                out += varint(len(rows)) + b"".join(struct.pack(form, *row) for row in rows)
        return bytes([2, bits]) + out
    if name == "FLOOR":
        return b"\x03" + varint(f["number"])
    if name == "ACCEPT":
        return b"\x04" + f["id"] + f["reset_token"] + frame_limits(f)
    if name == "LIMITS":
        return b"\x05" + frame_limits(f)
    if name == "CREDIT":
        return b"\x06" + varint(f["bytes"])
    if name == "CREDIT_CHANNEL":
        return b"\x07" + varint(f["channel"]) + varint(f["bytes"])
    if name == "CLOSE":
        return b"\x0b" + varint(f["code"]) + bytes([len(f["reason"])]) + f["reason"]
    need(name == "DATA", "frame name")
    kind = 0x20 | f.get("order", 0)
    out = varint(f["channel"]) + varint(f["message"])
    if f.get("order", 0) == 2:
        out += varint(f["key"])
    if "total" in f:
        kind |= 4
        out += varint(f["offset"]) + varint(f["total"])
    if f.get("last"):
        kind |= 8
    else:
        out += varint(len(f["data"]))
    return bytes([kind]) + out + f["data"]


def read_ack_info(read):
    bits, out = read.number(1), {"frame": "ACK_INFO"}
    need(bits < 16, "ACK_INFO bits")
    for bit, key in ((1, "delay"), (2, "ce")):
        if bits & bit:
            out[key] = read.varint()
    if bits & 4:
        count = read.varint()
        need(count <= 248, "ACK_INFO ranges")
        out["ranges"] = list(struct.iter_unpack(">II", read.bytes(8 * count)))
    if bits & 8:
        count = read.varint()
        need(count <= 64, "ACK_INFO recovered")
        out["recovered"] = [row[0] for row in struct.iter_unpack(">I", read.bytes(4 * count))]
    return out


def read_data(kind, read):
    order = kind & 3
    need(order != 3, "DATA order")
    out = {"frame": "DATA", "order": order, "channel": read.varint(CHANNEL_MAX),
           "message": read.varint()}
    if order == 2:
        out["key"] = read.varint()
    if kind & 4:
        out["offset"], out["total"] = read.varint(MESSAGE_MAX), read.varint(MESSAGE_MAX)
    out["last"] = bool(kind & 8)
    out["data"] = read.bytes(read.left() if kind & 8 else read.varint())
    if kind & 4:
        need(out["data"] and out["offset"] + len(out["data"]) <= out["total"], "DATA fragment")
    return out


def read_frame(read):
    kind = read.number(1)
    if kind == 0:
        start = read.at - 1
        while read.left() and read.data[read.at] == 0:
            read.at += 1
        return {"frame": "PADDING", "bytes": read.at - start}
    if kind == 1:
        return {"frame": "PING"}
    if kind == 2:
        return read_ack_info(read)
    if kind == 3:
        return {"frame": "FLOOR", "number": read.varint()}
    if kind in (4, 5):
        out = {"frame": "ACCEPT" if kind == 4 else "LIMITS"}
        if kind == 4:
            out["id"], out["reset_token"] = read.bytes(16), read.bytes(16)
        for name in LIMIT_NAMES:
            out[name] = read.varint(LIMIT_MAX.get(name, (1 << 62) - 1))
        return out
    if kind == 6:
        return {"frame": "CREDIT", "bytes": read.varint()}
    if kind == 7:
        return {"frame": "CREDIT_CHANNEL", "channel": read.varint(CHANNEL_MAX),
                "bytes": read.varint()}
    if kind == 0x0B:
        out = {"frame": "CLOSE", "code": read.varint(), "reason": read.bytes(read.number(1))}
        need(len(out["reason"]) <= REASON_MAX, "bounds")
        return out
    if kind == 0x0C:
        out = {"frame": "FEC_SOURCE", "block": read.number(2), "index": read.number(1)}
        need(out["index"] <= 9, "bounds")
        return out
    if kind in (8, 9, 10):
        if kind == 8:
            return {"frame": "EXPIRED", "channel": read.varint(CHANNEL_MAX),
                    "message": read.varint(), "bytes": read.varint(MESSAGE_MAX)}
        return {"frame": ("PATH_CHALLENGE", "PATH_RESPONSE")[kind - 9], "data": read.bytes(8)}
    need(kind & 0xF0 == 0x20, "frame type")
    return read_data(kind, read)


def frames(payload):
    """All frames of a payload [Q-5.1], in order [Q-5.3]."""
    read, out = Reader(payload), []
    while read.left():
        out.append(read_frame(read))
    rank = [{"ACK_INFO": 0, "FLOOR": 1}.get(f["frame"], 2) for f in out]
    need(rank == sorted(rank) and rank.count(0) <= 1 and rank.count(1) <= 1, "frame order")
    return out


def frame_again(f):
    """Encode what frames() gave."""
    fields = {key: value for key, value in f.items() if key != "frame"}
    return frame(f["frame"], **fields)
