import type { FleetEvent } from '@bulkhead/fleet-api';
import { Badge } from '../../components/badge.tsx';
import { SEVERITIES } from '../../text/severity.ts';

/** How bad an alert is; what is no alert has none. */
export function SeverityBadge({ severity }: { severity: FleetEvent['severity'] }) {
  const one = SEVERITIES.find(({ key }) => key === severity);
  if (severity === 'info') return <span className="quiet">–</span>;
  return <Badge tone={one?.tone ?? 'idle'}>{one?.label ?? severity}</Badge>;
}
