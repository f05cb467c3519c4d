import type { Asset, AssetQuery } from '@bulkhead/fleet-api';
import { Button, Checkbox, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { assetsQuery } from '../../api/assets.ts';
import { sensorsQuery } from '../../api/sensors.ts';
import { useMay } from '../../api/session.ts';
import { Choice } from '../../components/choice.tsx';
import { Empty } from '../../components/empty.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Page, Section } from '../../components/page.tsx';
import { Pager } from '../../components/pager.tsx';
import { counted } from '../../text/number-words.ts';
import { clockTime } from '../../text/time-words.ts';
import { AssetDialog } from './asset-dialog.tsx';
import { AssetTable } from './asset-table.tsx';

const PAGE = 50;
/** Beyond this nobody pages, and the fleet does not count what fits a question. */
const PAGED_MOST = 10_000;
const KINDS: readonly { value: NonNullable<AssetQuery['kind']> | ''; label: string }[] = [
  { value: '', label: 'All' },
  { value: 'private', label: 'Private networks' },
  { value: 'public', label: 'Public networks' },
  { value: 'labelled', label: 'Labelled' },
  { value: 'critical', label: 'Critical' },
];
const SORTS: readonly { value: NonNullable<AssetQuery['sort']>; label: string }[] = [
  { value: 'last', label: 'Seen last' },
  { value: 'first', label: 'New ones first' },
  { value: 'alerts', label: 'Most high alerts' },
];

/** Addresses that events speak of. */
export function Assets() {
  const search = useSearch({ from: '/shell/assets' });
  const navigate = useNavigate();
  const [text, setText] = useState(search.text ?? '');
  const [offset, setOffset] = useState(0);
  const [shown, setShown] = useState<Asset | undefined>();
  const maySensors = useMay('sensors.read');
  const sensors = useQuery({ ...sensorsQuery, enabled: maySensors }).data?.sensors ?? [];
  const nameOf = (id: string) => sensors.find((sensor) => sensor.id === id)?.name ?? id;
  const kind = KINDS.find(({ value }) => value === search.kind)?.value ?? '';
  const sort = SORTS.find(({ value }) => value === search.sort)?.value ?? 'last';
  const found = useQuery(
    assetsQuery({
      ...{ sort, limit: PAGE, offset },
      ...(search.text === undefined ? {} : { text: search.text }),
      ...(search.sensor === undefined ? {} : { sensor: search.sensor }),
      ...(kind === '' ? {} : { kind }),
      ...(search.alerts === 'yes' ? { alerts: 'yes' } : {}),
    }),
  );
  const set = (change: Partial<typeof search>) => {
    const next = Object.entries({ ...search, ...change }).filter(([, value]) => value !== '');
    setOffset(0);
    void navigate({ to: '/assets', search: Object.fromEntries(next), replace: true });
  };
  return (
    <Page
      title="Assets"
      needs="events.read"
      about="Addresses that the events of your sensors speak of. Nothing is scanned or asked: a host that raised no event is not known here."
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
          placeholder="10.0.0.0/8, printer, 02:00:5e…"
          maxLength={200}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        {sensors.length > 0 && (
          <Choice
            label="Sensor"
            value={search.sensor ?? ''}
            options={[
              { value: '', label: 'All' },
              ...sensors.map(({ id, name }) => ({ value: id, label: name })),
            ]}
            onChange={(sensor) => set({ sensor })}
          />
        )}
        <Choice label="Which" value={kind} options={KINDS} onChange={(value) => set({ kind: value })} />
        <Choice label="Order" value={sort} options={SORTS} onChange={(value) => set({ sort: value })} />
        <Checkbox
          label="Only with alerts"
          checked={search.alerts === 'yes'}
          onChange={(event) => set({ alerts: event.currentTarget.checked ? 'yes' : '' })}
        />
        <Button type="submit">Search</Button>
      </form>
      <Loaded query={found} what="assets">
        {({ assets, total, known, most, evicted, readingFrom, complete }) => (
          <>
            {!complete && (
              <p role="status">
                There was no time to look at all {known.toLocaleString('en')} addresses: there may be more
                that fit. Choose a sensor or a kind to see them.
              </p>
            )}
            {assets.length === 0 ? (
              <Nothing isNone={known === 0} />
            ) : (
              <div className="section">
                <p className="quiet">
                  {total === known
                    ? counted(total, 'address', 'addresses')
                    : `${total > PAGED_MOST ? `More than ${counted(PAGED_MOST, 'address', 'addresses')}` : counted(total, 'address', 'addresses')} of ${known.toLocaleString('en')}`}
                  {evicted > 0 &&
                    `; ${evicted.toLocaleString('en')} that were seen longest ago had to go, because more than ${most.toLocaleString('en')} are not kept`}
                </p>
                <AssetTable assets={assets} nameOf={nameOf} onShow={setShown} />
              </div>
            )}
            <Pager total={Math.min(total, PAGED_MOST)} offset={offset} page={PAGE} onGo={setOffset} />
            {readingFrom !== undefined && (
              <p role="status">
                Events from before {clockTime(readingFrom)} are still being read; counts and names grow until
                then.
              </p>
            )}
          </>
        )}
      </Loaded>
      <Sources />
      {shown !== undefined && (
        <AssetDialog asset={shown} sensorName={nameOf(shown.sensor)} onClose={() => setShown(undefined)} />
      )}
    </Page>
  );
}

function Nothing({ isNone }: { isNone: boolean }) {
  if (!isNone) {
    return (
      <Empty title="No address fits">
        <p>Take a filter away to see more.</p>
      </Empty>
    );
  }
  return (
    <Empty title="No address is known yet">
      <p>
        Addresses appear with the first events of a sensor that speak of any: alerts, flows, DNS, TLS and the
        like, as far as its IDS was granted to publish them and the sensor’s configuration sends them.
      </p>
    </Empty>
  );
}

function Sources() {
  return (
    <Section title="Where this comes from">
      <div className="card">
        <p>
          From the events that sensors bring, and from nothing else. First and last seen, counts and services
          are as far as events go back; an address goes with the last event that spoke of it, and what you say
          of it stays.
        </p>
        <p>
          A name says who said it: <em>DHCP</em> and <em>SMB</em> are the host’s own word, <em>DNS</em> the
          word of who answered, <em>TLS</em> and <em>HTTP</em> that of a client that asked this address for
          the name. A service is a port that answered. An address is not a host: one host may have several,
          and several may share one. The same private address at two sensors is listed twice.
        </p>
        <p>Operating system, maker, owner and what never talked past a sensor are not known.</p>
      </div>
    </Section>
  );
}
