import {
  CapabilitySchema,
  CommandNameSchema,
  EgressGrantSchema,
  EventTypeSchema,
  NameSchema,
  type EgressGrant,
  type Grants,
} from '../../contracts/index.ts';
import { BulkheadError } from '../../kernel/index.ts';

/** One right of one instrument, as an operator names it. */
export type Right =
  | { kind: 'capability'; capability: Grants['capabilities'][number] }
  | { kind: 'publish'; type: string }
  | { kind: 'read'; from: string; type: string }
  | { kind: 'send'; to: string; command: string }
  | ({ kind: 'egress' } & EgressGrant)
  | { kind: 'download'; name: string }
  | { kind: 'deliver'; to: string }
  | { kind: 'fetch' }
  | { kind: 'ui' };

const FORMS =
  'capability:NAME, publish:TYPE, read:INSTRUMENT/TYPE, send:INSTRUMENT/COMMAND, egress:HOST:PORT[,PORT]/tcp, download:NAME, deliver:INSTRUMENT, fetch, ui';

/** The short textual form; `parseRight` takes it back. */
export function formatRight(right: Right): string {
  switch (right.kind) {
    case 'capability':
      return `capability:${right.capability}`;
    case 'publish':
      return `publish:${right.type}`;
    case 'read':
      return `read:${right.from}/${right.type}`;
    case 'send':
      return `send:${right.to}/${right.command}`;
    case 'egress':
      return `egress:${formatDestination(right)}${right.privateAddresses ? '+private' : ''}`;
    case 'download':
      return `download:${right.name}`;
    case 'deliver':
      return `deliver:${right.to}`;
    case 'fetch':
    case 'ui':
      return right.kind;
  }
}

/** `host:80,443/tcp`; IPv6 in brackets. */
function formatDestination({ to, ports, protocol }: EgressGrant): string {
  const host = to.includes(':') ? `[${to}]` : to;
  return `${host}:${formatPorts({ ports, protocol })}`;
}

/** `80,443/tcp` */
export function formatPorts({ ports, protocol }: Pick<EgressGrant, 'ports' | 'protocol'>): string {
  return `${sortedPorts(ports).join(',')}/${protocol}`;
}

/** @throws BulkheadError SENSORD_RIGHT_INVALID */
export function parseRight(text: string): Right {
  const colon = text.indexOf(':');
  const kind = colon < 0 ? text : text.slice(0, colon);
  const rest = colon < 0 ? undefined : text.slice(colon + 1);
  const right = rest === undefined ? bareRight(kind) : parseKind(kind, rest);
  if (right !== undefined) return right;
  throw new BulkheadError({
    code: 'SENSORD_RIGHT_INVALID',
    message: `"${text.slice(0, 200)}" is not the name of a right.`,
    hint: `Rights are ${FORMS}. \`bulkhead grants show\` prints those of an instrument.`,
    fields: { right: text.slice(0, 200) },
  });
}

function bareRight(kind: string): Right | undefined {
  return kind === 'fetch' || kind === 'ui' ? { kind } : undefined;
}

function parseKind(kind: string, rest: string): Right | undefined {
  const name = NameSchema.safeParse(rest.split('/')[0]).data;
  const after = rest.includes('/') ? rest.slice(rest.indexOf('/') + 1) : undefined;
  switch (kind) {
    case 'capability': {
      const capability = CapabilitySchema.safeParse(rest).data;
      return capability && { kind, capability };
    }
    case 'publish': {
      const type = EventTypeSchema.safeParse(rest).data;
      return type === undefined ? undefined : { kind, type };
    }
    case 'read': {
      const type = EventTypeSchema.safeParse(after).data;
      return name === undefined || type === undefined ? undefined : { kind, from: name, type };
    }
    case 'send': {
      const command = CommandNameSchema.safeParse(after).data;
      return name === undefined || command === undefined ? undefined : { kind, to: name, command };
    }
    case 'egress': {
      const grant = parseDestination(rest);
      return grant && { kind, ...grant };
    }
    case 'download':
      return /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(rest) ? { kind, name: rest } : undefined;
    case 'deliver':
      return name === undefined || after !== undefined ? undefined : { kind, to: name };
    default:
      return undefined;
  }
}

function parseDestination(text: string): EgressGrant | undefined {
  const match = /^(?:\[([^\]]+)\]|([^[\]]+)):(\d{1,5}(?:,\d{1,5}){0,15})\/(tcp|udp)(\+private)?$/.exec(text);
  if (match === null) return undefined;
  const [, bracketed, plain, ports = '', protocol, isPrivate] = match;
  if (bracketed === undefined && plain?.includes(':') === true) return undefined;
  const grant = EgressGrantSchema.safeParse({
    to: bracketed ?? plain,
    protocol,
    ports: sortedPorts(ports.split(',').map(Number)),
    privateAddresses: isPrivate !== undefined,
  });
  return grant.data;
}

/** Each port once, in order. */
export function sortedPorts(ports: readonly number[]): number[] {
  return [...new Set(ports)].sort((a, b) => a - b);
}
