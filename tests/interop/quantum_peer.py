# SPDX-License-Identifier: BSD-3-Clause
"""Quantum version 1 in Python: tokens, handshake, key schedule, packet protection, some frames.

Written from docs/spec/quantum.md alone, to find out whether the text is enough and whether the C
implementation obeys it. No socket, no clock and no randomness inside: keys, nonces and times are
arguments, so everything here is a function of its inputs. Numbers are int, all else is bytes.

Layers: Header, Token and Ring, the datagrams of the handshake, Direction (key schedule),
seal_packet and open_packet, Connection, and the roles Client and Server.
"""
import functools
import hmac as _hmac
import hashlib
import ipaddress
import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import (X25519PrivateKey,
                                                              X25519PublicKey)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from quantum_frames import Reader, Refused, frames, need

MAGIC = 0x51554E54
VERSION = 1
SYN, ACK, FIN, RST, FEC, PSH, URG, ECE = (1 << n for n in range(8))
HEADER, TAG, SACK, TOKEN, CLEAR = 32, 16, 8, 188, 272
SYN_BYTES, SYN_ACK_BYTES, BUSY_BYTES, RST_BYTES, DATAGRAM_MAX = 512, 116, 72, 48, 8972
LABEL_SYN_ACK, LABEL_ACK, LABEL_BUSY = b"\x01", b"\x02", b"\x03"
EPOCH_SHIFT = 22
LIFE_MS, SKEW_MS = 120_000, 5_000


def same(a, b):
    """Compare secrets in constant time [Q-10.2]."""
    return _hmac.compare_digest(a, b)


# ---- chapter 2: header, classes, lengths -------------------------------------------------------

class Header(NamedTuple):
    flags: int
    guuid: bytes
    sequence: int = 0
    ack: int = 0
    length: int = 0
    version: int = VERSION

    def pack(self):
        return struct.pack(">IBB16sIIH", MAGIC, self.version, self.flags, self.guuid,
                           self.sequence & 0xFFFFFFFF, self.ack & 0xFFFFFFFF, self.length)


def classify(datagram):
    """Class and header of a datagram [Q-2.1] [Q-2.4] [Q-2.8]; nothing behind the header is read."""
    need(HEADER <= len(datagram) <= DATAGRAM_MAX, "length")
    magic, version, flags, guuid, sequence, ack, length = struct.unpack(">IBB16sIIH",
                                                                        datagram[:HEADER])
    need(magic == MAGIC, "magic")
    header = Header(flags, guuid, sequence, ack, length, version)
    size = len(datagram)
    if version == 0:
        need(flags == 0 and length >= 1 and size == HEADER + length, "version reply")
        return "VERSION", header
    if version != VERSION:
        return "UNKNOWN-VERSION", header
    if flags & (SYN | ACK | RST) == 0:
        left = size - HEADER - length - TAG
        need(length >= 1 and 0 <= left <= 8 * SACK and left % SACK == 0, "length")
        return "PROTECTED", header
    if flags & (SYN | RST):
        need(sequence == 0 and ack == 0, "zero")
    if flags == SYN:
        need(size == SYN_BYTES and length == SYN_BYTES - HEADER, "length")
        return "SYN", header
    if flags == SYN | ACK:
        need(size in (SYN_ACK_BYTES, BUSY_BYTES) and length == size - HEADER, "length")
        return "SYN+ACK" if size == SYN_ACK_BYTES else "BUSY", header
    if flags == ACK:
        need(length >= CLEAR and size == HEADER + length + TAG, "length")
        return "ACK", header
    need(flags == RST, "flags")
    need(size == RST_BYTES and length == RST_BYTES - HEADER, "length")
    return "RST", header


def expand(low, highest):
    """The number whose low 32 bits are given, nearest to @highest + 1 [Q-3.1]; -1: none before."""
    expected = highest + 1
    best = (expected & ~0xFFFFFFFF) | low
    near = (best - (1 << 32), best, best + (1 << 32))
    return min((n for n in near if 0 <= n < 1 << 62), key=lambda n: (abs(n - expected), n))


# ---- primitives of chapter 10 ------------------------------------------------------------------

def hmac_sha256(key, data):
    return _hmac.new(key, data, hashlib.sha256).digest()


