# SPDX-License-Identifier: BSD-3-Clause
"""Tests of the Python implementation alone: known answers, both roles against each other, refusals."""
import os
import unittest

import quantum_peer as q
from quantum_frames import Reader, Refused, frame, frame_again, frames, varint

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../golden")
NOW = 1_700_000_000_000
WHERE = ("127.0.0.1", 4001)
C, S = bytes(range(16)), bytes(range(16, 32))
LIMITS = dict(idle_ms=60_000, message_bytes=1 << 20, channels=16, credit=1 << 20,
              channel_credit=1 << 18)


def attempt(**changes):
    """A client with a fresh token and the node that takes it."""
    fields = dict(epoch=5, group=1, expiry_ms=NOW + 30_000, session_id=C, conn_id=C, tenant=C,
                  subject=C, psk=bytes(32), issued_ms=NOW)
    fields.update(changes)
    token = q.Token(**fields)
    key = b"k" * 32
    client = q.Client(C, token.seal(key, b"n" * 12), token.psk, b"r" * 16, b"c" * 32)
    return client, q.Server(q.Ring(1, 5, {4: key, 5: key, 6: key}), {9: b"cookie key 16 by"},
                            {9: b"s" * 32})


def connect():
    client, node = attempt()
    client.on_syn_ack(node.on_syn(client.syn(), *WHERE, NOW, 9))
    conn, payload = node.on_ack(client.ack(b"\x01"), *WHERE, NOW, S)
    client.on_packet(conn.seal(frame("ACCEPT", id=S, reset_token=bytes(16), **LIMITS)))
    conn.out_id = S
    return client, node, conn, payload


