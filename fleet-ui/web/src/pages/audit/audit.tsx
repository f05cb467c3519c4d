import type { AuditEntry } from '@bulkhead/fleet-api';
import { Button, TextInput } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { API, queryText } from '../../api/http.ts';
import { auditQuery, checkAudit, peopleQuery } from '../../api/people.ts';
import { sensorsQuery } from '../../api/sensors.ts';
import { useMay } from '../../api/session.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Choice } from '../../components/choice.tsx';
import { Empty } from '../../components/empty.tsx';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { clockTime } from '../../text/time-words.ts';

const OUTCOMES: Readonly<Record<AuditEntry['outcome'], Tone>> = {
  done: 'good',
  refused: 'warn',
  failed: 'bad',
};
const OUTCOME_CHOICES = [
  { value: '', label: 'Any' },
  { value: 'done', label: 'Done' },
  { value: 'refused', label: 'Refused' },
  { value: 'failed', label: 'Failed' },
];

/** Who saw and did what. Lines are only ever added. */
export function Audit() {
  const search = useSearch({ from: '/shell/audit' });
  const navigate = useNavigate();
  const [action, setAction] = useState(search.action ?? '');
  const question = useMemo(
    () => ({ person: search.person, action: search.action, outcome: search.outcome }),
    [search],
  );
  const found = useInfiniteQuery(auditQuery(question));
  const mayPeople = useMay('people.manage');
  const people = useQuery({ ...peopleQuery, enabled: mayPeople }).data?.people ?? [];
  const entries = (found.data?.pages ?? []).flatMap((page) => page.entries);
  const set = (change: Partial<typeof search>) => {
    const next = Object.fromEntries(
      Object.entries({ ...search, ...change }).filter(([, value]) => value !== ''),
    );
    void navigate({ to: '/audit', search: next, replace: true });
  };
  return (
    <Page
      title="Audit"
      needs="audit.read"
      about="Who saw and did what on this fleet. Lines are only ever added, and each holds the hash of the one before it."
      actions={
        <Button
          component="a"
          variant="default"
          href={`${API}/audit/export${queryText(question)}`}
          download="audit.ndjson"
        >
          Download
        </Button>
      }
    >
      <Whole />
      <form
        className="filters"
        onSubmit={(event) => {
          event.preventDefault();
          set({ action: action.trim() });
        }}
      >
        {mayPeople && (
          <Choice
            label="Person"
            value={search.person ?? ''}
            options={[
              { value: '', label: 'Anybody' },
              ...people.map(({ id, name }) => ({ value: id, label: name })),
            ]}
            onChange={(person) => set({ person })}
          />
        )}
        <TextInput
          label="Action begins with"
          placeholder="session."
          value={action}
          onChange={(event) => setAction(event.currentTarget.value)}
        />
        <Choice
          label="Outcome"
          value={search.outcome ?? ''}
          options={OUTCOME_CHOICES}
          onChange={(outcome) => set({ outcome })}
        />
        <Button type="submit">Search</Button>
      </form>
      {found.error !== null && <Problem error={found.error} retry={() => void found.refetch()} />}
      {found.data !== undefined && entries.length === 0 && (
        <Empty title="No entry fits">
          <p>
            Everything that people and programs do or are refused is written here. Take a filter away to see
            more.
          </p>
        </Empty>
      )}
      {entries.length > 0 && <Entries entries={entries} />}
      {found.hasNextPage && (
        <Button
          variant="default"
          loading={found.isFetchingNextPage}
          onClick={() => void found.fetchNextPage()}
        >
          Older ones
        </Button>
      )}
    </Page>
  );
}

function Entries({ entries }: { entries: readonly AuditEntry[] }) {
  const sensors = useQuery(sensorsQuery).data?.sensors ?? [];
  const names = useMemo(() => new Map(sensors.map(({ id, name }) => [id, name])), [sensors]);
  return (
    <div className="table-wrap" tabIndex={0} role="region" aria-label="Audit log">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">On</th>
            <th scope="col">Outcome</th>
            <th scope="col">From</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={entry.id}>
              <td className="nowrap">{clockTime(entry.at)}</td>
              <td>
                {entry.name}
                {entry.by.startsWith('token') && <div className="quiet">{entry.by}</div>}
              </td>
              <td>
                <code>{entry.action}</code>
                <div className="quiet">
                  {Object.entries(entry.facts)
                    .map(([name, value]) => `${name}: ${String(value)}`)
                    .join(', ')}
                </div>
              </td>
              <td>{names.get(entry.target) ?? entry.target}</td>
              <td>
                <Badge tone={OUTCOMES[entry.outcome]}>{entry.outcome}</Badge>
                {entry.code !== null && <div className="quiet mono">{entry.code}</div>}
              </td>
              <td className="mono">{entry.address}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Whole() {
  const check = useMutation({ mutationFn: checkAudit });
  return (
    <div className="line whole">
      <Button size="xs" variant="default" loading={check.isPending} onClick={() => check.mutate()}>
        Check that the log is whole
      </Button>
      <span role="status">
        {check.data !== undefined &&
          (check.data.whole ? (
            <span className="text-good">
              Whole: {check.data.entries.toLocaleString('en')} entries, the newest hash is{' '}
              <code>{check.data.head.slice(0, 16)}…</code>
            </span>
          ) : (
            <span className="text-bad">
              Not whole: entry {check.data.fault?.id}: {check.data.fault?.text}
            </span>
          ))}
      </span>
      {check.error !== null && <Problem error={check.error} />}
    </div>
  );
}
