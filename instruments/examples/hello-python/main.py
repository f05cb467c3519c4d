"""Counts alerts by signature: an example of an instrument in Python."""

import json
import os

from bus import Bus, log

COUNTS_FILE = "/var/lib/instrument/persistent/counts.json"
# An attacker chooses which alerts there are, but not how much memory they take here.
MOST_SIGNATURES = 10_000


class Counter:
    def __init__(self):
        self.counts = {}
        self.seen = set()
        self.bus = None
        try:
            with open(COUNTS_FILE, encoding="utf-8") as file:
                self.counts = {str(key): int(value) for key, value in json.load(file).items()}
        except FileNotFoundError:
            pass
        except (ValueError, AttributeError) as error:
            log("warn", "the counts cannot be read and begin anew", reason=str(error))

    def on_event(self, _type, event_id, record):
        if event_id in self.seen:  # delivery is at least once
            return
        if len(self.seen) > 10_000:
            self.seen.clear()
        self.seen.add(event_id)
        alert = record.get("alert") if isinstance(record, dict) else None
        signature = str(alert.get("signature", "?"))[:200] if isinstance(alert, dict) else "?"
        if signature not in self.counts and len(self.counts) >= MOST_SIGNATURES:
            return
        self.counts[signature] = self.counts.get(signature, 0) + 1
        self.save()
        self.bus.publish("alert.count", {"signature": signature, "count": self.counts[signature], "of": event_id})

    def save(self):
        with open(COUNTS_FILE + ".new", "w", encoding="utf-8") as file:
            json.dump(self.counts, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(COUNTS_FILE + ".new", COUNTS_FILE)

    def health(self, _body):
        counters = {"signatures": len(self.counts), "alerts": sum(self.counts.values())}
        return {"state": "ok", "counters": counters}

    def configure(self, _options):
        return {"ok": True}

    def resources(self, _body):
        return {"ok": True}

    def get(self, _sender, body):
        signature = body.get("signature") if isinstance(body, dict) else None
        return self.counts if signature is None else self.counts.get(signature, 0)


def main():
    counter = Counter()
    bus = Bus.open(
        control={"health": counter.health, "configure": counter.configure, "resources": counter.resources},
        commands={"count.get": counter.get},
        events=counter.on_event,
    )
    counter.bus = bus
    bus.publish("greeting", {"text": "hello from Python"})
    bus.run()
    log("info", "ended")


if __name__ == "__main__":
    main()
