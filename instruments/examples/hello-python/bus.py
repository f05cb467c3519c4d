"""PROTOCOL.md in Python: what an instrument does on the bus. One thread, and no message is lost by a lost connection.

    bus = Bus.open(control={...}, commands={...}, events=on_event)
    bus.publish("greeting", {"text": "hello"})
    bus.run()          # until SIGTERM
"""

import datetime
import json
import secrets
import signal
import sys
import time

import wire

INSTRUMENT_FILE = "/run/bulkhead/instrument.json"
PULL_S = 20
HEARTBEAT_S = 5
RETRY_S = 5
MOST_UNACKNOWLEDGED = 16
MOST_WAITING = 1000


def log(level, msg, **fields):
    time_now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
    record = {"time": time_now.replace("+00:00", "Z"), "level": level, "instrument": Bus.name, "msg": msg, **fields}
    sys.stderr.write(json.dumps(record)[:8000] + "\n")
    sys.stderr.flush()


class Bus:
    name = "?"

    def __init__(self, identity, seed, control, commands, events):
        Bus.name = identity["name"]
        self.identity = identity
        self.secret = wire.seed_of(seed)
        self.control = control
        self.commands = commands
        self.on_event = events
        self.connection = None
        self.stopping = False
        # Message id -> (subject, headers, body, when it was sent). Kept until the stream acknowledges it.
        self.waiting = {}
        self.pulls = {}
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGPWR, self._stop)

    @staticmethod
    def open(control, commands, events):
        with open(INSTRUMENT_FILE, encoding="utf-8") as file:
            identity = json.load(file)
        if identity["protocol"] != 1:
            raise SystemExit("this sensor speaks another protocol")
        with open(identity["bus"]["keyFile"], encoding="ascii") as file:
            seed = file.read()
        return Bus(identity, seed, control, commands, events)

    def publish(self, event_type, record):
        """Keeps an event and sends it until it is stored durably. Without the right to publish it: quietly nothing."""
        if event_type not in self.identity["publish"]:
            return
        if len(self.waiting) >= MOST_WAITING:
            log("warn", "too many events wait for the bus; one was dropped", type=event_type)
            return
        identifier = secrets.token_hex(12)
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        headers = {
            "Nats-Msg-Id": identifier,
            "ce-id": identifier,
            "ce-source": f"/sensor/{self.identity['sensor']}/instrument/{self.name}",
            "ce-type": event_type,
            "ce-time": now.replace("+00:00", "Z"),
            "bh-count": "1",
        }
        body = json.dumps(record).encode() + b"\n"
        self.waiting[identifier] = [f"event.{self.name}.{event_type}", headers, body, None]
        if self.connection is not None:
            self._send_waiting()

    def run(self):
        while not self.stopping:
            try:
                self._connect()
                self._serve()
            except wire.Disconnected as error:
                log("warn", "the bus is away", reason=str(error))
                time.sleep(0.25)
            except wire.Refused as error:
                log("error", "the bus refuses the key", reason=str(error))
                raise SystemExit(1)
            finally:
                if self.connection is not None:
                    self.connection.close()
                self.connection = None

    def _connect(self):
        host, port = self.identity["bus"]["url"].removeprefix("nats://").rsplit(":", 1)
        connection = wire.Connection(host, int(port), self.secret, self.name)
        connection.subscribe(f"_INBOX.{self.name}.>", 1)
        connection.subscribe(f"control.{self.name}.>", 2)
        connection.subscribe(f"message.{self.name}.>", 3)
        self.connection = connection
        self.pulls = {index: 0.0 for index in range(len(self.identity["read"]))}
        for entry in self.waiting.values():
            entry[3] = None
        log("info", "connected")

    def _serve(self):
        leave_at = None
        while True:
            now = time.monotonic()
            if self.stopping:
                leave_at = leave_at or now + 5
                if not self.waiting or now > leave_at:
                    return
            else:
                self._pull(now)
            self._send_waiting()
            message = self.connection.next(0.25)
            if message is not None:
                self._take(message)

    def _pull(self, now):
        for index, asked in self.pulls.items():
            # Nothing was heard of it for two heartbeats and more, or it ended: ask again.
            if now - asked < 2 * HEARTBEAT_S + 1:
                continue
            right = self.identity["read"][index]
            subject = f"$JS.platform.API.CONSUMER.MSG.NEXT.{right['stream']}.{right['consumer']}"
            request = {"batch": 16, "expires": PULL_S * 10**9, "idle_heartbeat": HEARTBEAT_S * 10**9}
            self.connection.publish(subject, json.dumps(request).encode(), f"_INBOX.{self.name}.pull.{index}")
            self.pulls[index] = now

    def _send_waiting(self):
        now = time.monotonic()
        sent = sum(1 for entry in self.waiting.values() if entry[3] is not None)
        for identifier, entry in list(self.waiting.items()):
            if entry[3] is not None and now - entry[3] < RETRY_S:
                continue
            if entry[3] is None:
                if sent >= MOST_UNACKNOWLEDGED:
                    return
                sent += 1
            entry[3] = now
            self.connection.publish(entry[0], entry[2], f"_INBOX.{self.name}.acks.{identifier}", entry[1])

    def _take(self, message):
        if message.sid == 2:
            self._answer_control(message)
        elif message.sid == 3:
            self._answer_command(message)
        elif message.subject.startswith(f"_INBOX.{self.name}.acks."):
            self._acknowledged(message)
        elif message.reply.startswith("$JS.ACK."):
            self._take_event(message)
        elif message.subject.startswith(f"_INBOX.{self.name}.pull."):
            index = int(message.subject.rsplit(".", 1)[1])
            if message.status.startswith("409") and "Consumer Deleted" in message.status:
                log("warn", "a right to read was taken away", right=self.identity["read"][index])
                self.pulls.pop(index, None)
            elif index in self.pulls:
                # 100 is a heartbeat: it is alive. Anything else ends the pull.
                self.pulls[index] = time.monotonic() if message.status.startswith("100") else 0.0

    def _acknowledged(self, message):
        identifier = message.subject.rsplit(".", 1)[1]
        try:
            answer = json.loads(message.data) if message.data else {}
        except ValueError:
            answer = {}
        error = answer.get("error")
        if "seq" in answer:
            self.waiting.pop(identifier, None)
        elif error is not None and (error.get("code") != 503 or error.get("err_code") == 10077):
            log("error", "an event was refused", reason=str(error.get("description"))[:200])
            self.waiting.pop(identifier, None)

    def _take_event(self, message):
        _, _, event_type = message.subject.split(".", 2)
        for number, line in enumerate(message.data.decode(errors="replace").splitlines()):
            try:
                record = json.loads(line)
            except ValueError:
                continue  # hostile or broken: it would be the same again
            self.on_event(event_type, f"{message.headers.get('ce-id', '?')}/{number}", record)
        self.connection.publish(message.reply, b"+ACK")
        # Nine tokens; the last is how many wait. The pull goes on until its batch is full.
        index = next((i for i, right in enumerate(self.identity["read"]) if right["consumer"] in message.reply), None)
        if index in self.pulls:
            self.pulls[index] = time.monotonic() if not message.reply.endswith(".0") else 0.0

    def _answer_control(self, message):
        command = message.subject.split(".", 2)[2]
        if command == "stop":
            self._reply(message, {"ok": True})
            self.stopping = True
        elif command in self.control:
            self._reply(message, self.control[command](_json(message.data)))
        else:
            self._reply(message, _failure("BUS_UNKNOWN_COMMAND", f"{command} is not known"))

    def _answer_command(self, message):
        _, _, sender, command = message.subject.split(".", 3)
        handler = self.commands.get(command)
        if handler is None:
            self._reply(message, _failure("BUS_UNKNOWN_COMMAND", f"{command} is not known"))
            return
        try:
            self._reply(message, {"ok": True, "result": handler(sender, _json(message.data))})
        except Exception as error:  # whatever a handler does, the sender gets an answer
            self._reply(message, _failure("INSTRUMENT_COMMAND_FAILED", str(error)))

    def _reply(self, message, value):
        if message.reply:
            self.connection.publish(message.reply, json.dumps(value).encode())

    def _stop(self, _signal, _frame):
        self.stopping = True


def _json(data):
    try:
        return json.loads(data) if data else {}
    except ValueError:
        return {}


def _failure(code, message):
    return {"ok": False, "code": code, "message": message[:500]}
