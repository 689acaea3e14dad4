# SPDX-License-Identifier: BSD-3-Clause
"""A Python client on kernel UDP, loopback only, against a listener of the C library: quantum-cat.

QUANTUM_CAT names the program. Token keys come from a folder that both read; the Python side seals
its own tokens.
"""
import contextlib
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import quantum_peer as q
from c_peer import EPOCH, GROUP, KEYS, LIMITS, write_ring
from quantum_frames import Refused, frame

DEADLINE_S = 20


@contextlib.contextmanager
def ring_folder():
    with tempfile.TemporaryDirectory() as folder:
        write_ring(folder)
        yield folder


class Listener:
    """quantum-cat that echoes one connection and ends with it."""

    def __init__(self, folder, *options):
        self.proc = subprocess.Popen(
            [os.environ["QUANTUM_CAT"], "--listen", "127.0.0.1:0", "--ring", folder, "--group",
             str(GROUP), "--echo", "--once", "--discard", "--timeout", str(DEADLINE_S), *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.text = ""
        self.port = None
        while self.port is None:
            line = self.proc.stderr.readline().decode()
            self.text += line
            found = re.search(r"listening at port (\d+)", line)
            if found:
                self.port = int(found.group(1))
            if not line:
                raise RuntimeError("quantum-cat does not listen: " + self.text)
        self.reader = threading.Thread(target=self.drain)
        self.reader.start()

    def drain(self):
        for line in self.proc.stderr:
            self.text += line.decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.proc.poll() is None:  # the test failed
            self.proc.kill()
            self.end()

    def end(self):
        status = self.proc.wait(timeout=DEADLINE_S)
        self.reader.join()
        self.proc.stderr.close()
        return status


class Dial:
    """A client over a socket: repeats what is not answered, acknowledges what comes."""

    def __init__(self, port, key=KEYS[EPOCH]):
        now_ms = time.time_ns() // 1_000_000
        ids = [os.urandom(16) for _ in range(4)]
        token = q.Token(EPOCH, GROUP, now_ms + 20_000, *ids, os.urandom(32), now_ms)
        self.peer = q.Client(token.conn_id, token.seal(key, os.urandom(12)), token.psk,
                             os.urandom(16), os.urandom(32))
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.connect(("127.0.0.1", port))
        self.end_at = time.monotonic() + DEADLINE_S
        self.seen = {}

    def wait(self, seconds):
        if time.monotonic() > self.end_at:
            raise TimeoutError("no answer in %d s" % DEADLINE_S)
        self.sock.settimeout(seconds)
        try:
            return self.sock.recv(q.DATAGRAM_MAX + 1)
        except (TimeoutError, ConnectionRefusedError):
            return None  # the latter: the listener has gone

    def send(self, datagram):
        with contextlib.suppress(ConnectionRefusedError):
            self.sock.send(datagram)

    def until(self, make, take, done):
        """Send what @make gives until @done; [Q-4.4] sets the pauses."""
        pauses = iter((0.1, 0.2))
        while not done():
            self.send(make())
            until = time.monotonic() + next(pauses, 0.4)
            while not done() and (left := until - time.monotonic()) > 0:
                datagram = self.wait(left)
                if datagram is not None:
                    try:
                        take(datagram)
                    except Refused:
                        pass  # late or repeated

    def connect(self, first):
        self.until(self.peer.syn, self.peer.on_syn_ack, lambda: self.peer.offer is not None)
        payload = frame("LIMITS", **LIMITS) + frame("DATA", channel=0, message=0, data=first)
        self.until(lambda: self.peer.ack(payload), self.take, lambda: self.peer.accept)

    def take(self, datagram):
        for f in self.peer.on_packet(datagram)[1]:
            if f["frame"] == "DATA":
                parts = self.seen.setdefault((f["channel"], f["message"]), {})
                parts[f.get("offset", 0)] = f["data"]

    def echoed(self, channel, message, data):
        parts = self.seen.get((channel, message), {})
        return b"".join(parts[at] for at in sorted(parts)) == data

    def say(self, channel, message, data):
        """A message of some fragments; until it came back."""
        cuts = range(0, len(data), 1000)

        def packets():
            for at in cuts:
                self.send(self.peer.conn.seal(frame(
                    "DATA", channel=channel, message=message, offset=at, total=len(data),
                    data=data[at:at + 1000]), q.PSH))
            return self.peer.conn.seal(frame("PING"), q.PSH)

        self.until(packets, self.take, lambda: self.echoed(channel, message, data))

    def close_packet(self, code):
        return self.peer.conn.seal(frame("CLOSE", code=16 * code, reason=b"done"), q.FIN)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()


@unittest.skipUnless(os.path.exists(os.environ.get("QUANTUM_CAT", "")), "no listener to talk to")
class Live(unittest.TestCase):
    def talk(self, nb, *options):
        """@nb messages there and back on three channels, then CLOSE; what the listener said."""
        with (ring_folder() as folder,
              Listener(folder, *options) as listener, Dial(listener.port) as dial):
            dial.connect(b"first")
            dial.until(lambda: dial.peer.conn.seal(frame("PING"), q.PSH), dial.take,
                       lambda: dial.echoed(0, 0, b"first"))
            for n in range(1, nb):
                dial.say(n % 3, n // 3, os.urandom(37 * n + 1))
            dial.until(lambda: dial.close_packet(0), dial.take,
                       lambda: listener.proc.poll() is not None)
            self.assertEqual(listener.end(), 0, listener.text)
            return listener.text

    def test_messages_come_back_from_a_listener_over_kernel_udp_and_close_ends_it(self):
        text = self.talk(30)
        self.assertIn("connected", text)
        self.assertIn("ended", text)

    def test_they_come_back_when_one_datagram_in_eight_is_lost(self):
        self.talk(15, "--drop", "12%", "--seed", "5")

    def test_a_stranger_with_a_forged_token_hears_nothing(self):
        with (ring_folder() as folder,
              Listener(folder) as listener, Dial(listener.port, key=b"x" * 32) as dial):
            for _ in range(3):
                dial.sock.send(dial.peer.syn())
                self.assertIsNone(dial.wait(0.1))