def hkdf_extract(salt, ikm):
    return hmac_sha256(salt, ikm)


def hkdf_expand(prk, info, size):
    """RFC 5869 section 2.3."""
    out = block = b""
    count = 1
    while len(out) < size:
        block = hmac_sha256(prk, block + info + bytes([count]))
        out += block
        count += 1
    return out[:size]


@functools.lru_cache(maxsize=64)
def x25519_public(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def x25519(private, public):
    """The shared value; a value of all zeros is refused [Q-10.2]."""
    try:
        shared = X25519PrivateKey.from_private_bytes(private).exchange(
            X25519PublicKey.from_public_bytes(public))
    except ValueError as err:
        raise Refused("public key") from err
    need(shared != bytes(32), "public key")
    return shared


def siphash128(key, data):
    """SipHash-2-4 with 128 bits of output (Aumasson and Bernstein; output as the reference's)."""
    mask = 0xFFFFFFFFFFFFFFFF
    k0, k1 = struct.unpack("<QQ", key)
    v0, v1 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D ^ 0xEE
    v2, v3 = k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573

    def rounds(count):
        nonlocal v0, v1, v2, v3
        for _ in range(count):
            v0 = (v0 + v1) & mask
            v1 = ((v1 << 13 | v1 >> 51) & mask) ^ v0
            v0 = (v0 << 32 | v0 >> 32) & mask
            v2 = (v2 + v3) & mask
            v3 = ((v3 << 16 | v3 >> 48) & mask) ^ v2
            v0 = (v0 + v3) & mask
            v3 = ((v3 << 21 | v3 >> 43) & mask) ^ v0
            v2 = (v2 + v1) & mask
            v1 = ((v1 << 17 | v1 >> 47) & mask) ^ v2
            v2 = (v2 << 32 | v2 >> 32) & mask

    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for (word,) in struct.iter_unpack("<Q", padded):
        v3 ^= word
        rounds(2)
        v0 ^= word
    v2 ^= 0xEE
    rounds(4)
    low = v0 ^ v1 ^ v2 ^ v3
    v1 ^= 0xDD
    rounds(4)
    return struct.pack("<QQ", low, v0 ^ v1 ^ v2 ^ v3)


def gcm_seal(key, nonce, aad, text):
    return AESGCM(key).encrypt(nonce, text, aad)


def gcm_open(key, nonce, aad, sealed):
    try:
        return AESGCM(key).decrypt(nonce, sealed, aad)
    except InvalidTag as err:
        raise Refused("tag") from err


# ---- connect tokens [Q-10.3] [Q-10.4] ----------------------------------------------------------

TOKEN_BODY = struct.Struct(">16s16s16s16s32sQQIIIHBB16s")


@dataclass
class Token:
    epoch: int
    group: int
    expiry_ms: int
    session_id: bytes
    conn_id: bytes
    tenant: bytes
    subject: bytes
    psk: bytes
    issued_ms: int
    session_epoch: int = 0
    capabilities: int = 0
    limit_kbps: int = 0
    limit_pps: int = 0
    limit_documents: int = 0
    family: int = 0
    prefix: int = 0
    address: bytes = bytes(16)

    def clear(self):
        return struct.pack(">4sHHQ", b"QTK1", self.epoch, self.group, self.expiry_ms)

    def body(self):
        return TOKEN_BODY.pack(self.session_id, self.conn_id, self.tenant, self.subject, self.psk,
                               self.issued_ms, self.session_epoch, self.capabilities,
                               self.limit_kbps, self.limit_pps, self.limit_documents,
                               self.family, self.prefix, self.address)

    def seal(self, key, nonce):
        return self.clear() + nonce + gcm_seal(key, nonce, self.clear(), self.body())


def token_epoch(token):
    """Group and epoch from the clear part."""
    need(len(token) == TOKEN and token[:4] == b"QTK1", "token form")
    return struct.unpack(">HH", token[4:8])[::-1]


def token_open(token, key):
    """Verify and decode, without judging times or places."""
    group, epoch = token_epoch(token)
    body = gcm_open(key, token[16:28], token[:16], token[28:])
    return Token(epoch, group, int.from_bytes(token[8:16], "big"), *TOKEN_BODY.unpack(body))


def address_fits(token, ip):
    """The address hint: an IPv4 hint stands in the first 4 bytes."""
    if token.family == 0:
        return True
    source = ipaddress.ip_address(ip)
    bits = {4: 32, 6: 128}.get(token.family, 0)
    if source.version != token.family or token.prefix > bits:
        return False
    hint = int.from_bytes(token.address[:bits // 8], "big")
    return hint >> (bits - token.prefix) == int(source) >> (bits - token.prefix)


@dataclass
class Ring:
    """Token keys of a node."""
    group: int
    current: int
    keys: dict
    revoked: set = field(default_factory=set)

    def open(self, token, conn_id, ip, now_ms):
        group, epoch = token_epoch(token)
        need(group == self.group, "token group")
        need((epoch - self.current + 1) & 0xFFFF <= 2, "token epoch")
        need(epoch not in self.revoked and epoch in self.keys, "token epoch")
        opened = token_open(token, self.keys[epoch])
        need(0 <= opened.expiry_ms - opened.issued_ms <= LIFE_MS, "token life")
        need(now_ms <= opened.expiry_ms + SKEW_MS, "token expired")
        need(opened.issued_ms <= now_ms + SKEW_MS, "token of the future")
        need(opened.conn_id == conn_id, "token of another connection")
        need(address_fits(opened, ip), "token of another address")
        return opened


# ---- chapter 4: the datagrams of the handshake -------------------------------------------------

def mac(psk, label, conn_id, payload):
    return hmac_sha256(psk, label + conn_id + payload)[:16]


def syn(conn_id, random, token):
    payload = random + token
    payload += bytes(SYN_BYTES - HEADER - len(payload))
    return Header(SYN, conn_id, length=len(payload)).pack() + payload


def read_syn(datagram):
    """[Q-4.1]: header, client random, token."""
    kind, header = classify(datagram)
    need(kind == "SYN", "SYN")
    read = Reader(datagram[HEADER:])
    random, token = read.bytes(16), read.bytes(TOKEN)
    need(not any(read.bytes(read.left())), "SYN padding")
    return header, random, token


def cookie(key, epoch, ip, port, conn_id, random):
    """[Q-4.2]"""
    address = ipaddress.ip_address(ip)
    packed = address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed
    return siphash128(key, packed + struct.pack(">HH", port, 0) + conn_id + random
                      + bytes([epoch]))


@dataclass
class Offer:
    """What a SYN+ACK carries for the client to send back."""
    cookie: bytes
    cookie_epoch: int
    dh_epoch: int
    public: bytes

    def pack(self):
        return self.cookie + bytes([self.cookie_epoch, self.dh_epoch, 0, 0]) + self.public


def syn_ack(conn_id, psk, random, offer):
    payload = random + offer.pack()
    payload += mac(psk, LABEL_SYN_ACK, conn_id, payload)
    return Header(SYN | ACK, conn_id, length=len(payload)).pack() + payload


def read_syn_ack(datagram, conn_id, psk, random):
    """[Q-4.4]: the offer of a SYN+ACK that belongs to this attempt."""
    kind, header = classify(datagram)
    need(kind == "SYN+ACK" and header.guuid == conn_id, "SYN+ACK")
    payload = datagram[HEADER:]
    need(same(payload[:16], random), "client random")
    need(same(payload[68:], mac(psk, LABEL_SYN_ACK, conn_id, payload[:68])), "MAC")
    read = Reader(payload[16:68])
    offer = Offer(read.bytes(16), read.number(1), read.number(1), b"")
    need(read.number(2) == 0, "zero")
    offer.public = read.bytes(32)
    return offer


def ack_clear(conn_id, psk, random, token, offer, public):
    """[Q-4.3]: the 272 bytes between header and frames."""
    payload = random + token + offer.pack()[:20] + public
    return payload + mac(psk, LABEL_ACK, conn_id, payload)


def seal_ack(direction, conn_id, clear, number, frames=b""):
    header = Header(ACK, conn_id, number, 0, CLEAR + len(frames)).pack()
    return header + clear + direction.seal(number, header + clear, frames)


@dataclass
class AckClear:
    random: bytes
    token: bytes
    offer: Offer
    public: bytes
    mac: bytes
    signed: bytes


def read_ack(datagram):
    """[Q-4.3]: header, and the clear part, nothing verified."""
    kind, header = classify(datagram)
    need(kind == "ACK", "ACK")
    read = Reader(datagram[HEADER:HEADER + CLEAR])
    random, token = read.bytes(16), read.bytes(TOKEN)
    offer = Offer(read.bytes(16), read.number(1), read.number(1), b"")
    need(read.number(2) == 0, "zero")
    public = read.bytes(32)
    signed = read.data[:read.at]
    return header, AckClear(random, token, offer, public, read.bytes(16), signed)


def open_ack(direction, datagram, first=0):
    """Number and frames; only tests begin at another number than 0."""
    _, header = classify(datagram)
    number = expand(header.sequence, first - 1)
    need(number >> EPOCH_SHIFT == first >> EPOCH_SHIFT, "key epoch")
    split = HEADER + CLEAR
    return number, direction.open(number, datagram[:split], datagram[split:])


def busy(conn_id, psk, random, reason, retry_ms):
    """[Q-4.6]"""
    payload = random + struct.pack(">B3xI", reason, retry_ms)
    payload += mac(psk, LABEL_BUSY, conn_id, payload)
    return Header(SYN | ACK, conn_id, length=len(payload)).pack() + payload


def read_busy(datagram, conn_id, psk, random):
    kind, header = classify(datagram)
    need(kind == "BUSY" and header.guuid == conn_id, "BUSY")
    payload = datagram[HEADER:]
    need(same(payload[:16], random), "client random")
    need(same(payload[24:], mac(psk, LABEL_BUSY, conn_id, payload[:24])), "MAC")
    need(payload[17:20] == bytes(3), "zero")
    return payload[16], int.from_bytes(payload[20:24], "big")


def rst(guuid, reset_token):
    """[Q-4.5]"""
    return Header(RST, guuid, length=16).pack() + reset_token


def version_reply(trigger):
    """[Q-2.6]; None when the datagram gets none."""
    kind, header = classify(trigger)
    if kind != "UNKNOWN-VERSION" or len(trigger) < 512:
        return None
    return Header(0, header.guuid, length=1, version=0).pack() + bytes([VERSION])


# ---- the key schedule and packet protection [Q-10.1] -----------------------------------

class Direction:
    """Secrets of one direction, epoch after epoch."""

    def __init__(self, secret):
        self.secrets = [secret]
        self.keys = {}

    def secret(self, epoch):
        while len(self.secrets) <= epoch:
            self.secrets.append(hkdf_expand(self.secrets[-1], b"qts1 ku", 32))
        return self.secrets[epoch]

    def key_iv(self, epoch):
        if epoch not in self.keys:
            both = hkdf_expand(self.secret(epoch), b"qts1 key", 44)
            self.keys[epoch] = both[:32], both[32:]
        return self.keys[epoch]

    def nonce(self, number):
        iv = self.key_iv(number >> EPOCH_SHIFT)[1]
        return bytes(a ^ b for a, b in zip(iv, bytes(4) + number.to_bytes(8, "big")))

    def seal(self, number, aad, text):
        return gcm_seal(self.key_iv(number >> EPOCH_SHIFT)[0], self.nonce(number), aad, text)

    def open(self, number, aad, sealed):
        return gcm_open(self.key_iv(number >> EPOCH_SHIFT)[0], self.nonce(number), aad, sealed)


class Schedule(NamedTuple):
    salt: bytes
    shared: bytes
    prk: bytes
    c2s: Direction
    s2c: Direction


def schedule(psk, token, random, offer, client_public, own_private, peer_public):
    """Everything that follows from a transcript; either role."""
    salt = hashlib.sha256(b"qts1" + token + random + offer.cookie
                          + bytes([offer.cookie_epoch, offer.dh_epoch])
                          + offer.public + client_public).digest()
    shared = x25519(own_private, peer_public)
    prk = hkdf_extract(salt, psk + shared)
    return Schedule(salt, shared, prk, Direction(hkdf_expand(prk, b"c2s", 32)),
                    Direction(hkdf_expand(prk, b"s2c", 32)))


def seal_packet(direction, guuid, number, ack, payload, flags=0, sacks=()):
    """A protected datagram [Q-2.5]; @sacks are (first, end)."""
    need(len(payload) >= 1 and len(sacks) <= 8, "packet form")
    clear = Header(flags, guuid, number, ack, len(payload)).pack()
    clear += b"".join(struct.pack(">II", a & 0xFFFFFFFF, b & 0xFFFFFFFF) for a, b in sacks)
    return clear + direction.seal(number, clear, payload)


class Packet(NamedTuple):
    header: Header
    number: int
    sacks: list
    payload: bytes


def open_packet(direction, datagram, highest):
    """Open by the highest number authenticated before (-1: none); no replay check."""
    kind, header = classify(datagram)
    need(kind == "PROTECTED", "class")
    split = len(datagram) - TAG - header.length
    number = expand(header.sequence, highest)
    epoch = max(highest, 0) >> EPOCH_SHIFT
    need(epoch - 1 <= number >> EPOCH_SHIFT <= epoch + 1, "key epoch")
    payload = direction.open(number, datagram[:split], datagram[split:])
    return Packet(header, number, list(struct.iter_unpack(">II", datagram[HEADER:split])), payload)


# ---- a connection ------------------------------------------------------------------------------

class Received:
    """What has arrived: replay windows per epoch [Q-3.7], ack and SACK blocks [Q-5.5]."""
    WINDOW = 2048

    def __init__(self, first=0):
        self.highest, self.floor, self.numbers, self.latest = first - 1, first, set(), -1
        self.top = {}

    def fresh(self, number):
        top = self.top.get(number >> EPOCH_SHIFT, -1)
        return number not in self.numbers and number > top - self.WINDOW

    def add(self, number):
        epoch = number >> EPOCH_SHIFT
        self.numbers.add(number)
        self.latest = number
        self.highest = max(self.highest, number)
        self.top[epoch] = max(self.top.get(epoch, -1), number)

    def ack(self):
        number = self.floor
        while number in self.numbers:
            number += 1
        return number

    def sacks(self, most=8):
        """Ranges above ack: the one with the latest arrival, then highest first."""
        ranges = []
        for number in sorted(n for n in self.numbers if n > self.ack()):
            if ranges and ranges[-1][1] == number:
                ranges[-1] = ranges[-1][0], number + 1
            else:
                ranges.append((number, number + 1))
        ranges.reverse()
        ranges.sort(key=lambda r: not r[0] <= self.latest < r[1])
        return ranges[:most]


class Connection:
    """Both directions after the key schedule; frames in and out, no timers, no retransmission.

    Both count from @first: 0 but in tests of far numbers.
    """

    def __init__(self, out, into, out_id, first=0):
        self.out, self.into, self.out_id, self.first = out, into, out_id, first
        self.number, self.got = first, Received(first)
        self.in_ids, self.acked_epoch = set(), (first >> EPOCH_SHIFT) - 1

    def seal(self, payload, flags=0):
        epoch = self.number >> EPOCH_SHIFT
        need(epoch <= self.acked_epoch + 1, "epoch before an acknowledgement")
        datagram = seal_packet(self.out, self.out_id, self.number, self.got.ack(), payload, flags,
                               self.got.sacks())
        self.number += 1
        return datagram

    def open(self, datagram):
        """The packet and its frames; state changes only when the tag verified [Q-3.8]."""
        kind, header = classify(datagram)
        need(kind == "PROTECTED" and header.guuid in self.in_ids, "id")
        need(self.got.fresh(expand(header.sequence, self.got.highest)), "replay")
        packet = open_packet(self.into, datagram, self.got.highest)
        self.accept(packet.number)
        into = frames(packet.payload)
        for f in into:
            if f["frame"] == "FLOOR":
                self.got.floor = max(self.got.floor, f["number"])
        ack = expand(header.ack, self.number - 1)
        ends = [expand(end, self.number - 1) for _, end in packet.sacks]
        need(max([ack] + ends) <= self.number, "ack of a number never sent")
        if max([ack] + ends) > self.first:
            self.acked_epoch = max(self.acked_epoch, max([ack] + ends) - 1 >> EPOCH_SHIFT)
        return packet, into

    def accept(self, number):
        need(self.got.fresh(number), "replay")
        self.got.add(number)


class Client:
    """One attempt: syn(), on_syn_ack(), ack(), on_packet(); then conn."""

    def __init__(self, conn_id, token, psk, random, private, first=0):
        self.first = first
        self.conn_id, self.token, self.psk, self.random = conn_id, token, psk, random
        self.private, self.public = private, x25519_public(private)
        self.offer = self.keys = self.conn = self.clear = self.accept = None

    def syn(self):
        return syn(self.conn_id, self.random, self.token)

    def on_syn_ack(self, datagram):
        need(self.offer is None, "second SYN+ACK")
        offer = read_syn_ack(datagram, self.conn_id, self.psk, self.random)
        self.keys = schedule(self.psk, self.token, self.random, offer, self.public, self.private,
                             offer.public)
        self.offer = offer
        self.clear = ack_clear(self.conn_id, self.psk, self.random, self.token, offer, self.public)
        self.conn = Connection(self.keys.c2s, self.keys.s2c, None, self.first)
        self.conn.in_ids.add(self.conn_id)

    def ack(self, payload=b""):
        number = self.conn.number
        self.conn.number += 1
        return seal_ack(self.keys.c2s, self.conn_id, self.clear, number, payload)

    def on_busy(self, datagram):
        need(self.offer is not None and self.accept is None, "BUSY out of time")
        return read_busy(datagram, self.conn_id, self.psk, self.random)

    def on_packet(self, datagram):
        packet, into = self.conn.open(datagram)
        for f in into:
            if f["frame"] == "ACCEPT" and self.accept is None:
                self.accept = f
                self.conn.out_id = f["id"]
                self.conn.in_ids.add(f["id"])
        need(self.accept is not None, "before ACCEPT")
        return packet, into

    def on_rst(self, datagram):
        kind, header = classify(datagram)
        need(kind == "RST" and self.accept and header.guuid == self.accept["id"], "RST")
        need(same(datagram[HEADER:], self.accept["reset_token"]), "reset token")


class Server:
    """A node: on_syn() keeps nothing, on_ack() makes a connection."""

    def __init__(self, ring, cookie_keys, privates, first=0):
        self.first = first
        self.ring, self.cookie_keys, self.privates = ring, cookie_keys, privates
        self.used = {}

    def offer(self, conn_id, random, ip, port, epoch):
        return Offer(cookie(self.cookie_keys[epoch], epoch, ip, port, conn_id, random), epoch,
                     epoch, x25519_public(self.privates[epoch]))

    def on_syn(self, datagram, ip, port, now_ms, epoch):
        header, random, token = read_syn(datagram)
        opened = self.ring.open(token, header.guuid, ip, now_ms)
        return syn_ack(header.guuid, opened.psk, random,
                       self.offer(header.guuid, random, ip, port, epoch))

    def check_ack(self, datagram, ip, port, now_ms):
        """[Q-4.3] up to the MAC: header, clear part with the offer completed, token."""
        header, clear = read_ack(datagram)
        got = clear.offer
        need(got.cookie_epoch in self.cookie_keys and got.dh_epoch in self.privates, "epoch")
        own = cookie(self.cookie_keys[got.cookie_epoch], got.cookie_epoch, ip, port, header.guuid,
                     clear.random)
        need(same(own, got.cookie), "cookie")
        got.public = x25519_public(self.privates[got.dh_epoch])
        opened = self.ring.open(clear.token, header.guuid, ip, now_ms)
        need(same(clear.mac, mac(opened.psk, LABEL_ACK, header.guuid, clear.signed)), "MAC")
        return header, clear, opened

    def on_ack(self, datagram, ip, port, now_ms, own_id):
        """A connection under @own_id and the frames of the ACK; a repeated ACK reaches the same."""
        header, clear, opened = self.check_ack(datagram, ip, port, now_ms)
        nonce = clear.token[16:28]
        who = (clear.signed, ip, port)
        if nonce in self.used:
            need(self.used[nonce][0] == who, "token used")
            conn = self.used[nonce][1]
            number, payload = open_ack(conn.into, datagram, self.first)
            conn.accept(number)
            return conn, payload
        keys = schedule(opened.psk, clear.token, clear.random, clear.offer, clear.public,
                        self.privates[clear.offer.dh_epoch], clear.public)
        number, payload = open_ack(keys.c2s, datagram, self.first)
        conn = Connection(keys.s2c, keys.c2s, header.guuid, self.first)
        conn.in_ids.add(own_id)
        conn.accept(number)
        self.used[nonce] = who, conn
        return conn, payload
