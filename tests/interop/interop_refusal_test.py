# SPDX-License-Identifier: BSD-3-Clause
"""What both implementations must refuse: flipped bits, wrong labels, zero keys, wrong epochs."""
import ipaddress
import os
import random

import quantum_peer as q
from c_peer import (EPOCH, LIMITS, c_against_server, client_against_c, expect)
from interop_test import NODE, SEED, WithPeer
from quantum_frames import Refused, frame

FLIP_STEP = int(os.environ.get("INTEROP_FLIP_STEP", "7"))


def flips(datagram):
    """(bit, datagram with it flipped): every INTEROP_FLIP_STEP-th."""
    out = []
    for bit in range(SEED % FLIP_STEP, 8 * len(datagram), FLIP_STEP):
        bad = bytearray(datagram)
        bad[bit // 8] ^= 1 << bit % 8
        out.append((bit, bytes(bad)))
    return out


def node_reply(attempt, datagram, now_ms):
    """What a node answers to a stranger's SYN or version, b"" for nothing."""
    try:
        return q.version_reply(datagram) or attempt.node.on_syn(datagram, *attempt.where, now_ms,
                                                                 0)
    except Refused:
        return b""


class Flips(WithPeer):
    def long_life(self):
        now_ms = self.peer.now_ms()
        return dict(issued_ms=now_ms, expiry_ms=now_ms + 120_000)

    def refused_by_both(self, datagram, where, take):
        """@take is the Python end; returns what C answered."""
        pairs = flips(datagram)
        answers = self.peer.feed_all([bad for _, bad in pairs], where)
        for (bit, bad), (verdict, reply) in zip(pairs, answers):
            self.assertEqual((verdict == "ACCEPTED", reply), (False, b""), "bit %d" % bit)
            with self.assertRaises(Refused, msg="bit %d" % bit):
                take(bad)

    def test_a_syn_with_a_flipped_bit_gets_the_same_answer_or_none_from_both(self):
        attempt = self.attempt("syn", **self.long_life())
        attempt.serve(self.peer)
        pairs = flips(attempt.client.syn())
        answers, now_ms = [], self.peer.now_ms()
        # Those with another client random are answered, ten a second.
        for begin, end, rate in ((0, 256, None), (256, 384, 10), (384, 4096, None)):
            answers += self.peer.feed_all([bad for bit, bad in pairs if begin <= bit < end],
                                          attempt.where, rate)
        for (bit, bad), (_, reply) in zip(pairs, answers):
            self.assertEqual(reply, node_reply(attempt, bad, now_ms), "bit %d" % bit)
        if FLIP_STEP == 1:  # 7 bits of the version, 128 of the client random; nothing else
            self.assertEqual(sum(1 for _, reply in answers if reply), 7 + 128)

    def test_a_handshake_ack_with_a_flipped_bit_is_refused_by_both(self):
        attempt = self.attempt("ack", **self.long_life())
        attempt.serve(self.peer)
        where, now_ms = attempt.where, self.peer.now_ms()
        attempt.client.on_syn_ack(self.peer.feed(attempt.client.syn(), where)[1])
        ack = attempt.client.ack(frame("LIMITS", **LIMITS))
        pairs = flips(ack)
        answers = self.peer.feed_all([bad for _, bad in pairs], where, rate=100)
        for (bit, bad), (verdict, _) in zip(pairs, answers):
            self.assertNotEqual(verdict, "ACCEPTED", "bit %d" % bit)
            with self.assertRaises(Refused, msg="bit %d" % bit):
                attempt.node.on_ack(bad, *where, now_ms, bytes(16))
        self.assertEqual(self.peer.take_all(), [])  # not even silence to a new connection
        self.assertEqual(self.peer.feed(ack, where)[0], "ACCEPTED")
        self.assertEqual(self.peer.call("event"), ["CONNECTED"])

    def test_a_syn_ack_or_first_packet_with_a_flipped_bit_is_refused_by_both(self):
        attempt = self.attempt("syn-ack")
        attempt.dial(self.peer)
        client = attempt.client
        reply = attempt.node.on_syn(self.peer.take(), *attempt.where, self.peer.now_ms(), 0)
        self.refused_by_both(reply, NODE, client.on_syn_ack)
        self.assertEqual(self.peer.feed(reply)[0], "ACCEPTED")
        client.on_syn_ack(reply)

        client.ack()
        conn, _ = attempt.node.on_ack(self.peer.take(), *attempt.where, self.peer.now_ms(),
                                      bytes(16))
        first = conn.seal(frame("ACCEPT", id=bytes(16), reset_token=bytes(16), **LIMITS))
        self.refused_by_both(first, NODE, client.on_packet)
        self.assertEqual(self.peer.feed(first)[0], "ACCEPTED")
        client.on_packet(first)

    def test_a_packet_with_a_flipped_bit_is_refused_by_both(self):
        attempt = self.attempt("packet")
        client_against_c(self.peer, attempt)
        conn = attempt.client.conn
        for number in (conn.number + 2, conn.number + 5):
            packet = q.seal_packet(conn.out, conn.out_id, number, 1, frame("PING"), q.PSH,
                                   [(2, 3), (5, 7)][:number % 3])
            pairs = flips(packet)
            answers = self.peer.feed_all([bad for _, bad in pairs], attempt.where)
            for (bit, bad), (verdict, _) in zip(pairs, answers):
                self.assertNotEqual(verdict, "ACCEPTED", "bit %d" % bit)
                with self.assertRaises(Refused, msg="bit %d" % bit):
                    q.open_packet(conn.out, bad, conn.number - 1)

    def test_a_reset_with_a_flipped_bit_is_refused_and_a_right_one_ends_the_connection(self):
        attempt = self.attempt("rst")
        c_against_server(self.peer, attempt)
        reset = q.rst(attempt.conn.out_id, attempt.reset_token)
        # An end that has one connection does not look at the id.
        pairs = [(bit, bad) for bit, bad in flips(reset) if not 8 * 6 <= bit < 8 * 22]
        for (bit, _), (verdict, _) in zip(pairs, self.peer.feed_all([bad for _, bad in pairs])):
            self.assertNotEqual(verdict, "ACCEPTED", "bit %d" % bit)
        self.peer.feed(reset)
        self.assertEqual(self.peer.call("event")[0], "CLOSED")


class Answers(WithPeer):
    def test_an_unknown_id_gets_the_reset_and_an_unknown_version_the_reply_of_the_text(self):
        attempt = self.attempt("stray")
        attempt.serve(self.peer)
        stray = q.Header(q.PSH, attempt.token.conn_id, 1, 2, 1).pack() + bytes(17)
        token = q.hmac_sha256(attempt.reset_key, attempt.token.conn_id)[:16]
        self.assertEqual(self.peer.feed(stray), ("REPLIED_RESET",
                                                 q.rst(attempt.token.conn_id, token)))
        for size, want in ((512, True), (511, False), (8972, True)):
            future = q.Header(0xFF, attempt.token.conn_id, 1, 2, 3, 77).pack()
            future += bytes(size - len(future))
            self.assertEqual(self.peer.feed(future)[1], q.version_reply(future) or b"")
            self.assertEqual(q.version_reply(future) is not None, want)

    def test_busy_of_a_full_node_is_believed_and_busy_of_python_ends_an_attempt_of_c(self):
        attempt = self.attempt("busy")
        attempt.serve(self.peer)
        for n in range(10):
            other = self.attempt("busy %d" % n)
            other.client.on_syn_ack(self.peer.feed(other.client.syn(), other.where)[1])
            verdict, reply = self.peer.feed(other.client.ack(frame("LIMITS", **LIMITS)),
                                            other.where)
            if verdict != "ACCEPTED":
                break
        reason, retry_ms = other.client.on_busy(reply)
        self.assertEqual(reason, 1)
        self.assertTrue(1_000 <= retry_ms <= 2_000)
        self.assertEqual(reply, q.busy(other.token.conn_id, other.token.psk, other.random, 1,
                                       retry_ms))

        attempt.dial(self.peer)
        self.peer.feed(attempt.node.on_syn(self.peer.take(), *attempt.where, self.peer.now_ms(),
                                           0))
        self.peer.take()
        busy = q.busy(attempt.token.conn_id, attempt.token.psk, attempt.random, 2, 1_234)
        wrong = busy[:-16] + q.mac(attempt.token.psk, q.LABEL_ACK, attempt.token.conn_id,
                                   busy[32:-16])
        self.assertNotEqual(self.peer.feed(wrong)[0], "ACCEPTED")
        self.assertEqual(self.peer.feed(busy)[0], "ACCEPTED")
        self.assertEqual(self.peer.call("event"), ["BUSY", "1234"])


class Wrong(WithPeer):
    def test_a_mac_under_another_label_is_refused_by_both(self):
        attempt = self.attempt("label")
        attempt.serve(self.peer)
        _, reply = self.peer.feed(attempt.client.syn(), attempt.where)
        attempt.client.on_syn_ack(reply)
        client, token = attempt.client, attempt.token
        signed = client.clear[:-16]
        for label in (q.LABEL_SYN_ACK, q.LABEL_BUSY, b"\0", b""):
            client.clear = signed + q.mac(token.psk, label, token.conn_id, signed)
            self.assertEqual(self.peer.feed(client.ack(), attempt.where), ("BAD_MAC", b""))
            with self.assertRaisesRegex(Refused, "MAC"):
                attempt.node.on_ack(client.ack(), *attempt.where, self.peer.now_ms(), bytes(16))

        attempt = self.attempt("label of a client")
        attempt.dial(self.peer)
        reply = attempt.node.on_syn(self.peer.take(), *attempt.where, self.peer.now_ms(), 0)
        wrong = reply[:-16] + q.mac(attempt.token.psk, q.LABEL_ACK, attempt.token.conn_id,
                                    reply[32:-16])
        self.assertEqual(self.peer.feed(wrong)[0], "BAD_MAC")
        with self.assertRaisesRegex(Refused, "MAC"):
            attempt.client.on_syn_ack(wrong)

    def test_public_keys_whose_shared_value_is_zero_are_refused_by_both(self):
        for n, point in enumerate((bytes(32), b"\x01" + bytes(31),
                                   b"\xec" + b"\xff" * 30 + b"\x7f")):
            attempt = self.attempt("zero %d" % n)
            attempt.dial(self.peer)
            node, token = attempt.node, attempt.token
            offer = node.offer(token.conn_id, attempt.random, *attempt.where, 0)
            self.peer.take()
            good = q.syn_ack(token.conn_id, token.psk, attempt.random, offer)
            offer.public = point
            bad = q.syn_ack(token.conn_id, token.psk, attempt.random, offer)
            self.assertNotEqual(self.peer.feed(bad)[0], "ACCEPTED")
            with self.assertRaisesRegex(Refused, "public key"):
                attempt.client.on_syn_ack(bad)
            self.assertEqual(self.peer.feed(good)[0], "ACCEPTED")  # awaits another

            attempt.serve(self.peer)
            client = attempt.client
            client.on_syn_ack(self.peer.feed(client.syn(), attempt.where)[1])
            client.clear = q.ack_clear(token.conn_id, token.psk, attempt.random, attempt.sealed,
                                       client.offer, point)
            bad = client.ack(frame("LIMITS", **LIMITS))
            self.assertNotEqual(self.peer.feed(bad, attempt.where)[0], "ACCEPTED")
            self.assertEqual(self.peer.call("event"), ["none"])
            with self.assertRaisesRegex(Refused, "public key"):
                node.on_ack(bad, *attempt.where, self.peer.now_ms(), bytes(16))

    def test_wrong_epochs_of_token_cookie_and_keys_are_refused_by_both(self):
        for epoch in (EPOCH - 2, EPOCH + 2, EPOCH + 32768):
            attempt = self.attempt("token epoch", epoch=epoch)
            attempt.serve(self.peer)
            self.assertEqual(self.peer.feed(attempt.client.syn(), attempt.where)[1], b"")
            self.assertEqual(node_reply(attempt, attempt.client.syn(), self.peer.now_ms()), b"")

        attempt = self.attempt("cookie epoch")
        attempt.serve(self.peer)
        client, token = attempt.client, attempt.token
        client.on_syn_ack(self.peer.feed(client.syn(), attempt.where)[1])
        for cookie_epoch, dh_epoch in ((1, 1), (0, 1), (1, 0), (254, 254)):
            client.offer.cookie_epoch, client.offer.dh_epoch = cookie_epoch, dh_epoch
            client.clear = q.ack_clear(token.conn_id, token.psk, attempt.random, attempt.sealed,
                                       client.offer, client.public)
            self.assertEqual(self.peer.feed(client.ack(), attempt.where), ("BAD_COOKIE", b""))
            with self.assertRaises(Refused):
                attempt.node.on_ack(client.ack(), *attempt.where, self.peer.now_ms(), bytes(16))

        attempt = self.attempt("key epoch")
        client_against_c(self.peer, attempt)
        conn = attempt.client.conn
        for number, verdict in ((2 << 22, "NO_KEY"), ((3 << 22) + 5, "NO_KEY"),
                                (1 << 22, "ACCEPTED"), (2 << 22, "ACCEPTED"),
                                (1, "OLD"), (4 << 22, "NO_KEY")):
            datagram = q.seal_packet(conn.out, conn.out_id, number, 1, frame("PING"))
            self.assertEqual(self.peer.feed(datagram, attempt.where)[0], verdict, number)

    def test_tokens_out_of_their_bounds_are_refused_by_both_at_the_same_millisecond(self):
        now = self.peer.now_ms()
        for n, (issued, expiry, want) in enumerate((
                (0, 120_000, True), (0, 120_001, False), (5_000, 6_000, True),
                (5_001, 6_000, False), (-9_000, -5_000, True), (-9_000, -5_001, False),
                (2_000, 1_999, False), (0, 0, True))):
            attempt = self.attempt("bounds %d" % n, issued_ms=now + issued,
                                   expiry_ms=now + expiry)
            attempt.serve(self.peer)
            reply = node_reply(attempt, attempt.client.syn(), now)
            self.assertEqual(self.peer.feed(attempt.client.syn(), attempt.where)[1], reply, n)
            self.assertEqual(reply != b"", want, n)

    def test_address_hints_are_judged_alike_at_every_prefix(self):
        now = self.peer.now_ms()
        taken = 0
        for n in range(64):
            rng = random.Random("%d hint %d" % (SEED, n))
            attempt = self.attempt("hint %d" % n)
            source = ipaddress.ip_address(attempt.where[0])
            bits = source.max_prefixlen
            prefix = rng.randrange(bits + 1)
            wrong = rng.choice((0, 0, 1)) << rng.randrange(bits)
            hint = (int(source) ^ wrong) >> (bits - prefix) << (bits - prefix)
            packed = hint.to_bytes(bits // 8, "big")
            family = rng.choice([source.version] * 3 + [10 - source.version])
            if family == 4 and source.version == 6:
                prefix, packed = 0, b""  # fits all of the other family
            attempt = self.attempt("hint %d" % n, issued_ms=now, expiry_ms=now + 60_000,
                                   family=family, prefix=prefix,
                                   address=packed + bytes(16 - len(packed)))
            attempt.serve(self.peer)
            reply = node_reply(attempt, attempt.client.syn(), now)
            self.assertEqual(self.peer.feed(attempt.client.syn(), attempt.where)[1], reply, n)
            taken += reply != b""
        self.assertTrue(10 < taken < 60, taken)

    def test_open_and_seal_of_the_provider_agree_with_python_on_any_length(self):
        rng = random.Random(7)
        for n in range(200):
            key, iv = rng.randbytes(32), rng.randbytes(12)
            number = rng.choice((rng.getrandbits(62), (1 << 62) - 1, (1 << 32) - 1, 1 << 32))
            aad, text = rng.randbytes(rng.randrange(97)), rng.randbytes(rng.randrange(2000))
            nonce = bytes(a ^ b for a, b in zip(iv, number.to_bytes(12, "big")))
            sealed = q.gcm_seal(key, nonce, aad, text)
            self.assertEqual(self.peer.call("seal", key, iv, number, aad, text), [sealed.hex()])
            self.assertEqual(self.peer.call("open", key, iv, number, aad, sealed),
                             ["ok", text.hex() or "-"])
            bad = bytearray(sealed)
            bad[rng.randrange(len(bad))] ^= 1 << n % 8
            self.assertEqual(self.peer.call("open", key, iv, number, aad, bytes(bad)),
                             ["refused", "-"])
