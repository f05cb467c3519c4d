import { useState } from 'preact/hooks';
import type { SourceState } from '../../src/api-types.ts';
import { call } from '../api.ts';
import { useChange, useLive } from '../live.tsx';
import { ChangeButton } from '../parts/button.tsx';
import { ConfirmDialog } from '../parts/dialog.tsx';
import { Faults } from '../parts/faults.tsx';
import { ErrorNotice, Notice, Refusal, type Tone } from '../parts/notice.tsx';
import { Badge, Command, Time } from '../parts/small.tsx';
import { hrefOf } from '../route.ts';
import { count, originText, period, plural, scopeText, size } from '../text/format.ts';

const STATES: Readonly<Record<SourceState['state'], readonly [Tone | 'plain', string]>> = {
  waiting: ['info', 'waiting for its file'],
  reading: ['info', 'being read'],
  good: ['good', 'good'],
  stale: ['warn', 'newest file refused'],
  refused: ['bad', 'refused'],
};

type Asked = 'remove' | 'switch' | 'skip' | undefined;

export function SourceCard({ source }: { source: SourceState }) {
  const [asked, setAsked] = useState<Asked>();
  const refresh = useChange();
  const [tone, text] = STATES[source.state];
  const close = () => {
    setAsked(undefined);
  };
  return (
    <li class="card source">
      <div class="source-head">
        <h2>{source.name}</h2>
        <Badge tone={tone}>{text}</Badge>
        {!source.enabled && <Badge tone="plain">switched off</Badge>}
      </div>
      <p class="break">{originText(source.origin)}</p>
      <Approval source={source} />
      <Use source={source} />
      <Refused source={source} />
      <ErrorNotice error={refresh.error} />
      <div class="actions">
        <ChangeButton
          busy={refresh.busy}
          label={`Look at ${source.name} again`}
          onClick={() => void refresh.run(() => call('source.refresh', { name: source.name }))}
        >
          Look again
        </ChangeButton>
        {source.refused !== undefined && source.refused.faults.length > 0 && !source.skipFaulty && (
          <ChangeButton
            onClick={() => {
              setAsked('skip');
            }}
          >
            Leave out faulty rules…
          </ChangeButton>
        )}
        <ChangeButton
          label={`Switch ${source.name} ${source.enabled ? 'off' : 'on'}`}
          onClick={() => {
            setAsked('switch');
          }}
        >
          {source.enabled ? 'Switch off…' : 'Switch on…'}
        </ChangeButton>
        <ChangeButton
          kind="danger"
          label={`Remove ${source.name}`}
          onClick={() => {
            setAsked('remove');
          }}
        >
          Remove…
        </ChangeButton>
      </div>
      <Asking asked={asked} source={source} onClose={close} />
    </li>
  );
}

function Asking({ asked, source, onClose }: { asked: Asked; source: SourceState; onClose: () => void }) {
  const { name, enabled, rules } = source;
  switch (asked) {
    case undefined:
      return null;
    case 'remove':
      return (
        <ConfirmDialog
          title={`Remove ${name}?`}
          action="Remove"
          danger
          run={(reason) => call('source.remove', { name, reason })}
          onClose={onClose}
        >
          <p>
            Its {plural(rules.all, 'rule')} go. Changes to them are kept, and hold again if it comes back.
          </p>
        </ConfirmDialog>
      );
    case 'switch':
      return (
        <ConfirmDialog
          title={`Switch ${name} ${enabled ? 'off' : 'on'}?`}
          action={enabled ? 'Switch off' : 'Switch on'}
          run={(reason) => call('source.set', { name, enabled: !enabled, reason })}
          onClose={onClose}
        >
          <p>
            {plural(rules.all, 'rule')} {enabled ? 'go' : 'come'} with the next ruleset.
          </p>
        </ConfirmDialog>
      );
    case 'skip':
      return (
        <ConfirmDialog
          title={`Leave out the faulty rules of ${name}?`}
          action="Leave them out"
          run={(reason) => call('source.set', { name, skipFaulty: true, reason })}
          onClose={onClose}
        >
          <p>The rest of the file is used. Faulty rules of later files are left out too, and counted.</p>
        </ConfirmDialog>
      );
  }
}

/** That the operator has to approve the download, and how. */
function Approval({ source: { download } }: { source: SourceState }) {
  const { overview } = useLive();
  if (download === undefined || download.state === 'approved') return null;
  if (download.state === 'waiting') {
    return (
      <Notice tone="info" title="The operator has to approve the download.">
        <p>Nothing is fetched before. On the sensor:</p>
        <Command text={`bulkhead downloads approve ${overview?.instrument ?? ''}/${download.name}`} />
      </Notice>
    );
  }
  return (
    <Notice
      tone="bad"
      title={download.state === 'refused' ? 'The download was refused.' : 'The download failed.'}
    >
      <Refusal code={download.code ?? ''} message={download.message ?? 'No reason was given.'} />
      <p>See it on the sensor:</p>
      <Command text="bulkhead downloads list" />
    </Notice>
  );
}

function Use({ source }: { source: SourceState }) {
  const { version, rules } = source;
  const isCatalogue = source.origin.type.startsWith('index');
  return (
    <dl class="facts">
      {!isCatalogue && (
        <div>
          <dt>Rules on</dt>
          <dd>
            <a href={hrefOf('rules', undefined, { source: source.name })}>{count(rules.enabled)}</a> of{' '}
            {count(rules.all)}
          </dd>
        </div>
      )}
      <div>
        <dt>File</dt>
        <dd>
          {version === undefined ? (
            'none yet'
          ) : (
            <>
              <Time at={version.time} />, {size(version.bytes)}
              {version.skipped > 0 && `, ${plural(version.skipped, 'rule')} left out`}
            </>
          )}
        </dd>
      </div>
      <div>
        <dt>Looked for</dt>
        <dd>{source.origin.type === 'pasted' ? 'when somebody pastes it' : period(source.everyS)}</dd>
      </div>
      <div>
        <dt>Holds for</dt>
        <dd>{scopeText(source.scope)}</dd>
      </div>
      <div>
        <dt>Added</dt>
        <dd>
          by {source.author}, <Time at={source.time} />: {source.reason}
        </dd>
      </div>
      {source.license !== undefined && (
        <div>
          <dt>Licence</dt>
          <dd>{source.license}</dd>
        </div>
      )}
    </dl>
  );
}

function Refused({ source: { refused, state } }: { source: SourceState }) {
  if (refused === undefined) return null;
  return (
    <Notice tone={state === 'refused' ? 'bad' : 'warn'} title="The newest file is not used.">
      <p class="quiet">
        <Time at={refused.time} />
        {state === 'stale' && ', the one before is still used'}
      </p>
      {refused.code !== undefined && <Refusal code={refused.code} message={refused.message ?? ''} />}
      <Faults faults={refused.faults} />
    </Notice>
  );
}