class KnownAnswers(unittest.TestCase):
    def test_siphash_gives_the_128_bit_vectors_of_its_reference(self):
        key = bytes(range(16))
        self.assertEqual(q.siphash128(key, b"").hex(), "a3817f04ba25a8e66df67214c7550293")
        self.assertEqual(q.siphash128(key, b"\0").hex(), "da87c1d86b99af44347659119b22fc45")

    def test_hkdf_gives_the_first_vector_of_rfc_5869(self):
        prk = q.hkdf_extract(bytes(range(13)), b"\x0b" * 22)
        self.assertEqual(q.hkdf_expand(prk, bytes(range(0xF0, 0xFA)), 42).hex(),
                         "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
                         "34007208d5b887185865")

    def test_varint_gives_the_vectors_of_rfc_9000(self):
        for value, form in ((151288809941952652, "c2197c5eff14e88c"), (494878333, "9d7f3e7d"),
                            (15293, "7bbd"), (37, "25")):
            self.assertEqual(varint(value).hex(), form)
            self.assertEqual(Reader(bytes.fromhex(form)).varint(), value)

    def test_x25519_refuses_every_point_of_small_order_with_a_zero_result(self):
        for point in (bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"):
            with self.assertRaises(Refused):
                q.x25519(b"c" * 32, point)

    def test_expand_takes_the_nearest_number(self):
        wrap = 1 << 32
        for low, highest, number in ((0, -1, 0), (wrap - 1, -1, wrap - 1), (5, wrap - 1, wrap + 5),
                                     (wrap - 5, wrap, wrap - 5), (0, 3 * wrap - 2, 3 * wrap),
                                     (wrap // 2, wrap - 1, wrap // 2)):
            self.assertEqual(q.expand(low, highest), number)

    def test_golden_frames_and_datagrams_of_the_wire_file_are_read_as_written(self):
        seen = 0
        with open(os.path.join(GOLDEN, "wire.txt"), encoding="utf-8") as lines:
            for line in lines:
                kind, _, rest = line.partition(" ")
                form, _, text = rest.strip().partition(" ")
                if kind not in ("frame", "frame-in", "datagram") or "FEC_REPAIR" in text:
                    continue
                seen += 1
                self.judge(kind, bytes.fromhex(form), text)
        self.assertGreater(seen, 60)

    def judge(self, kind, form, text):
        name = {"SYN_ACK": "SYN+ACK"}.get(text.split()[0], text.split()[0])
        try:
            if kind == "datagram":
                got = q.classify(form)[0]
                self.assertIn(name, (got, {"BUSY": "SYN+ACK", "VERSION": "VERSION_REPLY",
                                           "UNKNOWN-VERSION": "UNKNOWN_VERSION"}.get(got)))
                return
            got = frames(form)
            self.assertEqual([f["frame"] for f in got], [name], text)
            if kind == "frame" and name not in ("EXPIRED", "PATH_CHALLENGE", "PATH_RESPONSE",
                                                "FEC_SOURCE"):
                self.assertEqual(frame_again(got[0]), form, text)
        except Refused:
            self.assertIn(name, ("error", "BAD_LENGTH", "BAD_FLAGS", "NOT_QUANTUM"), text)


class Roles(unittest.TestCase):
    def test_two_ends_connect_and_talk(self):
        client, _, conn, payload = connect()
        self.assertEqual(payload, b"\x01")

        packet, into = conn.open(client.conn.seal(frame("DATA", channel=0, message=0, data=b"x")))

        self.assertEqual((packet.number, packet.header.ack, into[0]["data"]), (1, 1, b"x"))

    def test_acknowledgements_name_gaps_latest_first(self):
        got = q.Received()
        for number in (0, 1, 5, 6, 9, 3):
            got.add(number)
        self.assertEqual((got.ack(), got.sacks()), (2, [(3, 4), (9, 10), (5, 7)]))
        got.floor = 5
        self.assertEqual((got.ack(), got.sacks()), (7, [(9, 10)]))

    def test_a_repeated_ack_reaches_its_connection_and_another_does_not(self):
        client, node, conn, _ = connect()
        self.assertIs(node.on_ack(client.ack(b"\x01"), *WHERE, NOW, S)[0], conn)
        with self.assertRaisesRegex(Refused, "cookie"):
            node.on_ack(client.ack(b"\x01"), "127.0.0.2", 4001, NOW, S)

    def test_every_flipped_bit_is_refused(self):
        client, node, conn, _ = connect()
        datagram = client.conn.seal(b"\x01" * 3)
        for bit in range(8 * len(datagram)):
            bad = bytearray(datagram)
            bad[bit // 8] ^= 1 << bit % 8
            with self.assertRaises(Refused):
                conn.open(bytes(bad))
        conn.open(datagram)
        with self.assertRaisesRegex(Refused, "replay"):
            conn.open(datagram)

    def test_an_epoch_is_entered_only_after_an_acknowledgement_of_the_one_before(self):
        client, _, conn, _ = connect()
        client.conn.number = 2 << q.EPOCH_SHIFT
        with self.assertRaisesRegex(Refused, "epoch"):
            client.conn.seal(b"\x01")
        far = q.seal_packet(client.keys.c2s, S, 2 << q.EPOCH_SHIFT, 0, b"\x01")
        with self.assertRaisesRegex(Refused, "key epoch"):
            conn.open(far)

    def test_tokens_out_of_their_bounds_are_refused(self):
        for why, changes, late in (("expired", {}, 35_001), ("future", {}, -5_001),
                                   ("group", {"group": 2}, 0), ("epoch", {"epoch": 7}, 0),
                                   ("epoch", {"epoch": 3}, 0), ("another connection",
                                                                {"conn_id": S}, 0),
                                   ("life", {"expiry_ms": NOW + 120_001}, 0),
                                   ("address", {"family": 4, "prefix": 8,
                                                "address": b"\x0a" + bytes(15)}, 0)):
            client, node = attempt(**changes)
            with self.assertRaisesRegex(Refused, why):
                node.on_syn(client.syn(), *WHERE, NOW + late, 9)
        for late in (35_000, -5_000):
            client, node = attempt(family=4, prefix=8, address=b"\x7f" + bytes(15))
            node.on_syn(client.syn(), *WHERE, NOW + late, 9)
