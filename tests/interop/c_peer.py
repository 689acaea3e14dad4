# SPDX-License-Identifier: BSD-3-Clause
"""The C implementation behind a pipe (program interop-peer), and seeded handshakes with it.

Every byte that the C side sends is computed here, too, from the same inputs, and compared.
"""
import ipaddress
import os
import random
import subprocess
import tempfile

import quantum_peer as q
from quantum_frames import frame, frame_again, frames

GROUP, EPOCH = 1, 7
KEYS = {EPOCH + d: bytes([0x40 + d]) * 32 for d in (-1, 0, 1)}
START_NS, START_MS = 1_000_000_000, 1_750_000_000_000
LIMITS = dict(idle_ms=60_000, message_bytes=1 << 20, channels=1024, credit=4 << 20,
              channel_credit=1 << 20)


def write_ring(folder):
    """A folder as lib/protect/api/protect/ring.h describes it."""
    os.chmod(folder, 0o700)
    files = {"g%05d.current" % GROUP: "%d\n" % EPOCH}
    for epoch, key in KEYS.items():
        files["g%05d-e%05d.key" % (GROUP, epoch)] = key.hex() + "\n"
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="ascii",
                  opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            out.write(text)


class CPeer:
    """One process; call() sends a command and returns the words of its answer."""
    TURN = 16  # commands under way; fits the buffer of a pipe

    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory()
        write_ring(self.folder.name)
        self.proc = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.now_ns = START_NS
        self.call("provider", self.folder.name, GROUP)
        self.wait(0)

    def post(self, *words):
        """Send a command; answer() reads what comes back, in order."""
        text = " ".join((w.hex() or "-") if isinstance(w, bytes) else str(w) for w in words)
        self.proc.stdin.write(text.encode() + b"\n")

    def answer(self):
        words = self.proc.stdout.readline().decode().split()
        if not words:
            raise RuntimeError("interop-peer ended")
        return words

    def call(self, *words):
        self.post(*words)
        self.proc.stdin.flush()
        return self.answer()

    def now_ms(self):
        return START_MS + (self.now_ns - START_NS) // 1_000_000

    def wait(self, milliseconds, later=False):
        """Let time pass at C; @later: its answer is still to be read."""
        self.now_ns += milliseconds * 1_000_000
        self.post("now", self.now_ns, self.now_ms())
        if not later:
            self.proc.stdin.flush()
            self.answer()

    def take(self):
        answer = self.call("take")[0]
        return b"" if answer == "-" else bytes.fromhex(answer)

    def take_all(self):
        out = []
        while datagram := self.take():
            out.append(datagram)
        return out

    def feed(self, datagram, where=("192.0.2.1", 4000)):
        """The verdict, and the direct reply."""
        return self.feed_all([datagram], where)[0]

    def feed_all(self, datagrams, where=("192.0.2.1", 4000), rate=None):
        """As feed() for each, several a turn: less waiting for the other process.

        @rate: at most as many a second, of the time that C is told.
        """
        address = ipaddress.ip_address(where[0])
        packed = (address.packed if address.version == 6
                  else bytes(10) + b"\xff\xff" + address.packed)
        out, size = [], min(self.TURN, rate or self.TURN)
        for start in range(0, len(datagrams), size):
            turn = datagrams[start:start + size]
            for datagram in turn:
                self.post("in", packed, where[1], datagram)
            if rate:
                self.wait(1000 * size // rate, later=True)
            self.proc.stdin.flush()
            for _ in turn:
                verdict, reply = self.answer()
                out.append((verdict, b"" if reply == "-" else bytes.fromhex(reply)))
            if rate:
                self.answer()
        return out

    def close(self):
        try:
            self.proc.stdin.close()
        except BrokenPipeError:
            pass  # its status says more
        status = self.proc.wait(timeout=30)
        self.proc.stdout.close()
        self.folder.cleanup()
        return status


class Attempt:
    """The inputs of one handshake, all drawn from a seed, and its Python ends."""

    def __init__(self, seed, now_ms, first=0, **changes):
        rng = random.Random(seed)
        self.seed, self.first, self.rng = seed, first, rng
        fields = dict(epoch=EPOCH + rng.choice((-1, 0, 0, 1)), group=GROUP,
                      expiry_ms=now_ms + rng.randrange(1_000, 100_000), issued_ms=now_ms - 1_000,
                      session_id=rng.randbytes(16), conn_id=rng.randbytes(16),
                      tenant=rng.randbytes(16), subject=rng.randbytes(16), psk=rng.randbytes(32),
                      session_epoch=rng.getrandbits(64), capabilities=rng.getrandbits(32),
                      limit_kbps=rng.getrandbits(32), limit_documents=rng.getrandbits(16))
        self.where = ((rng.choice(("192.0.2.%d", "2001:db8::%d")) % rng.randrange(1, 255)),
                      rng.randrange(1, 65536))
        fields.update(changes)
        token = q.Token(**fields)
        self.token = token
        self.sealed = token.seal(KEYS.get(token.epoch, bytes(32)), rng.randbytes(12))
        self.node_random, self.cid_key = rng.randbytes(64), rng.randbytes(16)
        self.reset_key, self.random = rng.randbytes(32), rng.randbytes(16)
        self.private = rng.randbytes(32)
        self.client = q.Client(token.conn_id, self.sealed, token.psk, self.random, self.private,
                               first)
        # The C node's first epoch is 0; its cookie key and X25519 key stand in the random bytes.
        self.node = q.Server(q.Ring(GROUP, EPOCH, KEYS), {0: self.node_random[:16]},
                             {0: self.node_random[32:]}, first)

    def serve(self, peer):
        peer.call("server", self.seed, self.node_random, self.cid_key, self.reset_key, self.first)

    def dial(self, peer):
        peer.call("client", self.seed, self.token.conn_id, self.sealed, self.token.psk,
                  self.random, self.private, self.first)


def same_again(direction, datagram, highest):
    """Open a packet of the C side, make it anew from its parts; the packet when all is equal."""
    packet = q.open_packet(direction, datagram, highest)
    into = frames(packet.payload)
    payload = b"".join(frame_again(f) for f in into)
    header = packet.header
    again = q.seal_packet(direction, header.guuid, packet.number, header.ack, payload,
                          header.flags, packet.sacks)
    if again != datagram:
        raise AssertionError("C says %s, the text says %s" % (datagram.hex(), again.hex()))
    return packet, into


def client_against_c(peer, attempt):
    """Python client, C server, up to a confirmed connection; how many datagrams were compared."""
    attempt.serve(peer)
    client, node, where = attempt.client, attempt.node, attempt.where
    verdict, reply = peer.feed(client.syn(), where)
    expect(verdict, "REPLIED_SYN")
    expect(reply, node.on_syn(client.syn(), *where, peer.now_ms(), 0))
    client.on_syn_ack(reply)
    message = attempt.rng.randbytes(attempt.rng.randrange(1, 600))
    ack = client.ack(frame("LIMITS", **LIMITS) + frame("DATA", channel=1, message=0, data=message))
    expect(peer.feed(ack, where), ("ACCEPTED", b""))
    expect(peer.call("event"), ["CONNECTED"])
    expect(peer.call("event"), ["MESSAGE", "1", "0", message.hex()])
    compared = 1
    for datagram in peer.take_all():
        _, into = same_again(client.conn.into, datagram, client.conn.got.highest)
        client.on_packet(datagram)
        accept = [f for f in into if f["frame"] == "ACCEPT"]
        expect(len(accept), 1)
        expect(accept[0]["reset_token"],
               q.hmac_sha256(attempt.reset_key, accept[0]["id"])[:16])
        compared += 1
    expect(peer.feed(client.conn.seal(frame("PING")), where), ("ACCEPTED", b""))
    return compared


def c_against_server(peer, attempt):
    """C client, Python server."""
    attempt.dial(peer)
    twin, node, where = attempt.client, attempt.node, attempt.where
    syn = peer.take()
    expect(syn, twin.syn())
    reply = node.on_syn(syn, *where, peer.now_ms(), 0)
    twin.on_syn_ack(reply)
    expect(peer.feed(reply), ("ACCEPTED", b""))
    message = attempt.rng.randbytes(attempt.rng.randrange(1, 600))
    expect(peer.call("send", 2, message), ["ok"])
    ack = peer.take()
    own_id = attempt.rng.randbytes(16)
    conn, payload = node.on_ack(ack, *where, peer.now_ms(), own_id)
    payload = b"".join(frame_again(f) for f in frames(payload))
    expect(ack, twin.ack(payload))
    attempt.reset_token = attempt.rng.randbytes(16)
    accept = frame("ACCEPT", id=own_id, reset_token=attempt.reset_token, **LIMITS)
    expect(peer.feed(conn.seal(accept)), ("ACCEPTED", b""))
    expect(peer.call("event"), ["CONNECTED"])
    compared = 2
    peer.wait(30)
    peer.call("tick")
    for datagram in peer.take_all():
        same_again(conn.into, datagram, conn.got.highest)
        conn.open(datagram)
        compared += 1
    conn.out_id = own_id
    expect(peer.feed(conn.seal(frame("PING"))), ("ACCEPTED", b""))
    attempt.conn = conn
    return compared


def expect(got, wanted):
    if got != wanted:
        raise AssertionError("got %r, not %r" % (got, wanted))
