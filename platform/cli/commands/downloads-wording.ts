import { table } from '../wording.ts';
import { printable, sizeText } from './resources-wording.ts';

interface Ask {
  url: string;
  as: string;
  everyS: number;
  maxMib: number;
}

/** One download, as the local API tells it. */
export interface DownloadView {
  id: string;
  for: string;
  name: string;
  approval: 'approved' | 'waiting' | 'refused';
  wanted?: Ask & { why: string; asked: 'manifest' | 'message'; since: string };
  approved?: Ask & {
    redirectHosts: string[];
    privateAddresses: boolean;
    sha256?: string;
    sha256Url?: string;
    signatureKey?: string;
    ca: boolean;
  };
  refused?: { by: string; at: string; reason: string };
  status?: {
    state: 'waiting' | 'fetching' | 'delivering' | 'fresh' | 'failed';
    bytes?: number;
    totalBytes?: number;
    lastTry?: string;
    lastSuccess?: string;
    nextTry?: string;
    sha256?: string;
    code?: string;
    message?: string;
    failures: number;
  };
}

/** What `GET /v1/downloads` answers. */
export interface DownloadsAnswer {
  downloader?: string;
  /** Whether the downloader says how they are. */
  answers: boolean;
  downloads: DownloadView[];
}

/** All downloads for people: those that wait for somebody first. */
export function downloadsText({ downloader, answers, downloads }: DownloadsAnswer, nowMs: number): string {
  const rank = { waiting: 0, approved: 1, refused: 2 };
  const rows = [...downloads]
    .sort((a, b) => rank[a.approval] - rank[b.approval])
    .map((one) => [one.id, stateText(one, nowMs), (one.wanted ?? one.approved)?.url ?? '-']);
  const waiting = downloads.filter(({ approval }) => approval === 'waiting').length;
  const notes = [
    ...(waiting === 0
      ? []
      : [`${String(waiting)} wait for approval: bulkhead downloads approve INSTRUMENT/NAME, or refuse`]),
    ...(downloader === undefined
      ? ['no instrument fetches downloads; files can be imported: bulkhead resources import']
      : answers
        ? []
        : [`${downloader} does not answer: how downloads are is not known now`]),
  ];
  const list =
    rows.length === 0 ? 'nobody asks for a download' : table([['DOWNLOAD', 'STATE', 'ADDRESS'], ...rows]);
  return `${[list, ...notes].join('\n')}\n`;
}

/** Everything about one download. */
export function downloadText(view: DownloadView, nowMs: number): string {
  const { wanted, approved, refused, status } = view;
  const lines: [string, string | undefined][] = [
    ['download', view.id],
    ['for', `${view.for}, as ${(approved ?? wanted)?.as ?? '-'}`],
    ['state', stateText(view, nowMs)],
    ['asked for', wanted === undefined ? 'by nobody now' : askedText(wanted)],
    ['why', wanted === undefined || wanted.why === '' ? undefined : printable(wanted.why)],
    ['wanted', view.approval === 'approved' || wanted === undefined ? undefined : termsText(wanted)],
    ['approved', approved === undefined ? undefined : termsText(approved)],
    [
      'redirects to',
      approved === undefined ? undefined : approved.redirectHosts.join(', ') || 'its own host only',
    ],
    ['private addresses', approved?.privateAddresses === true ? 'allowed' : undefined],
    ['must be', approved?.sha256],
    ['digest at', approved?.sha256Url],
    ['signed by', approved?.signatureKey === undefined ? undefined : 'the key that was approved'],
    ['believes', approved?.ca === true ? 'only the authorities that were approved' : undefined],
    [
      'refused',
      refused === undefined
        ? undefined
        : `by ${printable(refused.by)}, ${refused.at}: ${printable(refused.reason) || 'no reason given'}`,
    ],
    ['last try', status?.lastTry],
    ['last success', status?.lastSuccess],
    ['next try', status?.nextTry],
    ['last file', status?.sha256],
  ];
  return lines
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key.padEnd(18)}${value}\n`]))
    .join('');
}

function stateText({ approval, approved, wanted, refused, status }: DownloadView, nowMs: number): string {
  if (approval === 'waiting') {
    const since = wanted === undefined ? '' : ` since ${agoText(wanted.since, nowMs)}`;
    return `waits for approval${since}${approved === undefined ? '' : ' (another address is approved)'}`;
  }
  if (approval === 'refused') return `refused by ${printable(refused?.by ?? 'somebody')}`;
  if (status === undefined) return 'approved; the downloader has not heard of it yet';
  const next = status.nextTry === undefined ? '' : `, next try ${inText(status.nextTry, nowMs)}`;
  switch (status.state) {
    case 'waiting':
      return `approved, not fetched yet${next}`;
    case 'fetching':
      return `fetching: ${progressText(status)}`;
    case 'delivering':
      return 'being delivered';
    case 'fresh': {
      const when =
        status.lastSuccess === undefined ? '' : `, looked at ${agoText(status.lastSuccess, nowMs)} ago`;
      return `fresh${when}${next}`;
    }
    case 'failed':
      return `FAILED${status.failures > 1 ? ` ${String(status.failures)} times` : ''}: ${printable(status.message ?? '')} (${printable(status.code ?? '')})${next}`;
  }
}

function progressText({ bytes = 0, totalBytes }: NonNullable<DownloadView['status']>): string {
  if (totalBytes === undefined || totalBytes === 0) return sizeText(bytes);
  return `${sizeText(bytes)} of ${sizeText(totalBytes)}, ${String(Math.floor((100 * bytes) / totalBytes))} %`;
}

function askedText({ asked, since }: { asked: 'manifest' | 'message'; since: string }): string {
  return `${asked === 'manifest' ? 'in its manifest' : 'while it ran'}, since ${since}`;
}

function termsText({ url, as, everyS, maxMib }: Ask): string {
  const often = everyS === 0 ? 'once' : `every ${spanText(everyS)}`;
  return `${url} as ${as}, ${often}, at most ${String(maxMib)} MiB`;
}

function agoText(time: string, nowMs: number): string {
  return spanText(Math.max(0, (nowMs - Date.parse(time)) / 1000));
}

function inText(time: string, nowMs: number): string {
  const seconds = (Date.parse(time) - nowMs) / 1000;
  return seconds <= 0 ? 'now' : `in ${spanText(seconds)}`;
}

function spanText(seconds: number): string {
  if (seconds < 120) return `${String(Math.round(seconds))} s`;
  if (seconds < 7_200) return `${String(Math.round(seconds / 60))} min`;
  if (seconds < 172_800) return `${String(Math.round(seconds / 3_600))} h`;
  return `${String(Math.round(seconds / 86_400))} d`;
}
