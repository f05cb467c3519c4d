import type { CatalogueEntry } from '../error-catalogue.ts';

/** Codes that start with `FLEET_LINKS_`: the fleet's end of the links to its sensors. */
export const FLEET_LINKS_ERRORS: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  FLEET_LINKS_LISTEN_FAILED: {
    title: 'The fleet cannot listen for its sensors.',
    hint: 'See what else uses that port, or set another one for the link.',
    status: 500,
  },
  FLEET_LINKS_OFFLINE: {
    title: 'The sensor is not connected to the fleet now.',
    hint: 'It works on by itself and comes back when it reaches the fleet. Check its power and its network if it should be there.',
    status: 503,
  },
  FLEET_LINKS_LOST: {
    title: 'The link to the sensor ended before there was an answer.',
    hint: 'It connects again by itself; try again in a moment. What was asked for may have been done.',
    status: 502,
  },
  FLEET_LINKS_TIMEOUT: {
    title: 'The sensor did not answer in time.',
    hint: 'It is connected but busy: try again, or ask for less.',
    status: 504,
  },
  FLEET_LINKS_CANCELLED: {
    title: 'What was asked of a sensor was taken back.',
    hint: 'Ask again if it is still wanted.',
    status: 400,
  },
  FLEET_LINKS_BUSY: {
    title: 'As much as the sensor takes at once waits for it already.',
    hint: 'Try again in a moment.',
    status: 429,
  },
  FLEET_LINKS_ASK_TOO_LARGE: {
    title: 'A question to a sensor is too large.',
    hint: 'Send less at once.',
    status: 413,
  },
  FLEET_LINKS_ASK_INVALID: {
    title:
      "The address below the sensor's API is not in its plain form, or the method is none that sensors answer.",
    hint: 'Use GET or POST, and a path of plain names and numbers.',
    status: 400,
  },
  FLEET_LINKS_ASK_DENIED: {
    title: 'This person may not ask that of the sensor.',
    hint: 'Ask somebody whose role suffices there, or an administrator.',
    status: 403,
  },
  FLEET_LINKS_ANSWER_TOO_LARGE: {
    title: "The sensor's answer is larger than what was asked for may be.",
    hint: 'Ask for less: a shorter time, or fewer kinds.',
    status: 502,
  },
  FLEET_LINKS_READER_SLOW: {
    title: 'The answer of a sensor came faster than it was read, and the sensor does not wait.',
    hint: 'Ask for less at once, or update the sensor: later versions wait.',
    status: 502,
  },
  FLEET_LINKS_TUNNELS_BUSY: {
    title: 'As many connections to pages of this sensor as there may be are open.',
    hint: 'Close some of its pages, and try again.',
    status: 429,
  },
  FLEET_LINKS_TUNNEL_REFUSED: {
    title: 'The sensor does not open a connection to the page of its instrument.',
    hint: 'The instrument must run, have a page, and be granted `ui`; the code of the sensor stands in `reason`.',
    status: 502,
  },
  FLEET_LINKS_TUNNEL_TIMEOUT: {
    title: 'The sensor did not open a connection to the page of its instrument in time.',
    hint: 'Try again; see whether the instrument runs.',
    status: 504,
  },
  FLEET_LINKS_TUNNEL_UNKNOWN: {
    title: 'A sensor opened a connection that nobody asked it for, or too late.',
    hint: 'Nothing has to be done: it was closed.',
  },
  FLEET_LINKS_CONFIG_TOO_LARGE: {
    title: 'A configuration is larger than sensors read.',
    hint: 'Make it smaller; rules and lists belong into files of instruments.',
    status: 413,
  },
  FLEET_LINKS_CONFIG_TIMEOUT: {
    title: 'A sensor did not say in time what became of its configuration.',
    hint: 'It may still be at work on it; its page shows the result when it comes.',
    status: 504,
  },
  FLEET_LINKS_LIVE_BUSY: {
    title: 'As many pages as the fleet keeps informed are open already.',
    hint: 'Close some of them. The page works without, and asks from time to time.',
    status: 429,
  },
  FLEET_LINKS_CERTIFICATE_INVALID: {
    title: 'Somebody connected to the link without a valid certificate of a sensor of this fleet.',
    hint: 'A machine that should be a sensor must be adopted; anything else has no business at this port.',
  },
  FLEET_LINKS_CERTIFICATE_EXPIRED: {
    title: 'The certificate of a sensor ran out.',
    hint: 'The sensor asks to return by itself; confirm it on its page.',
  },
  FLEET_LINKS_HELLO_TIMEOUT: {
    title: 'A sensor connected and did not say hello in time.',
    hint: 'It tries again by itself. If it stays so, look at its log and at the network between.',
  },
  FLEET_LINKS_HELLO_INVALID: {
    title: 'A sensor said hello in a way that this fleet does not understand.',
    hint: 'Sensor and fleet may be more than one version apart: update the older one.',
  },
  FLEET_LINKS_TOO_OFTEN: {
    title: 'A sensor connects again and again.',
    hint: 'It waits by itself. Two machines may use one identity: see whether it was copied, and replace one of them.',
  },
  FLEET_LINKS_CLONE: {
    title: 'A second machine came with the identity of a sensor that is connected.',
    hint: 'A disk or a virtual machine was copied. Take the copy off the network and adopt it as a sensor of its own; if you do not know which is which, revoke the sensor.',
  },
  FLEET_LINKS_REPLACED: {
    title: 'The sensor connected anew, so its former link was ended.',
    hint: 'Nothing has to be done.',
  },
  FLEET_LINKS_REVOKED: {
    title: 'The sensor may not connect any more: it was revoked or removed.',
    hint: 'Adopt the machine anew if it should be a sensor again.',
  },
  FLEET_LINKS_CLOSED: {
    title: 'The sensor closed its link, or the connection broke.',
    hint: 'It comes back by itself; if not, check its power and its network.',
  },
  FLEET_LINKS_SILENT: {
    title: 'Nothing was heard of the sensor for three heartbeats.',
    hint: 'Its connection broke without a word: check its power and its network. It comes back by itself.',
  },
  FLEET_LINKS_STUCK: {
    title: 'The sensor does not take what the fleet sends.',
    hint: 'It is overloaded, or the network between lets only one direction through. It connects anew by itself.',
  },
  FLEET_LINKS_STOPPING: {
    title: 'The fleet stops or restarts.',
    hint: 'Sensors come back by themselves.',
  },
  FLEET_LINKS_RENEWAL_INVALID: {
    title: 'A sensor asked for a new certificate with something that is no certificate request.',
    hint: 'Look at the log of the sensor; its present certificate stays valid.',
  },
  FLEET_LINKS_FAILED: {
    title: 'The fleet could not decide about a sensor.',
    hint: 'Its log says why; the sensor tries again by itself.',
  },
});
