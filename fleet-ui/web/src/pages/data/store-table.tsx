import type { DataStore } from '@bulkhead/fleet-api';
import { Link } from '@tanstack/react-router';
import { Ago } from '../../components/time.tsx';
import { byteWords, compactNumber } from '../../text/number-words.ts';

/** Copies of data, one in each row. */
export function StoreTable({ stores }: { stores: readonly DataStore[] }) {
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
                {store.sensor === undefined ? (
                  'The fleet'
                ) : (
                  <Link to="/sensors/$sensor/data" params={{ sensor: store.sensor }}>
                    {store.sensorName ?? store.sensor}
                  </Link>
                )}
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
                {store.faults.map((fault) => (
                  <div key={fault} className="text-warn">
                    {fault}
                  </div>
                ))}
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
