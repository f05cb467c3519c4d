import { useState } from 'preact/hooks';
import type { Overview, RulesetVersion } from '../../src/api-types.ts';
import { call } from '../api.ts';
import { useAsk, useLive } from '../live.tsx';
import { ChangeButton } from '../parts/button.tsx';
import { ConfirmDialog } from '../parts/dialog.tsx';
import { ErrorNotice, Notice } from '../parts/notice.tsx';
import { Heading, Time } from '../parts/small.tsx';
import { count, plural, short } from '../text/format.ts';
import { hrefOf } from '../route.ts';
import { LastRefusal } from './overview-refusal.tsx';
import { RecentChanges } from './overview-changes.tsx';
import { Targets } from './overview-targets.tsx';
import { Versions } from './overview-versions.tsx';

type Asked = { what: 'deploy' } | { what: 'rollback'; version?: RulesetVersion };

/** What is live where, what is on its way, and the way back. */
export function OverviewPage() {
  const { overview } = useLive();
  const versions = useAsk('versions.list', {});
  const jobs = useAsk('jobs.list', { limit: 5 });
  const [asked, setAsked] = useState<Asked>();
  if (overview === undefined) return <Heading title="Overview" />;
  const known = versions.data?.versions ?? [];
  const close = () => {
    setAsked(undefined);
  };
  const before = known.find(({ state }) => state === 'was-live');
  return (
    <>
      <Heading title="Overview">
        <ChangeButton
          disabled={before === undefined || isRunning(overview)}
          onClick={() => {
            setAsked({ what: 'rollback' });
          }}
        >
          Roll back…
        </ChangeButton>
        <ChangeButton
          kind="primary"
          disabled={isRunning(overview)}
          onClick={() => {
            setAsked({ what: 'deploy' });
          }}
        >
          Deploy now…
        </ChangeButton>
      </Heading>
      <Health overview={overview} />
      <Waiting overview={overview} />
      <LastRefusal versions={known} jobs={jobs.data?.jobs ?? []} />
      <Numbers overview={overview} />
      <Targets overview={overview} versions={known} />
      <ErrorNotice error={versions.error} />
      <Versions
        versions={known}
        pinned={versions.data?.pinned}
        busy={isRunning(overview)}
        onRollBack={(version) => {
          setAsked({ what: 'rollback', version });
        }}
      />
      <RecentChanges />
      {asked?.what === 'rollback' && <RollBack version={asked.version} before={before} onClose={close} />}
      {asked?.what === 'deploy' && <Deploy overview={overview} onClose={close} />}
    </>
  );
}

function isRunning({ job }: Overview): boolean {
  return job !== undefined && job.endedAt === undefined;
}

function Health({ overview }: { overview: Overview }) {
  const { state, detail } = overview.health;
  if (state === 'ok') return null;
  return (
    <Notice tone={state === 'starting' ? 'info' : 'warn'} title={`The rule manager is ${state}.`}>
      {detail !== undefined && <p>{detail}</p>}
    </Notice>
  );
}

/** What is wanted and not live, and when it will be. */
function Waiting({ overview }: { overview: Overview }) {
  const { pinned, pending, deploysAt, targets } = overview;
  if (targets.length === 0) {
    return (
      <Notice tone="warn" title="No IDS may be given rules.">
        <p>
          Somebody has to grant it: <code>bulkhead grants show {overview.instrument}</code> shows what is
          asked for and not given.
        </p>
      </Notice>
    );
  }
  if (pinned !== undefined) {
    return (
      <Notice tone="warn" title={`Version ${short(pinned)} was gone back to, and stays.`}>
        <p>Changes are kept and wait. “Deploy now” puts what is wanted live again.</p>
      </Notice>
    );
  }
  if (!pending || isRunning(overview)) return null;
  return (
    <Notice tone="info" title="Changes wait to go live.">
      <p>{deploysAt === undefined ? 'They go live with “Deploy now”.' : <DeploysAt time={deploysAt} />}</p>
    </Notice>
  );
}

function DeploysAt({ time }: { time: string }) {
  return (
    <>
      By themselves <Time at={time} />, or with “Deploy now” at once.
    </>
  );
}

function Numbers({ overview }: { overview: Overview }) {
  const { rules, sources, documents, alerts } = overview;
  return (
    <dl class="numbers">
      <div>
        <dt>Rules on</dt>
        <dd>
          <a href={hrefOf('rules', undefined, { enabled: 'true' })}>{count(rules.enabled)}</a>
          <span class="quiet"> of {count(rules.all)}</span>
        </dd>
      </div>
      <div>
        <dt>Sources</dt>
        <dd>
          <a href={hrefOf('sources')}>{count(sources)}</a>
        </dd>
      </div>
      <div>
        <dt>Rules changed here</dt>
        <dd>
          <a href={hrefOf('rules', undefined, { changed: 'true' })}>{count(documents.rule)}</a>
        </dd>
      </div>
      <div>
        <dt>Suppressions</dt>
        <dd>
          <a href={hrefOf('suppressions')}>{count(documents.suppression)}</a>
        </dd>
      </div>
      <div>
        <dt>Alerts recorded</dt>
        <dd>
          {count(alerts.recorded)}
          <span class="quiet"> in {plural(alerts.days, 'day')}</span>
        </dd>
      </div>
    </dl>
  );
}

function Deploy({ overview, onClose }: { overview: Overview; onClose: () => void }) {
  return (
    <ConfirmDialog
      title="Deploy now?"
      action="Test and deploy"
      run={(reason) => call('ruleset.deploy', { reason })}
      onClose={onClose}
    >
      <p>
        The rules are put together, each IDS tests them, and only a ruleset that passes goes live on{' '}
        {overview.targets.map(({ name }) => name).join(', ') || 'no IDS'}. Until then what is live stays live.
      </p>
    </ConfirmDialog>
  );
}

function RollBack(props: {
  version: RulesetVersion | undefined;
  before: RulesetVersion | undefined;
  onClose: () => void;
}) {
  const version = props.version ?? props.before;
  return (
    <ConfirmDialog
      title={version === undefined ? 'Roll back?' : `Roll back to ${short(version.id)}?`}
      action="Roll back"
      danger
      run={(reason) =>
        call('ruleset.rollback', {
          reason,
          ...(props.version === undefined ? {} : { version: props.version.id }),
        })
      }
      onClose={props.onClose}
    >
      {version !== undefined && (
        <p>
          Built <Time at={version.time} /> by {version.author} with {plural(version.rules, 'rule')}.
        </p>
      )}
      <p>It stays live, whatever changes, until somebody deploys again.</p>
    </ConfirmDialog>
  );
}
