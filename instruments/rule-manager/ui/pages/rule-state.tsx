import type { RuleSummary } from '../../src/api-types.ts';
import { Badge } from '../parts/small.tsx';

/** Whether a rule is on, and whether that is somebody's wish. */
export function RuleState({ rule }: { rule: RuleSummary }) {
  return (
    <>
      <Badge tone={rule.enabled ? 'good' : 'plain'}>{rule.enabled ? 'on' : 'off'}</Badge>
      {rule.changed && <Badge tone="info">changed</Badge>}
    </>
  );
}
