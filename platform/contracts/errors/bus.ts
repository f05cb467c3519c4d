import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `BUS_`. The first part is raised by the platform, the second by the sdk inside an instrument. */
export const BUS_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  BUS_CONFIG_REFUSED: {
    title: 'nats-server refuses the configuration that the platform wrote.',
    hint: 'Check that nats-server is version 2.12 or later; what ran before goes on.',
  },
  BUS_IDENTITIES_INVALID: {
    title: "The file with the generations of the instruments' keys is damaged.",
    hint: 'Restore it from a backup; without it, keys of deleted instruments could become valid again.',
  },
  BUS_MODEL_INVALID: {
    title: 'The rights on the bus, as compiled from the configuration, are not valid.',
    hint: 'Correct the named place in the configuration.',
  },
  BUS_NOT_READY: {
    title: 'The bus does not run yet, or is being restarted.',
    hint: 'Try again in a moment; `bulkhead doctor` says whether nats-server runs.',
  },
  BUS_PUBLISH_FAILED: {
    title: "An event of the platform's own could not be stored.",
    hint: 'See `bulkhead doctor`: the bus is down or its stream is full.',
  },
  BUS_RELOAD_REFUSED: {
    title: 'nats-server did not take a new configuration while running.',
    hint: 'It is restarted with it; instruments reconnect by themselves.',
  },
  BUS_REPLY_INVALID: {
    title: 'A reply is not JSON, too large, or not what the command says.',
    hint: 'Whoever answered does not follow instruments/PROTOCOL.md or knows another version of the command; look at its log.',
  },
  BUS_START_FAILED: {
    title: 'nats-server cannot be started.',
    hint: 'Read the end of its log in the message; check the port, the disk and the store.',
  },
  BUS_STORE_DAMAGED: {
    title:
      'Nothing of the event store can be read. (A damaged part alone is set aside, and the rest goes on.)',
    hint: 'See whether its disk is mounted; else restore it from a backup, or move it away to start with an empty one.',
  },
  BUS_STORE_FAILED: {
    title: 'The event store takes nothing: its disk reports errors, or the server is stuck.',
    hint: 'Publishers wait and send again, nothing acknowledged is lost. Look at the disk (`dmesg`, SMART).',
  },
  BUS_STORE_FULL: {
    title: 'The disk of the event store is full.',
    hint: 'Make room on the disk of /var/lib/bulkhead; storing then goes on by itself. Nothing acknowledged is lost.',
  },
  BUS_STORE_KEY: {
    title: 'The event store is encrypted with the key of another sensor.',
    hint: 'Restore the key file of the sensor that wrote the store.',
  },
  BUS_STORE_KIND: {
    title: 'The event store is encrypted and the configuration wants it in the clear, or the reverse.',
    hint: 'Set /bus/encrypt back, or export the events and remove the folder of the bus.',
  },

  BUS_BUFFER_FULL: {
    title: 'An instrument publishes faster than the bus stores, and its buffer is full.',
    hint: 'Await publish or ready(); see `bulkhead doctor` for the speed of the disk.',
  },
  BUS_CLOSED: {
    title: 'The instrument has left the bus.',
    hint: 'It is stopping; nothing can be published any more.',
  },
  BUS_COMMAND_FAILED: {
    title: 'The recipient of a command answered with an error.',
    hint: "Read the recipient's message; its log has the cause.",
  },
  BUS_CONNECT_FAILED: {
    title: 'An instrument cannot connect to the bus.',
    hint: 'See whether nats-server runs, and whether the key of the instrument is the current one.',
  },
  BUS_FILE_INVALID: {
    title: 'The file with the identity of an instrument is missing or not valid.',
    hint: 'The sensor writes it; the protocol versions of sensor and instrument must match.',
  },
  BUS_NO_RESPONDER: {
    title: 'Nobody answers there: the recipient is not connected to the bus.',
    hint: 'See whether it runs (`bulkhead instrument list`) and what it logs.',
  },
  BUS_NOT_PERMITTED: {
    title: 'An instrument tried something on the bus that it was not granted.',
    hint: 'Ask for it in instrument.yaml and grant it in the sensor configuration.',
  },
  BUS_OPTIONS_INVALID: {
    title: 'The options of an instrument are not what it expects.',
    hint: "Correct the named place below the instrument's options in the configuration.",
  },
  BUS_PUBLISH_REFUSED: {
    title: 'The bus refused to store an event.',
    hint: 'Read the reason; the records of that message are lost and counted.',
  },
  BUS_READ_REVOKED: {
    title: 'The right to read a kind of event was taken away.',
    hint: 'Grant it again in the sensor configuration if that was not meant.',
  },
  BUS_RECORD_INVALID: {
    title: 'What an instrument wanted to publish is not one JSON object on one line.',
    hint: 'The record is counted and left out; the others go on.',
  },
  BUS_RECORD_TOO_LARGE: {
    title: 'A record is larger than the bus takes.',
    hint: 'Make it smaller (payloads, packet dumps); it is counted and left out.',
  },
  BUS_STREAM_FULL: {
    title: "An instrument's stream is full.",
    hint: 'Raise /bus/streamMib, or remove old events.',
  },
  BUS_TIMEOUT: {
    title: 'An answer did not come in time.',
    hint: 'The recipient is connected but busy or stuck; look at its log.',
  },
  BUS_UNKNOWN_COMMAND: {
    title: 'An instrument was asked for something that it does not answer.',
    hint: 'Check the name of the command, and `accept` in the manifest of that instrument.',
  },
  BUS_BUSY: {
    title: 'An instrument answers as many requests as it takes at a time.',
    hint: 'Ask again later; who asks without waiting for answers should ask less.',
  },
  BUS_REPLY_TOO_LARGE: {
    title: 'The reply to a command is missing or larger than the bus takes.',
    hint: 'Answer with less, or publish the rest as events.',
  },
  BUS_PAYLOAD_INVALID: {
    title: 'A request is not what its command says: not JSON, or not what the schema allows.',
    hint: 'Correct the place that the JSON pointer names; see that both instruments know the same version of the command.',
  },
  BUS_PAYLOAD_TOO_LARGE: {
    title: 'A request is larger than its command or the bus takes.',
    hint: 'Send less. Files are delivered, not sent.',
  },
  BUS_SERVICE_BUSY: {
    title: 'The platform is at work on as many requests of this instrument as it takes.',
    hint: 'Wait for the answers that are due, then ask again.',
  },
  BUS_SERVICE_FAILED: {
    title: 'A service of the platform failed inside.',
    hint: 'The log of sensord has the cause (`bulkhead support bundle` collects it).',
  },
  BUS_SERVICE_REFUSED: {
    title: 'The platform answered a request of an instrument with an error.',
    hint: "Read the platform's message; its code stands in `reason`.",
  },
  BUS_UPLINK_UNANSWERED: {
    title: 'The fleet did not acknowledge an event.',
    hint: 'It is kept here and sent again when the link is there.',
  },
  BUS_UPLINK_REFUSED: {
    title: 'The fleet has a link and does not store what is sent.',
    hint: 'Look at what the fleet shows under attention; its disk may be full. Events are kept here and sent again.',
  },
  BUS_TRIM_REFUSED: {
    title: 'A stream of events cannot be trimmed.',
    hint: 'It was made by an older version, and stays as it is until its instrument is removed with its events.',
  },
});
