import type { PageState } from '../../src/page-types.ts';
import { clock, count, plural } from '../text.ts';
import { Notice } from './notice.tsx';

/** What the instrument is doing. */
export function Doing({ state }: { state: PageState | undefined }) {
  if (state === undefined) return <p class="loading">Loading…</p>;
  return (
    <>
      <dl class="facts">
        <div>
          <dt>Records</dt>
          <dd>{count(state.records)}</dd>
        </div>
        <div>
          <dt>Answers since it started</dt>
          <dd>{count(state.observations)}</dd>
        </div>
        <div>
          <dt>Started</dt>
          <dd>{clock(state.since)}</dd>
        </div>
        <div>
          <dt>Oldest record</dt>
          <dd>{state.oldest === undefined ? 'none yet' : `first seen ${clock(state.oldest)}`}</dd>
        </div>
        <div>
          <dt>Kept for</dt>
          <dd>{plural(state.retentionDays, 'day')} after it was last seen</dd>
        </div>
      </dl>
      {state.state !== 'ok' && (
        <Notice tone="warn" title={`The instrument is ${state.state}.`}>
          {state.detail !== undefined && <p>{state.detail}</p>}
        </Notice>
      )}
    </>
  );
}

/** What can be asked, before anything was. */
export function Teach({ state }: { state: PageState | undefined }) {
  if (state?.records === 0) return <NothingYet state={state} />;
  return (
    <>
      <p>
        Each record says that a name was answered with a value: when first, when last, and how often. Who
        asked is not kept.
      </p>
      <ul>
        <li>
          <code>www.example.org</code>: what the name was answered with. Has it moved lately?
        </li>
        <li>
          <code>example.org</code> with the box ticked, or <code>*.example.org</code>: the names below it.
        </li>
        <li>
          <code>192.0.2.1</code> or <code>2001:db8::1</code>: the names that led to the address. Which name
          was meant by the connection of an alert?
        </li>
      </ul>
    </>
  );
}

function NothingYet({ state }: { state: PageState }) {
  return (
    <>
      <p>
        <strong>No records yet.</strong> Passive DNS sees no packet itself: it remembers the DNS answers that
        an IDS publishes.
      </p>
      <ul>
        {state.readsDns ? (
          <li>It may read the DNS events of an IDS; the first answers stand here within seconds.</li>
        ) : (
          <li>
            It may not read the DNS events of any IDS. Grant it that at the sensor:{' '}
            <code>bulkhead grants give passive-dns read:suricata/dns --reason …</code>
          </li>
        )}
        <li>
          The IDS must publish <code>dns</code> events, and the way to the name servers must pass where the
          sensor watches.
        </li>
      </ul>
    </>
  );
}
