import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `LXD_`; raised by the package `node-lxd` as its own error class. */
export const LXD_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  LXD_SOCKET_NOT_FOUND: {
    title: 'No socket of an LXD daemon was found.',
    hint: 'Install and start LXD: scripts/setup does both.',
  },
  LXD_UNREACHABLE: {
    title: 'The LXD daemon does not answer at its socket.',
    hint: 'It is started again by the sensor; its log is /var/log/lxd/lxd.log.',
  },
  LXD_TIMEOUT: {
    title: 'The LXD daemon did not answer or finish in time.',
    hint: 'Check the load and the disks of the machine; the sensor tries again.',
  },
  LXD_ABORTED: { title: 'A call to LXD was given up by the sensor.', hint: 'Nothing to do.' },
  LXD_BAD_ANSWER: {
    title: 'The LXD daemon answered in a way that its API does not allow.',
    hint: 'Check its version; 5.0 and later speak this API.',
  },
  LXD_BAD_REQUEST: {
    title: 'The LXD daemon refused a request as wrong.',
    hint: "The message holds the daemon's reason.",
  },
  LXD_FORBIDDEN: {
    title: 'The LXD daemon refused a request as not allowed.',
    hint: "The message holds the daemon's reason; the sensor's LXD project is restricted on purpose.",
  },
  LXD_NOT_FOUND: { title: 'LXD has no such thing.', hint: 'It may have been removed behind the sensor.' },
  LXD_CONFLICT: { title: 'LXD has such a thing already, or it is in use.', hint: 'Remove it first.' },
  LXD_CHANGED: {
    title: 'Something in LXD was changed by somebody else meanwhile.',
    hint: 'The sensor looks again and retries.',
  },
  LXD_SERVER_ERROR: {
    title: 'The LXD daemon failed on a request.',
    hint: "The message holds the daemon's reason; its log is /var/log/lxd/lxd.log.",
  },
  LXD_OPERATION_FAILED: {
    title: 'Something that LXD did in the background failed.',
    hint: "The message holds the daemon's reason.",
  },
  LXD_OPERATION_CANCELLED: {
    title: 'Something that LXD did in the background was cancelled by somebody else.',
    hint: 'The sensor tries again.',
  },
  LXD_STREAM_LOST: {
    title: 'The stream of events from the LXD daemon ended.',
    hint: 'The sensor opens it again and looks at everything anew.',
  },
  LXD_EXEC_TIMEOUT: {
    title: 'A program run inside a container did not finish in time and was killed.',
    hint: 'Check the load of the container.',
  },
});
