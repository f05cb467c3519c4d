import type { DataStoresQuery } from '@bulkhead/fleet-api';
import { Button, Checkbox, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { API } from '../../api/http.ts';
import { dataQuery } from '../../api/data.ts';
import { Choice } from '../../components/choice.tsx';
import { Empty } from '../../components/empty.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Page, Section } from '../../components/page.tsx';
import { Pager } from '../../components/pager.tsx';
import { counted } from '../../text/number-words.ts';
import { DataReports } from './data-reports.tsx';
import { StoreTable } from './store-table.tsx';

const PAGE = 100;
const SORTS: readonly { value: NonNullable<DataStoresQuery['sort']>; label: string }[] = [
  { value: 'place', label: 'Place' },
  { value: 'oldest', label: 'Oldest first' },
  { value: 'size', label: 'Largest first' },
];

/** Every copy of data that sensors and the fleet keep. */
export function Data() {
  const search = useSearch({ from: '/shell/data' });
  const navigate = useNavigate();
  const [text, setText] = useState(search.text ?? '');
  const [offset, setOffset] = useState(0);
  const sort = SORTS.find(({ value }) => value === search.sort)?.value ?? 'place';
  const found = useQuery(
    dataQuery({
      ...{ sort, limit: PAGE, offset },
      ...(search.at === undefined ? {} : { at: search.at }),
      ...(search.text === undefined ? {} : { text: search.text }),
      ...(search.faults === 'yes' ? { faults: 'yes' } : {}),
    }),
  );
  const set = (change: Partial<typeof search>) => {
    const next = Object.entries({ ...search, ...change }).filter(([, value]) => value !== '');
    setOffset(0);
    void navigate({ to: '/data', search: Object.fromEntries(next), replace: true });
  };
  return (
    <Page
      title="Data"
      needs="sensors.read"
      about="Every copy of data that the sensors and the fleet keep: how old, by which policy, who may read it and where it goes. A sensor that is away is listed by its newest report."
      actions={
        <Button component="a" variant="default" href={`${API}/data/export`} download="data-report.ndjson">
          Download, signed
        </Button>
      }
    >
      <form
        className="filters"
        onSubmit={(event) => {
          event.preventDefault();
          set({ text: text.trim() });
        }}
      >
        <TextInput
          label="Find"
          placeholder="alerts, volume, passive-dns"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Choice
          label="Where"
          value={search.at ?? ''}
          options={[
            { value: '', label: 'Everywhere' },
            { value: 'fleet', label: 'The fleet itself' },
            ...(found.data?.sensors ?? []).map(({ sensor, name }) => ({ value: sensor, label: name })),
          ]}
          onChange={(at) => set({ at })}
        />
        <Choice label="Order" value={sort} options={SORTS} onChange={(value) => set({ sort: value })} />
        <Checkbox
          label="Only with something wrong"
          checked={search.faults === 'yes'}
          onChange={(event) => set({ faults: event.currentTarget.checked ? 'yes' : '' })}
        />
        <Button type="submit">Search</Button>
      </form>
      <Loaded query={found} what="stores">
        {({ stores, total, sensors, key }) => (
          <>
            {stores.length === 0 ? (
              <Empty title="No store fits">
                <p>Take a filter away to see more. A sensor without a report is listed below.</p>
              </Empty>
            ) : (
              <div className="section">
                <p className="quiet">{counted(total, 'store')}</p>
                <StoreTable stores={stores} />
              </div>
            )}
            <Pager total={total} offset={offset} page={PAGE} onGo={setOffset} />
            <DataReports sensors={sensors} />
            <Proof fingerprint={key} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Proof({ fingerprint }: { fingerprint: string }) {
  return (
    <Section title="To prove a download">
      <div className="card">
        <p>
          The file holds one line of the fleet and one of each sensor. Each sensor signed its own; the fleet
          signed what it keeps itself and the SHA-256 of every other line. On any machine with the program{' '}
          <code>fleetd verify-report FILE</code> checks all of it. The fingerprint of the fleet’s key is{' '}
          <code>{fingerprint}</code>; that of a sensor’s is what <code>bulkhead data key</code> shows on it.
        </p>
        <p>Which sensors are in it is what you may see. Each download is in the audit log.</p>
      </div>
    </Section>
  );
}
