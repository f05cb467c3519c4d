import type { DataStore } from '@bulkhead/fleet-api';
import { Link } from '@tanstack/react-router';
import { FactCard, FactCards } from '../../components/fact-card.tsx';
import { Ago } from '../../components/time.tsx';
import { useNarrow } from '../../components/use-narrow.ts';
import { byteWords, compactNumber } from '../../text/number-words.ts';

/** Copies of data, one in each row; on a phone one in each card. */
export function StoreTable({ stores }: { stores: readonly DataStore[] }) {
  const isNarrow = useNarrow();
  if (isNarrow)
    return (
      <FactCards label="Stores">
        {stores.map((store) => (
          <StoreCard key={`${store.sensor ?? ''} ${store.copy}`} store={store} />
        ))}
      </FactCards>
    );
  return (
    <div className="table-wrap" tabIndex={0} role="region" aria-label="Stores">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Store</th>
            <th scope="col">Where</th>
            <th scope="col">Kind</th>
            <th scope="col" className="num">
              Size
            </th>
            <th scope="col">Oldest</th>
            <th scope="col">Policy</th>
            <th scope="col">Readers</th>
            <th scope="col">Goes to</th>
          </tr>
        </thead>
        <tbody>
          {stores.map((store) => (
            <tr key={`${store.sensor ?? ''} ${store.copy}`}>
              <th scope="row">
                {store.what}
                <div className="quiet mono">{store.copy}</div>
              </th>
              <td>
                <Where store={store} />
                {store.sensor !== undefined && <div className="quiet">{store.holder}</div>}
              </td>
              <td className="nowrap">{store.kind}</td>
              <td className="num nowrap">
                {store.bytes === undefined ? '–' : byteWords(store.bytes)}
                {store.limitBytes !== undefined && (
                  <div className="quiet">of {byteWords(store.limitBytes)}</div>
                )}
                {store.records !== undefined && (
                  <div className="quiet">{compactNumber(store.records)} records</div>
                )}
              </td>
              <td className="nowrap">
                <Ago time={store.oldest} never="–" />
                {store.basis !== undefined && <div className="quiet">{store.basis}</div>}
              </td>
              <td>
                {store.policy}
                <Faults store={store} />
              </td>
              <td>{store.readers.join(', ')}</td>
              <td>{store.goesTo.join(', ') || 'stays'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function StoreCard({ store }: { store: DataStore }) {
  const { what, copy, kind, holder, bytes, limitBytes, records, oldest, basis, policy } = store;
  const limit = limitBytes === undefined ? '' : ` of ${byteWords(limitBytes)}`;
  return (
    <FactCard
      title={what}
      under={copy}
      facts={[
        ['Where', <Where key="where" store={store} />],
        ['Size', bytes === undefined ? '–' : `${byteWords(bytes)}${limit}`],
        ['Oldest', <Ago key="oldest" time={oldest} never="–" />],
        ['Records', records === undefined ? '–' : compactNumber(records)],
      ]}
      moreLabel="Policy, readers, where it goes"
      more={[
        ['Policy', policy],
        ['Readers', store.readers.join(', ') || 'nobody'],
        ['Goes to', store.goesTo.join(', ') || 'stays'],
        ['Kind', kind],
        ['Held by', holder],
        ...(basis === undefined ? [] : [['Age is', basis] as const]),
      ]}
    >
      <Faults store={store} />
    </FactCard>
  );
}

function Where({ store: { sensor, sensorName } }: { store: DataStore }) {
  if (sensor === undefined) return 'The fleet';
  return (
    <Link to="/sensors/$sensor/data" params={{ sensor }}>
      {sensorName ?? sensor}
    </Link>
  );
}

function Faults({ store }: { store: DataStore }) {
  return store.faults.map((fault) => (
    <div key={fault} className="text-warn">
      {fault}
    </div>
  ));
}
