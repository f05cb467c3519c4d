import { useState } from 'preact/hooks';
import type { RulesetVersion } from '../../src/api-types.ts';
import { ChangeButton } from '../parts/button.tsx';
import { Badge, Empty, Time } from '../parts/small.tsx';
import type { Tone } from '../parts/notice.tsx';
import { count, short, size } from '../text/format.ts';

const FIRST = 5;
const STATES: Readonly<Record<RulesetVersion['state'], readonly [Tone | 'plain', string]>> = {
  live: ['good', 'live'],
  'was-live': ['plain', 'was live'],
  built: ['info', 'built'],
  refused: ['bad', 'refused'],
};

/** Kept versions, newest first, each with the way back to it. */
export function Versions(props: {
  versions: readonly RulesetVersion[];
  pinned: string | undefined;
  busy: boolean;
  onRollBack: (version: RulesetVersion) => void;
}) {
  const [all, setAll] = useState(false);
  const shown = all ? props.versions : props.versions.slice(0, FIRST);
  return (
    <section class="card" aria-labelledby="versions">
      <h2 id="versions">Versions</h2>
      {props.versions.length === 0 && <Empty>No ruleset was built yet.</Empty>}
      {shown.length > 0 && (
        <table class="cards">
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">State</th>
              <th scope="col">Built</th>
              <th scope="col" class="number">
                Rules
              </th>
              <th scope="col">Against the one before</th>
              <th scope="col">
                <span class="hidden">Action</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((version) => (
              <Row key={version.id} version={version} {...props} />
            ))}
          </tbody>
        </table>
      )}
      {props.versions.length > FIRST && (
        <button
          type="button"
          class="link"
          aria-expanded={all}
          onClick={() => {
            setAll(!all);
          }}
        >
          {all ? 'Show fewer' : `Show all ${String(props.versions.length)}`}
        </button>
      )}
    </section>
  );
}

function Row(props: {
  version: RulesetVersion;
  pinned: string | undefined;
  busy: boolean;
  onRollBack: (version: RulesetVersion) => void;
}) {
  const { version } = props;
  const [tone, text] = STATES[version.state];
  return (
    <tr>
      <th scope="row" data-label="Version">
        <code title={version.id}>{short(version.id)}</code>
      </th>
      <td data-label="State">
        <Badge tone={tone}>{text}</Badge>
        {props.pinned === version.id && <Badge tone="warn">kept by hand</Badge>}
        {version.liveOn.length > 0 && <span class="quiet"> on {version.liveOn.join(', ')}</span>}
      </td>
      <td data-label="Built">
        <Time at={version.time} /> by {version.author}
        <div class="quiet">{version.reason}</div>
      </td>
      <td data-label="Rules" class="number">
        {count(version.rules)}
        <div class="quiet">{size(version.bytes)}</div>
      </td>
      <td data-label="Changes">
        <span class="added">+{count(version.added)}</span>{' '}
        <span class="removed">−{count(version.removed)}</span> <span>~{count(version.changed)}</span>
        {version.notes.length > 0 && (
          <details>
            <summary>Left out: {version.notes.length}</summary>
            <ul>
              {version.notes.map((note) => (
                <li key={note}>{note}</li>
              ))}
            </ul>
          </details>
        )}
      </td>
      <td class="row-actions">
        {version.state !== 'live' && version.state !== 'refused' && (
          <ChangeButton
            disabled={props.busy}
            label={`Roll back to ${short(version.id)}`}
            onClick={() => {
              props.onRollBack(version);
            }}
          >
            Roll back…
          </ChangeButton>
        )}
      </td>
    </tr>
  );
}
