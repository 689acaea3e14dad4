# SPDX-License-Identifier: BSD-3-Clause
"""The C implementation against the Python one: handshakes, packets and refusals, byte by byte.

INTEROP_PEER names the program, INTEROP_HANDSHAKES, INTEROP_PACKETS and INTEROP_SEED the extent.
"""
import contextlib
import os
import random
import unittest
import zlib

import quantum_peer as q
from c_peer import (Attempt, CPeer, c_against_server, client_against_c, expect,
                    same_again)
from quantum_frames import frame

HANDSHAKES = int(os.environ.get("INTEROP_HANDSHAKES", "50"))
PACKETS = int(os.environ.get("INTEROP_PACKETS", "500"))
SEED = int(os.environ.get("INTEROP_SEED", "1"))
# Where numbers begin: nothing, a key epoch's end, half and all of 32 bits, and far beyond.
FIRST = (0, (1 << 22) - 40, (1 << 31) - 40, (2 << 22) - 40, (1 << 32) - 40,
         (1 << 32) + (3 << 22) - 40)
NODE = ("192.0.2.1", 4000)


@contextlib.contextmanager
def saying(what):
    """Name the run in the exception that ends it."""
    try:
        yield
    except (AssertionError, q.Refused) as err:
        raise AssertionError("%s: %s" % (what, err)) from err


class Talk:
    """A confirmed connection, data both ways; every datagram of the C end is made here again."""

    def __init__(self, peer, attempt, rng, c_is_server):
        self.peer, self.rng = peer, rng
        if c_is_server:
            client_against_c(peer, attempt)
            self.conn, self.where = attempt.client.conn, attempt.where
        else:
            c_against_server(peer, attempt)
            self.conn, self.where = attempt.conn, NODE
        # What C holds: all from here but the numbers that were lost on purpose.
        self.c_got = q.Received(attempt.first)
        for number in range(attempt.first, self.conn.number):
            self.c_got.add(number)
        self.compared, self.epochs = 0, set()
        self.sent, self.heard = [], []            # messages from here to C
        self.c_sent, self.parts = {}, {}          # messages from C to here
        self.drain(lose=0)

    def feed(self, datagram):
        expect(self.peer.feed(datagram, self.where), ("ACCEPTED", b""))
        self.c_got.add(self.conn.number - 1)

    def judge_acks(self, packet):
        """[Q-5.5]: ack and blocks of C are what it was given."""
        expect(packet.header.ack, self.c_got.ack() & 0xFFFFFFFF)
        expect(packet.sacks, [(a & 0xFFFFFFFF, b & 0xFFFFFFFF) for a, b in self.c_got.sacks()])

    def take_in(self, datagram, lose):
        packet, into = same_again(self.conn.into, datagram, self.conn.got.highest)
        self.judge_acks(packet)
        self.compared += 1
        self.epochs.add(packet.number >> q.EPOCH_SHIFT)
        if self.rng.random() < lose:
            return
        self.conn.open(datagram)
        for f in into:
            if f["frame"] == "DATA":
                whole = self.parts.setdefault((f["channel"], f["message"]), {})
                whole[f.get("offset", 0)] = f["data"]

    def drain(self, lose):
        for datagram in self.peer.take_all():
            self.take_in(datagram, lose)
        while (event := self.peer.call("event")) != ["none"]:
            if event[0] == "MESSAGE" and event[1] == "3":
                self.heard.append(b"" if event[3] == "-" else bytes.fromhex(event[3]))

    def say(self):
        """One datagram from here: a message, or one that asks for no answer and may be lost."""
        if self.conn.number >> q.EPOCH_SHIFT > self.conn.acked_epoch + 1:
            return
        flags = self.rng.choice((0, 0, q.PSH, q.URG, q.ECE | q.PSH))
        if self.rng.random() < 0.8:
            data = self.rng.randbytes(self.rng.randrange(900))
            fields = dict(channel=3, message=len(self.sent), data=data)
            if data and self.rng.random() < 0.3:
                fields.update(offset=0, total=len(data))
            fields["last"] = self.rng.random() < 0.5
            self.feed(self.conn.seal(frame("DATA", **fields), flags))
            self.sent.append(data)
            return
        datagram = self.conn.seal(frame("PING") + frame("PADDING", bytes=self.rng.randrange(99)),
                                  flags)
        if self.rng.random() < 0.5:
            self.feed(datagram)

    def step(self):
        for _ in range(self.rng.randrange(1, 4)):
            data = self.rng.randbytes(self.rng.randrange(1, 3000))
            channel = self.rng.randrange(4)
            if self.peer.call("send", channel, data) == ["ok"]:
                self.c_sent.setdefault(channel, []).append(data)
        for _ in range(self.rng.randrange(1, 4)):
            self.say()
        self.peer.wait(self.rng.randrange(1, 20))
        self.peer.call("tick")
        self.drain(lose=0.05)

    def finish(self):
        """Until everything that C sent is here; then both sides hold what the other said."""
        for _ in range(400):
            if all(self.got(channel) >= len(sent) for channel, sent in self.c_sent.items()):
                break
            self.feed(self.conn.seal(frame("PING"), q.PSH))
            self.peer.wait(40)
            self.peer.call("tick")
            self.drain(lose=0)
        for channel, sent in self.c_sent.items():
            start = self.start(channel)
            for n, data in enumerate(sent):
                parts = self.parts.get((channel, n + start), {})
                expect(b"".join(parts[at] for at in sorted(parts)), data)
        expect(self.heard, self.sent)

    def start(self, channel):
        """Channel 2 may have carried a message in the handshake."""
        return 1 if channel == 2 and (2, 0) not in self.parts else 0

    def got(self, channel):
        start = self.start(channel)
        return sum(1 for n, data in enumerate(self.c_sent[channel])
                   if sum(map(len, self.parts.get((channel, n + start), {}).values()))
                   == len(data))


