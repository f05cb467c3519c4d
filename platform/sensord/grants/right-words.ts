import type { DownloadAsk } from '../../contracts/index.ts';
import { capabilityWords, destinationWords, downloadWords, pageWords } from '../../packages/index.ts';
import type { Right } from './right-text.ts';

/** What else a sentence needs to know. */
export interface RightDetails {
  download?: DownloadAsk;
  /** Title of its web page. */
  page?: string;
}

/** What may be done with a right, after "may". Pure. */
export function mayDo(right: Right, details: RightDetails = {}): string {
  switch (right.kind) {
    case 'capability':
      return capabilityWords(right.capability);
    case 'publish':
      return `publish ${right.type} events`;
    case 'read':
      return `read the ${right.type} events of ${right.from}`;
    case 'send':
      return `send \`${right.command}\` to ${right.to}`;
    case 'egress':
      return `reach ${destinationWords(right)}${
        right.privateAddresses ? ', also at private, loopback and link-local addresses' : ''
      }`;
    case 'download':
      return details.download === undefined
        ? `have the download ${right.name}`
        : `have ${downloadWords(details.download)}`;
    case 'deliver':
      return `hand files to ${right.to}`;
    case 'fetch':
      return 'fetch the approved downloads of all instruments, and reach their hosts for that';
    case 'ui':
      return pageWords(details.page ?? 'untitled');
  }
}

/** A whole sentence about one right. Pure. */
export function rightSentence(
  instrument: string,
  right: Right,
  state: 'granted' | 'asked' | 'ineffective',
  details: RightDetails = {},
): string {
  const verb = { granted: 'may', asked: 'asks to', ineffective: 'was allowed, without effect, to' }[state];
  return `${instrument} ${verb} ${mayDo(right, details)}`;
}
