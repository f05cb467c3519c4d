import type { Asset } from '@bulkhead/fleet-api';
import { Button, Checkbox, Modal, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { labelAsset } from '../../api/assets.ts';
import { useMay } from '../../api/session.ts';
import { Problem } from '../../components/problem.tsx';
import { Ago } from '../../components/time.tsx';
import { clockTime } from '../../text/time-words.ts';
import { serviceWords, sourceWords } from './asset-words.ts';

/** All that is known of an address, and what people say of it. */
export function AssetDialog({
  asset,
  sensorName,
  onClose,
}: {
  asset: Asset;
  sensorName: string;
  onClose: () => void;
}) {
  const mayLabel = useMay('events.handle', { sensor: asset.sensor });
  return (
    <Modal opened onClose={onClose} title={`${asset.address} at ${sensorName}`} lockScroll={false} size="lg">
      <div className="stack">
        <Known asset={asset} />
        {mayLabel ? <EditLabel asset={asset} onClose={onClose} /> : <Said asset={asset} />}
      </div>
    </Modal>
  );
}

function Known({ asset }: { asset: Asset }) {
  const { names, services } = asset;
  return (
    <dl className="facts">
      <dt>Seen</dt>
      <dd>
        {asset.first === undefined
          ? 'the events that spoke of it are gone'
          : `${clockTime(asset.first)} to ${clockTime(asset.last ?? asset.first)}`}
      </dd>
      <dt>Events</dt>
      <dd>
        <Link to="/events" search={{ address: asset.address, sensor: asset.sensor, range: 'all' }}>
          {asset.events.toLocaleString('en')}
        </Link>
        , {asset.alerts.toLocaleString('en')} of them alerts
        {asset.lastAlert !== undefined && (
          <>
            , the last <Ago time={asset.lastAlert} />
          </>
        )}
      </dd>
      <dt>MAC address</dt>
      <dd className="mono">{asset.mac ?? 'not known (only DHCP tells it)'}</dd>
      <dt>Names</dt>
      <dd>
        {names.length === 0 && 'none'}
        {names.map(({ name, from, last }) => (
          <div key={`${from} ${name}`}>
            {name}{' '}
            <span className="quiet">
              {sourceWords(from)}, <Ago time={last} />
            </span>
          </div>
        ))}
      </dd>
      <dt>Services</dt>
      <dd>
        {services.length === 0 && 'none answered'}
        {services.map((service) => (
          <div key={`${service.protocol} ${String(service.port)}`}>
            {serviceWords(service)}{' '}
            <span className="quiet">
              <Ago time={service.last} />
            </span>
          </div>
        ))}
      </dd>
    </dl>
  );
}

function Said({ asset: { label } }: { asset: Asset }) {
  if (label === undefined) return null;
  return (
    <p>
      {label.critical && 'Critical. '}
      {label.note}{' '}
      <span className="quiet">
        {label.by}, <Ago time={label.at} />
      </span>
    </p>
  );
}

function EditLabel({ asset, onClose }: { asset: Asset; onClose: () => void }) {
  const { label } = asset;
  const [name, setName] = useState(label?.name ?? '');
  const [note, setNote] = useState(label?.note ?? '');
  const [critical, setCritical] = useState(label?.critical ?? false);
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => labelAsset(asset, { name, note, critical }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['assets'] });
      onClose();
    },
  });
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <TextInput
        label="Name"
        description="For everybody who may see events of this sensor"
        maxLength={80}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Textarea
        label="Note"
        rows={3}
        maxLength={2000}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
      <Checkbox
        label="Critical: it must not be lost or stop"
        checked={critical}
        onChange={(event) => setCritical(event.currentTarget.checked)}
      />
      {label !== undefined && (
        <p className="quiet">
          {label.by} said this <Ago time={label.at} />. Leave all of it empty to take the label off.
        </p>
      )}
      {save.error !== null && <Problem error={save.error} />}
      <div className="actions end">
        <Button variant="default" onClick={onClose}>
          Close
        </Button>
        <Button type="submit" loading={save.isPending}>
          Save
        </Button>
      </div>
    </form>
  );
}
