import type {
  GrantEffect,
  GrantEntry,
  GrantOrigin,
  Grants,
  InstrumentGrants,
  Manifest,
  SensorConfig,
} from '../../contracts/index.ts';
import { everythingAsked } from '../../packages/index.ts';
import type { DesiredState } from '../desired.ts';
import { holds, isAsked, rightsIn } from './grant-sets.ts';
import { formatRight, type Right } from './right-text.ts';
import { rightSentence, type RightDetails } from './right-words.ts';

/** One instrument as it was configured, with the manifest of its package when that is there. */
export interface Grantee {
  name: string;
  package: string;
  grants: Grants;
  manifest?: Manifest | undefined;
  problem?: string | undefined;
  unverified?: true | undefined;
  /** Has a way out. */
  active: boolean;
}

/** What the report is made from, beside the grantees. */
export interface GrantsReportParts {
  since: (grantee: Grantee, right: string) => GrantOrigin | undefined;
  effect: (grantee: Grantee) => GrantEffect;
}

/** Everybody who may be given rights, configured or beside the configuration. Pure. */
export function granteesOf(config: Pick<SensorConfig, 'instruments'>, desired: DesiredState): Grantee[] {
  const configured = config.instruments.map((one): Grantee => {
    const known = desired.instruments.find(({ name }) => name === one.name);
    const problem = desired.problems.find(({ instrument }) => instrument === one.name)?.error;
    const { name, package: packageName, grants } = one;
    const active = Object.keys(one.active).length > 0;
    return { name, package: packageName, grants, manifest: known?.manifest, problem, active };
  });
  const beside = desired.instruments
    .filter(({ unverified }) => unverified)
    .map(({ name, packageName, rights, manifest, active }): Grantee => {
      const { accept: _, ...grants } = rights;
      return { name, package: packageName, grants, manifest, unverified: true, active: active.length > 0 };
    });
  return [...configured, ...beside];
}

/** What each asks for and was given, in words. Pure. */
export function grantsReport(grantees: readonly Grantee[], parts: GrantsReportParts): InstrumentGrants[] {
  return grantees.map((grantee) => {
    const { name, manifest, problem, unverified } = grantee;
    return {
      instrument: name,
      package: grantee.package,
      ...(problem === undefined ? {} : { problem }),
      ...(unverified === undefined ? {} : { unverified }),
      rights: [...givenEntries(grantee, grantees, parts), ...askedEntries(grantee, grantees)],
      unanswered: manifest === undefined ? [] : unansweredAsks(grantee, manifest.asks, grantees),
      accepts: manifest?.asks.accept ?? [],
      effect: parts.effect(grantee),
    };
  });
}

/** Everything that is asked for and that somebody is there for, as rights. Pure. */
export function askedRights(manifest: Manifest, grantees: readonly Grantee[]): Right[] {
  return rightsIn(everythingAsked(manifest, grantees));
}

function givenEntries(
  grantee: Grantee,
  grantees: readonly Grantee[],
  parts: GrantsReportParts,
): GrantEntry[] {
  return rightsIn(grantee.grants).map((right) => {
    const text = formatRight(right);
    const ineffective = whyIneffective(grantee, right, grantees);
    const state = ineffective === undefined ? 'granted' : 'ineffective';
    const note = ineffective ?? whyIdle(grantee, right, grantees);
    const since = parts.since(grantee, text);
    return {
      right: text,
      words: rightSentence(grantee.name, right, state, detailsOf(grantee, right)),
      state,
      ...(since === undefined ? {} : { since }),
      ...(note === undefined ? {} : { note }),
    };
  });
}

function askedEntries(grantee: Grantee, grantees: readonly Grantee[]): GrantEntry[] {
  const { manifest, grants } = grantee;
  if (manifest === undefined) return [];
  return askedRights(manifest, grantees)
    .filter((right) => !holds(grants, right, manifest.asks))
    .map((right) => ({
      right: formatRight(right),
      words: rightSentence(grantee.name, right, 'asked', detailsOf(grantee, right)),
      state: 'asked',
    }));
}

/** Undefined: it has an effect. */
function whyIneffective(grantee: Grantee, right: Right, grantees: readonly Grantee[]): string | undefined {
  const { manifest, grants } = grantee;
  if (manifest === undefined) return 'nobody knows what its package asks for';
  const partner = partnerOf(right);
  if (partner !== undefined && !grantees.some(({ name }) => name === partner)) {
    return `there is no instrument ${partner}`;
  }
  const { asks } = manifest;
  const packageOf = new Map(grantees.map((one) => [one.name, one.package]));
  if (right.kind === 'download') {
    const download = grants.downloads.find(({ name }) => name === right.name);
    const asked = asks.requestsDownloads || asks.downloads.some((ask) => ask.url === download?.url);
    return asked ? undefined : 'its package does not ask for this address';
  }
  return isAsked(right, asks, packageOf) ? undefined : 'its package does not ask for it';
}

/** Why nothing comes of a right that is in force; undefined = something may. */
export function whyIdle(
  grantee: Pick<Grantee, 'active'>,
  right: Right,
  grantees: readonly Grantee[],
): string | undefined {
  const partner = grantees.find(({ name }) => name === partnerOf(right));
  if (right.kind === 'read' && partner?.manifest !== undefined) {
    const may =
      partner.grants.publish.includes(right.type) && partner.manifest.asks.publish.includes(right.type);
    if (!may) return `${right.from} may not publish them`;
  }
  if (right.kind === 'send' && partner?.manifest?.asks.accept.includes(right.command) === false) {
    return `${right.to} does not accept it`;
  }
  if (right.kind === 'egress' && !grantee.active) return 'it has no active interface';
  if (right.kind === 'fetch' && !grantee.active) return 'it has no active interface';
  return undefined;
}

/** The instrument that a right is about, beside the one that has it. */
export function partnerOf(right: Right): string | undefined {
  switch (right.kind) {
    case 'read':
      return right.from;
    case 'send':
    case 'deliver':
      return right.to;
    default:
      return undefined;
  }
}

/** Asked of packages that no instrument runs, and what is asked for one by one later. */
function unansweredAsks(grantee: Grantee, asks: Manifest['asks'], grantees: readonly Grantee[]): string[] {
  const missing = (name: string) => !grantees.some((one) => one.package === name);
  const nobody = (name: string) => `no instrument runs the package ${name}`;
  const { name } = grantee;
  return [
    ...asks.read
      .filter(({ from }) => missing(from))
      .map(({ from, type }) => `${name} asks to read the ${type} events of ${from}: ${nobody(from)}`),
    ...asks.send
      .filter(({ to }) => missing(to))
      .map(({ to, command }) => `${name} asks to send \`${command}\` to ${to}: ${nobody(to)}`),
    ...asks.deliver
      .filter(({ to }) => missing(to))
      .map(({ to }) => `${name} asks to hand files to ${to}: ${nobody(to)}`),
    ...(asks.requestsDownloads
      ? [`${name} may ask for further downloads while it runs; each waits in \`bulkhead downloads list\``]
      : []),
  ];
}

function detailsOf({ grants, manifest }: Grantee, right: Right): RightDetails {
  const page = manifest?.asks.ui?.title;
  if (right.kind === 'ui') return page === undefined ? {} : { page };
  if (right.kind !== 'download') return {};
  const download =
    grants.downloads.find(({ name }) => name === right.name) ??
    manifest?.asks.downloads.find(({ name }) => name === right.name);
  return download === undefined ? {} : { download };
}
