import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `START_`. */
export const START_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  START_CAPTURE_UNREADABLE: {
    title: 'The capture cannot be read',
    hint: 'Give the path of a pcap or pcapng file that this user may read.',
  },
  START_CAPTURE_FORMAT: {
    title: 'The file is not a capture',
    hint: 'Give an uncompressed pcap or pcapng file made by tcpdump, Wireshark or a like program.',
  },
  START_CAPTURE_DAMAGED: {
    title: 'The capture contradicts itself',
    hint: 'Open it in Wireshark to see what can be saved, or capture again.',
  },
  START_CAPTURE_TRUNCATED: {
    title: 'The capture ends in the middle of a record',
    hint: 'Save its whole records with: tcpdump -r FILE -w WHOLE.pcap',
  },
  START_CAPTURE_EMPTY: {
    title: 'The capture holds nothing to play',
    hint: 'Capture again, on an interface that sees traffic.',
  },
  START_CAPTURE_TOO_LARGE: {
    title: 'The capture is too large',
    hint: 'Split it (tcpdump -r FILE -w part -C 1000) and replay the parts.',
  },
  START_CAPTURE_LINK_TYPE: {
    title: 'The capture was not taken on Ethernet',
    hint: 'Capture on an Ethernet interface, or rewrite the file (tcprewrite --dlt=enet) and replay the result.',
  },
  START_RULES_REFUSED: {
    title: 'The rule manager refused what the lab asked for',
    hint: 'Read its log: bulkhead logs rule-manager',
  },
  START_CHAIN_FAILED: {
    title: "The lab's chain from a rule source to a named alert is broken",
    hint: 'Look at: bulkhead downloads list, bulkhead logs rule-manager, bulkhead logs suricata',
  },
  START_REPLAY_UNWATCHED: {
    title: 'Nothing watches the replay',
    hint: "Attach the replay's monitor interface to the sensor first.",
  },
  START_REPLAY_FAILED: {
    title: 'The replay did not run to its end',
    hint: 'Look at the message; check with: tcpreplay --version',
  },
  START_LAB_FAILED: {
    title: 'The lab did not come up',
    hint: 'Look at the message; the programs it needs are listed in scripts/src/lab/README.md.',
  },
  START_LAB_ATTACK_FAILED: {
    title: 'A lab attack did not run to its end',
    hint: 'Look at the message; the lab itself goes on.',
  },
  START_FLEET_FAILED: {
    title: 'The fleet beside the sensor did not come up.',
    hint: 'Its log says why; scripts/start --no-fleet does without.',
  },
  START_INSTRUMENT_FAILED: {
    title: 'An instrument of the started sensor does not run.',
    hint: 'Read its console with `bulkhead logs`, and the log of sensord.',
  },
  START_INTERFACE_REFUSED: {
    title: 'The named NIC cannot be watched.',
    hint: 'Name one on a mirror port or TAP, without an address, a default route and your own session.',
  },
  START_NOTHING_STORED: {
    title: 'The event that was waited for was not stored in time.',
    hint: '`bulkhead status` shows what does not see; `bulkhead doctor` looks at the machine.',
  },
  START_SENSORS_TOO_MANY: {
    title: 'So many sensors do not fit on this machine.',
    hint: 'Run fewer, or free memory.',
  },
  START_SENSORD_FAILED: {
    title: 'sensord ended.',
    hint: 'Its log says why.',
  },
});