class WithPeer(unittest.TestCase):
    def setUp(self):
        self.peer = CPeer(os.environ["INTEROP_PEER"])

    def tearDown(self):
        expect(self.peer.close(), 0)

    def attempt(self, name, **changes):
        """An attempt whose randomness comes from its name and INTEROP_SEED."""
        seed = zlib.crc32(("%d %s" % (SEED, name)).encode())
        return Attempt(seed, self.peer.now_ms(), **changes)


class Handshakes(WithPeer):
    def test_every_datagram_of_a_handshake_is_the_same_in_both(self):
        compared = 0
        for n in range(HANDSHAKES):
            run = client_against_c if n % 2 else c_against_server
            with saying("seed %d, handshake %d, %s" % (SEED, n, run.__name__)):
                compared += run(self.peer, self.attempt(n))
        print("figure: interop handshakes=%d datagrams=%d" % (HANDSHAKES, compared))


class Packets(WithPeer):
    def test_every_packet_is_the_same_in_both_over_key_epochs_and_32_bits(self):
        compared, epochs, nr = 0, set(), 0
        share = max(60, PACKETS // (2 * len(FIRST)) + 1)
        while compared < PACKETS or nr < 2 * len(FIRST):
            first = FIRST[nr // 2 % len(FIRST)]
            with saying("seed %d, talk %d from %d" % (SEED, nr, first)):
                talk = Talk(self.peer, self.attempt("talk %d" % nr, first=first),
                            random.Random(SEED << 32 | nr), c_is_server=nr % 2 == 0)
                while talk.compared < share:
                    talk.step()
                talk.finish()
                compared += talk.compared
                epochs |= talk.epochs
            nr += 1
        self.assertLessEqual({0, 1, 511, 512, 2, 1023, 1024, 1026, 1027}, epochs)
        print("figure: interop packets=%d talks=%d epochs=%d" % (compared, nr, len(epochs)))
