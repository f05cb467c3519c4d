"""The NATS client protocol as far as an instrument needs it: one connection, subscriptions, messages with headers.

One thread uses a connection. Reading is bounded: the server's limits (PROTOCOL.md section 3) are held here as well.
"""

import base64
import json
import socket
import time

import ed25519

MAX_LINE = 4096
MAX_MESSAGE = 1 << 20
# How long the rest of a message may take that has begun to arrive.
STALLED_S = 10


class Disconnected(Exception):
    """The connection ended; make another one."""


class Refused(Exception):
    """The key is not accepted: the identity is dead."""


class Message:
    def __init__(self, subject, sid, reply, headers, status, data):
        self.subject = subject
        self.sid = sid
        self.reply = reply
        self.headers = headers
        self.status = status
        self.data = data


def seed_of(nkey):
    """The 32 secret bytes of an nkey user seed (SU...): base32 of two bytes of prefix, the seed, and a checksum."""
    text = nkey.strip()
    raw = base64.b32decode(text + "=" * (-len(text) % 8))
    if not text.startswith("SU") or len(raw) != 36:
        raise ValueError("not a user seed")
    return raw[2:34]


def public_nkey(secret):
    """The user's name on the bus (U...): base32 of a prefix, the public key, and CRC-16/XMODEM, least byte first."""
    raw = bytes([20 << 3]) + ed25519.public_key(secret)
    crc = 0
    for byte in raw:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return base64.b32encode(raw + crc.to_bytes(2, "little")).decode().rstrip("=")


class Connection:
    def __init__(self, host, port, secret, name):
        try:
            self.socket = socket.create_connection((host, port), timeout=5)
            self.buffer = b""
            info = json.loads(self._line(time.monotonic() + 5).split(b" ", 1)[1])
            signature = ed25519.sign(secret, info["nonce"].encode())
            options = {
                "verbose": False,
                "pedantic": False,
                "headers": True,
                "no_responders": True,
                "lang": "python",
                "version": "0.1.0",
                "protocol": 1,
                "name": name,
                "nkey": public_nkey(secret),
                "sig": base64.urlsafe_b64encode(signature).decode().rstrip("="),
            }
            self.send(b"CONNECT " + json.dumps(options).encode() + b"\r\nPING\r\n")
            while True:
                line = self._line(time.monotonic() + 5)
                if line == b"PONG":
                    return
                if line.startswith(b"-ERR"):
                    self._refuse(line)
        except OSError as error:
            raise Disconnected(str(error)) from error

    def send(self, data):
        try:
            self.socket.settimeout(STALLED_S)
            self.socket.sendall(data)
        except OSError as error:
            raise Disconnected(str(error)) from error

    def subscribe(self, subject, sid):
        self.send(f"SUB {subject} {sid}\r\n".encode())

    def publish(self, subject, data, reply="", headers=None):
        middle = f" {reply}" if reply else ""
        if headers is None:
            self.send(f"PUB {subject}{middle} {len(data)}\r\n".encode() + data + b"\r\n")
            return
        lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        head = f"NATS/1.0\r\n{lines}\r\n".encode()
        command = f"HPUB {subject}{middle} {len(head)} {len(head) + len(data)}\r\n"
        self.send(command.encode() + head + data + b"\r\n")

    def next(self, timeout_s):
        """The next message, or None when none came in time. Answers the server's PING."""
        deadline = time.monotonic() + timeout_s
        while True:
            line = self._line(deadline)
            if line is None:
                return None
            if line == b"PING":
                self.send(b"PONG\r\n")
            elif line.startswith(b"MSG ") or line.startswith(b"HMSG "):
                return self._message(line.decode().split(" "))
            elif line.startswith(b"-ERR"):
                self._refuse(line)

    def close(self):
        self.socket.close()

    def _refuse(self, line):
        text = line.decode(errors="replace")
        if "Authorization" in text or "Authentication" in text:
            raise Refused(text)
        if "Permissions Violation" not in text:  # that one names a subject and leaves the connection open
            raise Disconnected(text)

    def _message(self, words):
        with_headers = words[0] == "HMSG"
        sizes = 2 if with_headers else 1
        subject, sid = words[1], int(words[2])
        reply = words[3] if len(words) > 3 + sizes else ""
        total = int(words[-1])
        if total > MAX_MESSAGE:
            raise Disconnected("a message larger than the protocol allows")
        body = self._bytes(total + 2)[:-2]
        head_size = int(words[-2]) if with_headers else 0
        status, headers = "", {}
        if head_size > 0:
            first, *lines = body[:head_size].decode(errors="replace").split("\r\n")
            status = first[len("NATS/1.0") :].strip()
            for line in lines:
                key, colon, value = line.partition(":")
                if colon:
                    headers[key] = value.strip()
        return Message(subject, sid, reply, headers, status, body[head_size:])

    def _line(self, deadline):
        while b"\r\n" not in self.buffer:
            if len(self.buffer) > MAX_MESSAGE:
                raise Disconnected("a line without an end")
            if not self._receive(deadline):
                return None
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def _bytes(self, count):
        deadline = time.monotonic() + STALLED_S
        while len(self.buffer) < count:
            if not self._receive(deadline):
                raise Disconnected("a message that does not end")
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def _receive(self, deadline):
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return False
        try:
            self.socket.settimeout(remaining)
            data = self.socket.recv(65536)
        except TimeoutError:
            return False
        except OSError as error:
            raise Disconnected(str(error)) from error
        if data == b"":
            raise Disconnected("the server closed the connection")
        self.buffer += data
        return True
