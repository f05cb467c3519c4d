import type { Health } from '@bulkhead/sdk';
import type { Builder } from '../deploy/builder.ts';
import type { JobStore } from '../deploy/job-store.ts';
import type { Pipeline } from '../deploy/pipeline.ts';
import type { Reconciler } from '../deploy/reconciler.ts';
import type { VersionStore } from '../deploy/version-store.ts';
import type { DocumentStore } from '../documents/document-store.ts';
import type { Place } from '../documents/scope.ts';
import type { Options } from '../options.ts';
import type { RuleStore, Standing } from '../rules/rule-store.ts';
import type { SourceKeeper } from '../sources/source-keeper.ts';
import type { SourceStore } from '../sources/source-store.ts';
import type { AlertLog } from '../suppressions/alert-log.ts';
import type { OperationInput, OperationName, OperationResult } from '../api-types.ts';

/** All that the operations work on. */
export interface Desk {
  /** Its own name on this sensor. */
  instrument: string;
  documents: DocumentStore;
  sources: SourceStore;
  keeper: SourceKeeper;
  rules: RuleStore;
  versions: VersionStore;
  jobs: JobStore;
  builder: Builder;
  pipeline: Pipeline;
  reconciler: Reconciler;
  /** Undefined: none are kept. */
  alerts: () => AlertLog | undefined;
  options: () => Options;
  place: () => Place;
  standing: () => Standing;
  granted: () => { name: string; missing: string[] }[];
  generation: () => number;
  health: () => Health;
}

/** Who asks: a person through the web page, or an instrument or the platform by message. */
export interface Caller {
  author: string;
}

/** One operation. */
export type Perform<N extends OperationName> = (
  request: OperationInput<N>,
  caller: Caller,
) => OperationResult<N> | Promise<OperationResult<N>>;

/** Operations by name. */
export type Operations<N extends OperationName = OperationName> = { readonly [K in N]: Perform<K> };
