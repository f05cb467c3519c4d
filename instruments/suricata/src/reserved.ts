/**
 * The marks of a detection check, as `instruments/PROTOCOL.md` gives them: a UDP packet between these documentation
 * addresses and ports, whose payload is the marker and then a nonce of 32 hex digits. The rule that recognises it is
 * `files/rules/reserved.rules`.
 */
export const CHECK = Object.freeze({
  signatureId: 2_999_001,
  source: '192.0.2.10',
  destination: '198.51.100.10',
  sourcePort: 49_152,
  destinationPort: 47_999,
  /** Event type under which its alert is published, so that it is not counted as an alert. */
  eventType: 'check',
  /** Name of the packet variable in which the reserved rule hands over the nonce. */
  nonceVariable: 'bulkhead_check',
});

/** Signature ids of this instrument: its starter rules and its reserved rules. Operators' rules may not use them. */
export const OWN_SIDS = Object.freeze({ first: 2_900_000, last: 2_999_999 });

/** Those of them that nobody may suppress or limit either. */
export const RESERVED_SIDS = Object.freeze({ first: 2_999_000, last: 2_999_999 });
