import type { Asset } from '@bulkhead/fleet-api';
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Badge } from '../../components/badge.tsx';
import { Ago } from '../../components/time.tsx';
import { bestName, otherNames, serviceWords } from './asset-words.ts';

const SERVICES_SHOWN = 4;

export function AssetTable({
  assets,
  nameOf,
  onShow,
}: {
  assets: readonly Asset[];
  nameOf: (sensor: string) => string;
  onShow: (asset: Asset) => void;
}) {
  return (
    <div className="table-wrap" tabIndex={0} role="region" aria-label="Assets">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Address</th>
            <th scope="col">Name</th>
            <th scope="col">Sensor</th>
            <th scope="col">Services</th>
            <th scope="col" className="num">
              Alerts
            </th>
            <th scope="col">First seen</th>
            <th scope="col">Last seen</th>
            <th scope="col">More</th>
          </tr>
        </thead>
        <tbody>
          {assets.map((asset) => (
            <Row
              key={`${asset.sensor} ${asset.address}`}
              asset={asset}
              sensorName={nameOf(asset.sensor)}
              onShow={onShow}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({
  asset,
  sensorName,
  onShow,
}: {
  asset: Asset;
  sensorName: string;
  onShow: (asset: Asset) => void;
}) {
  const { address, sensor, services, alerts, highAlerts, label } = asset;
  const others = otherNames(asset).length;
  const question = { address, sensor, range: 'all' };
  return (
    <tr>
      <th scope="row">
        <Link to="/events" search={question} className="mono">
          {address}
        </Link>
        <div className="quiet">
          {asset.isPrivate ? 'private' : 'public'}
          {asset.mac !== undefined && ` · ${asset.mac}`}
        </div>
      </th>
      <td>
        {bestName(asset) ?? '–'}
        {label?.critical === true && (
          <>
            {' '}
            <Badge tone="warn">critical</Badge>
          </>
        )}
        {others > 0 && <div className="quiet">and {others} more</div>}
      </td>
      <td>{sensorName}</td>
      <td>
        {services.slice(0, SERVICES_SHOWN).map(serviceWords).join(', ')}
        {services.length > SERVICES_SHOWN && ` and ${String(services.length - SERVICES_SHOWN)} more`}
      </td>
      <td className="num nowrap">
        {alerts === 0 ? (
          '0'
        ) : (
          <Link to="/events" search={{ ...question, type: 'alert' }}>
            {alerts.toLocaleString('en')}
          </Link>
        )}
        {highAlerts > 0 && <div className="text-bad">{highAlerts.toLocaleString('en')} high</div>}
      </td>
      <td className="nowrap">
        <Ago time={asset.first} never="–" />
      </td>
      <td className="nowrap">
        <Ago time={asset.last} never="–" />
      </td>
      <td>
        <Button
          size="xs"
          variant="default"
          aria-label={`More about ${address}`}
          onClick={() => onShow(asset)}
        >
          Show
        </Button>
      </td>
    </tr>
  );
}
