import type { DownloadAsk, DownloadGrant } from '../../contracts/index.ts';
import type { DesiredState } from '../desired.ts';
import type { JobState } from './job-sender.ts';
import { isApproved, type WantedDownload } from './wanted.ts';

/** One download as people see it: what is wanted, what was approved, how it goes. */
export interface DownloadView {
  /** `<instrument>/<name>` */
  id: string;
  for: string;
  name: string;
  approval: 'approved' | 'waiting' | 'refused';
  /** What the instrument asks for; absent when only the configuration knows it. */
  wanted?: DownloadAsk & { why: string; asked: 'manifest' | 'message'; since: string };
  /** What is in force; with `waiting`: what is fetched until the new wish is approved. The authority itself is not shown. */
  approved?: Omit<DownloadGrant, 'ca'> & { ca: boolean };
  refused?: { by: string; at: string; reason: string };
  /** What the downloader says; absent when it does not run, or has not heard of it yet. */
  status?: Omit<JobState, 'id'>;
}

/** All downloads, sorted. Pure. */
export function downloadViews(
  { instruments }: Pick<DesiredState, 'instruments'>,
  wanted: readonly WantedDownload[],
  states: readonly JobState[],
): DownloadView[] {
  const views = new Map<string, DownloadView>();
  for (const { instrument, refused, ...wish } of wanted) {
    const rights = instruments.find(({ name }) => name === instrument)?.rights;
    const id = `${instrument}/${wish.name}`;
    const approved = rights !== undefined && isApproved(rights, wish);
    views.set(id, {
      id,
      for: instrument,
      name: wish.name,
      approval: approved ? 'approved' : refused === undefined ? 'waiting' : 'refused',
      wanted: wish,
      ...(refused === undefined || approved ? {} : { refused }),
    });
  }
  for (const { name: instrument, rights } of instruments) {
    for (const { ca, ...grant } of rights.downloads) {
      const id = `${instrument}/${grant.name}`;
      const view = views.get(id) ?? { id, for: instrument, name: grant.name, approval: 'approved' as const };
      views.set(id, { ...view, approved: { ...grant, ca: ca !== undefined } });
    }
  }
  for (const { id, ...status } of states) {
    const view = views.get(id);
    if (view?.approved !== undefined) views.set(id, { ...view, status });
  }
  return [...views.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** What of downloads needs attention now, in words. Pure. */
export function downloadAttention(views: readonly DownloadView[]): string[] {
  const waiting = views.filter(({ approval }) => approval === 'waiting').map(({ id }) => id);
  const some = waiting.slice(0, 5).join(', ') + (waiting.length > 5 ? ', …' : '');
  return [
    ...(waiting.length === 0
      ? []
      : [`downloads wait for approval: ${some} (\`bulkhead downloads approve\` or \`refuse\`)`]),
    ...views.flatMap(({ id, status }) =>
      status?.state === 'failed' && status.failures >= 3
        ? [
            `the download ${id} failed ${String(status.failures)} times: ${status.message ?? status.code ?? 'no reason'}`,
          ]
        : [],
    ),
  ];
}
