import { useState } from 'preact/hooks';
import type { Change } from '../../src/api-types.ts';
import { useAsk } from '../live.tsx';
import { ErrorNotice } from '../parts/notice.tsx';
import { Empty, Pager, Time } from '../parts/small.tsx';
import { hrefOf } from '../route.ts';

const LIMIT = 10;

/** Who changed what. */
export function RecentChanges() {
  const [offset, setOffset] = useState(0);
  const { data, error } = useAsk('changes.list', { limit: LIMIT, offset });
  const changes = data?.changes ?? [];
  return (
    <section class="card" aria-labelledby="changes">
      <h2 id="changes">Changes</h2>
      <ErrorNotice error={error} />
      {data !== undefined && changes.length === 0 && <Empty>Nothing was changed yet.</Empty>}
      {changes.length > 0 && (
        <>
          <ChangeTable changes={changes} />
          <Pager
            offset={offset}
            limit={LIMIT}
            shown={changes.length}
            total={data?.total ?? 0}
            more={false}
            what="changes"
            onMove={setOffset}
          />
        </>
      )}
    </section>
  );
}

const ACTIONS: Readonly<Record<Change['action'], string>> = {
  add: 'added',
  change: 'changed',
  remove: 'removed',
  expire: 'ran out',
  deploy: 'deployed',
  rollback: 'rolled back to',
  refused: 'was refused',
  import: 'read anew',
};

/** A table of changes; `subject` false leaves out what they are about. */
export function ChangeTable({ changes, subject = true }: { changes: readonly Change[]; subject?: boolean }) {
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">Who</th>
          <th scope="col">What</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        {changes.map((change) => (
          <tr key={change.id}>
            <td data-label="When">
              <Time at={change.time} />
            </td>
            <td data-label="Who">{change.author}</td>
            <td data-label="What">
              {ACTIONS[change.action]} {subject && <Subject change={change} />}
            </td>
            <td data-label="Why">{change.reason}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Subject({ change }: { change: Change }) {
  if (change.kind === 'rule' && /^\d+$/.test(change.subject)) {
    return <a href={hrefOf('rules', change.subject)}>rule {change.subject}</a>;
  }
  if (change.kind === 'suppression' && /^\d+$/.test(change.subject)) {
    return (
      <>
        suppression of <a href={hrefOf('rules', change.subject)}>rule {change.subject}</a>
      </>
    );
  }
  const name = change.kind === 'ruleset' ? change.subject.slice(0, 8) : change.subject;
  return (
    <>
      {change.kind} <code>{name}</code>
    </>
  );
}
