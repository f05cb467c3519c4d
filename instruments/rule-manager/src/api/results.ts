import type { AnyDocument, Kind, Origin, Scope } from '../documents/schemas.ts';

/** A place in a rule file that is refused, and what to do. */
export interface Fault {
  file: string;
  line: number;
  code: string;
  message: string;
}

/** Results by operation. Times are ISO 8601. */
export interface OperationResults {
  overview: Overview;
  'sources.list': { sources: SourceState[] };
  'sources.catalogue': { entries: CatalogueEntry[] };
  'source.add': { source: SourceState };
  'source.set': { source: SourceState };
  'source.refresh': { source: SourceState };
  'source.remove': Record<string, never>;
  /** `total` counts to 1,000; `more` says that there are rules behind this page. */
  'rules.search': { rules: RuleSummary[]; total: number; more: boolean };
  'rule.get': RuleDetail;
  'rule.set': { document: AnyDocument };
  'rule.unset': Record<string, never>;
  'documents.list': { documents: AnyDocument[]; total: number };
  'variables.set': { document: AnyDocument };
  'variables.unset': Record<string, never>;
  'suppression.add': { document: AnyDocument };
  'suppression.remove': Record<string, never>;
  'suppression.preview': Preview;
  'changes.list': { changes: Change[]; total: number };
  'ruleset.build': { version: RulesetVersion };
  'ruleset.deploy': { job: Job };
  'ruleset.rollback': { job: Job };
  'versions.list': { versions: RulesetVersion[]; pinned?: string };
  'jobs.list': { jobs: Job[] };
}
export interface Overview {
  sensor: string;
  /** How the rule manager itself is called there. */
  instrument: string;
  groups: string[];
  /** Changes whenever anything shown anywhere did. */
  generation: number;
  health: { state: 'ok' | 'starting' | 'degraded' | 'failed'; detail?: string };
  sources: number;
  rules: { all: number; enabled: number };
  documents: Record<Kind, number>;
  /** The ruleset that the documents want, when it is known; `pending`: it is not live everywhere. */
  wanted?: { version: string; enabled: number };
  pending: boolean;
  /** A version that a person went back to; changes wait until `ruleset.deploy`. */
  pinned?: string;
  /** When what changed is deployed by itself; absent: nothing waits, or only a person deploys. */
  deploysAt?: string;
  targets: Target[];
  job?: Job;
  alerts: { recorded: number; oldest?: string; days: number };
}

/** One IDS. */
export interface Target {
  name: string;
  state: 'unknown' | 'live' | 'behind' | 'deploying' | 'refused' | 'failed' | 'not-permitted';
  /** Version that it says it runs. */
  version?: string;
  ruleCount?: number;
  /** When it was last asked with success. */
  askedAt?: string;
  code?: string;
  message?: string;
}

export interface SourceState {
  id: string;
  name: string;
  /** Without the values of parameters. */
  origin:
    | Exclude<Origin, { type: 'catalogue' }>
    | { type: 'catalogue'; index: string; entry: string; parameters: string[] };
  enabled: boolean;
  skipFaulty: boolean;
  everyS: number;
  maxMib: number;
  scope: Scope;
  author: string;
  time: string;
  reason: string;
  expires?: string;
  license?: string;
  /** `waiting`: no file yet; `reading`; `good`; `stale`: the newest file was refused, the one before is used; `refused`: there is no good one. */
  state: 'waiting' | 'reading' | 'good' | 'stale' | 'refused';
  /** The platform's word on the download that was asked for. */
  download?: {
    state: 'approved' | 'waiting' | 'refused' | 'failed';
    name: string;
    code?: string;
    message?: string;
  };
  rules: { all: number; enabled: number };
  /** The one in use. */
  version?: SourceVersion;
  /** The last that was refused, if it is newer than the one in use. */
  refused?: SourceVersion;
}

export interface SourceVersion {
  /** SHA-256 of the file. */
  digest: string;
  time: string;
  bytes: number;
  rules: number;
  /** Rules that were left out (`skipFaulty`). */
  skipped: number;
  code?: string;
  message?: string;
  faults: Fault[];
}

/** One entry of a catalogue (suricata-update's index). */
export interface CatalogueEntry {
  index: string;
  entry: string;
  summary: string;
  vendor?: string;
  license?: string;
  homepage?: string;
  url: string;
  /** Values that it needs, such as an access code. */
  parameters: { name: string; prompt?: string }[];
  obsolete?: string;
  /** A source that uses it. */
  source?: string;
}

export interface RuleSummary {
  sid: number;
  gid: number;
  rev: number;
  msg: string;
  action: string;
  classtype?: string;
  /** 1 is the most severe. */
  priority?: number;
  source: string;
  /** By its source, and with all changes on this sensor. */
  enabledBySource: boolean;
  enabled: boolean;
  changed: boolean;
}

export interface RuleDetail extends RuleSummary {
  /** As on this sensor; `original` as in the source. */
  text: string;
  original: string;
  file: string;
  line: number;
  references: string[];
  metadata: string[];
  /** That change this rule, and that suppress or limit its alerts. */
  documents: AnyDocument[];
  /** Alerts of it that were recorded, in the last days. */
  alerts: number;
  /** The IDS refused it, and its source says `skipFaulty`. */
  excluded?: string;
}

export interface Preview {
  /** Recorded alerts of the rule since `since`, and those of them that would not have been shown. */
  alerts: number;
  hidden: number;
  since: string;
  /** Not all were looked at: there were too many. */
  partial: boolean;
  /** Newest hidden ones, at most 20. */
  examples: { time: string; source: string; destination: string }[];
  /** The addresses most often hidden, at most 10. */
  top: { address: string; count: number }[];
  /** Exactly what the IDS would be given. */
  lines: string[];
}

export interface Change {
  id: number;
  time: string;
  author: string;
  action: 'add' | 'change' | 'remove' | 'expire' | 'deploy' | 'rollback' | 'refused' | 'import';
  kind: Kind | 'ruleset';
  subject: string;
  reason: string;
  /** JSON texts of before and after. */
  old?: string;
  new?: string;
}

export interface RulesetVersion {
  id: string;
  time: string;
  author: string;
  /** Why it was built. */
  reason: string;
  state: 'built' | 'live' | 'was-live' | 'refused';
  rules: number;
  suppressions: number;
  bytes: number;
  /** Against the version that was live when it was built. */
  added: number;
  removed: number;
  changed: number;
  /** What was left out, and why: suppressions of rules that are off, the same sid in two sources. At most 20. */
  notes: string[];
  /** IDSs that say they run it. */
  liveOn: string[];
  code?: string;
  message?: string;
  faults: Fault[];
  /** Alerts in the capture file, by sid, when there is one. */
  captureAlerts?: { sid: number; count: number }[];
}

export type Stage =
  'waiting' | 'delivering' | 'testing' | 'applying' | 'confirming' | 'live' | 'refused' | 'failed';

export interface Job {
  id: string;
  kind: 'build' | 'deploy' | 'rollback';
  state: 'compiling' | 'deploying' | 'done' | 'failed' | 'aborted';
  author: string;
  reason: string;
  startedAt: string;
  endedAt?: string;
  version?: string;
  rules?: number;
  code?: string;
  message?: string;
  targets: JobTarget[];
}

export interface JobTarget {
  name: string;
  stage: Stage;
  /** When this stage began. */
  since: string;
  testSeconds?: number;
  reloadSeconds?: number;
  code?: string;
  message?: string;
  faults?: Fault[];
}
