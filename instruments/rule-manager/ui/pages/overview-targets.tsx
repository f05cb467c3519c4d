import type { Overview, RulesetVersion, Target } from '../../src/api-types.ts';
import { useAsk } from '../live.tsx';
import { Refusal, type Tone } from '../parts/notice.tsx';
import { Badge, Time } from '../parts/small.tsx';
import { count, short } from '../text/format.ts';

const STATES: Readonly<Record<Target['state'], readonly [Tone | 'plain', string]>> = {
  live: ['good', 'live'],
  behind: ['warn', 'behind'],
  deploying: ['info', 'deploying'],
  refused: ['bad', 'refused'],
  failed: ['bad', 'failed'],
  unknown: ['plain', 'not asked yet'],
  'not-permitted': ['warn', 'not permitted'],
};

/** Each IDS with the version that it runs. */
export function Targets({ overview, versions }: { overview: Overview; versions: readonly RulesetVersion[] }) {
  if (overview.targets.length === 0) return null;
  return (
    <section class="card" aria-labelledby="targets">
      <h2 id="targets">What is live</h2>
      <table class="cards">
        <thead>
          <tr>
            <th scope="col">IDS</th>
            <th scope="col">State</th>
            <th scope="col">Version</th>
            <th scope="col">Since</th>
            <th scope="col" class="number">
              Rules
            </th>
            <th scope="col">Last asked</th>
          </tr>
        </thead>
        <tbody>
          {overview.targets.map((target) => (
            <Row
              key={target.name}
              target={target}
              version={versions.find(({ id }) => id === target.version)}
            />
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Since when a version is live, and by whom; if nobody remembers, when it was built. */
function Since({ id, version }: { id: string; version: RulesetVersion | undefined }) {
  const { data } = useAsk('changes.list', { kind: 'ruleset', subject: id, limit: 5 });
  const put = data?.changes.find(({ action }) => action === 'deploy' || action === 'rollback') ?? version;
  if (put === undefined) return <>–</>;
  return (
    <>
      <Time at={put.time} /> by {put.author}
    </>
  );
}

function Row({ target, version }: { target: Target; version: RulesetVersion | undefined }) {
  const [tone, text] = STATES[target.state];
  return (
    <tr>
      <th scope="row" data-label="IDS">
        {target.name}
      </th>
      <td data-label="State">
        <Badge tone={tone}>{text}</Badge>
        {target.code !== undefined && <Refusal code={target.code} message={target.message ?? ''} />}
      </td>
      <td data-label="Version">
        {target.version === undefined ? (
          'its own rules'
        ) : (
          <code title={target.version}>{short(target.version)}</code>
        )}
      </td>
      <td data-label="Since">
        {target.version === undefined ? '–' : <Since id={target.version} version={version} />}
      </td>
      <td data-label="Rules" class="number">
        {target.ruleCount === undefined ? '–' : count(target.ruleCount)}
      </td>
      <td data-label="Last asked">{target.askedAt === undefined ? '–' : <Time at={target.askedAt} />}</td>
    </tr>
  );
}
