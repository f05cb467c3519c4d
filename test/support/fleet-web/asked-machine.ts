import type { SeenActive, SeenDownloads, SeenSetup } from '@bulkhead/fleet-api';
import { ago } from './sensors.ts';

const BEGUN_MS = Date.now();

/** Ports that may send; their counters grow, so that there are rates. */
export function active(): SeenActive {
  const seconds = (Date.now() - BEGUN_MS) / 1000 + 3_600;
  const count = (perS: number, bytesEach: number) => ({
    packets: Math.round(seconds * perS),
    bytes: Math.round(seconds * perS) * bytesEach,
  });
  const none = { packets: 0, bytes: 0 };
  return {
    ports: [
      {
        instrument: 'downloader',
        port: 'net0',
        kind: 'dedicated',
        device: 'eno2',
        mac: '02:00:00:00:00:0a',
        addresses: ['192.0.2.40'],
        up: true,
        faults: [],
        counts: {
          sent: { packets: 1_211, bytes: 92_000 },
          received: { packets: 9_120, bytes: 12_400_000 },
          refused: { packets: 3, bytes: 180 },
          ...{ spoofed: none, protocol: none, unwanted: none },
        },
      },
      {
        instrument: 'honeypot',
        port: 'net0',
        kind: 'bridged',
        device: 'br-ward',
        vlan: 31,
        mac: '02:00:00:00:00:0b',
        addresses: ['198.51.100.77'],
        up: true,
        faults: [],
        counts: {
          sent: count(12, 180),
          received: count(9, 90),
          refused: none,
          ...{ spoofed: none, protocol: none, unwanted: { packets: 41, bytes: 2_460 } },
        },
      },
    ],
  };
}

export const DOWNLOADS: SeenDownloads = {
  downloads: [
    {
      id: 'rule-manager/open-rules',
      for: 'rule-manager',
      name: 'open-rules',
      approval: 'approved',
      wanted: { url: 'https://rules.example.org/open.tar.gz', why: 'Rules for Suricata' },
      approved: { url: 'https://rules.example.org/open.tar.gz' },
      status: { state: 'fresh', bytes: 4_100_000, lastSuccess: ago(40_000) },
    },
  ],
};

export const SETUP: SeenSetup = {
  title: 'Suricata',
  description: 'Network intrusion detection.',
  limits: { memoryMib: 3_072, cpuCores: 2, processes: 128, openFiles: 4_096 },
  volumeMib: 512,
  options: { homeNet: ['10.20.0.0/16'], checksums: 'kernel' },
  schema: {
    type: 'object',
    properties: {
      homeNet: {
        title: 'Protected networks',
        description: 'An address or network on each line.',
        type: 'array',
        items: { type: 'string' },
      },
      starterRules: { title: 'Starter rules', type: 'boolean', default: true },
      checksums: { title: 'Checksums', enum: ['kernel', 'strict', 'ignore'], default: 'kernel' },
      statsIntervalS: { title: 'Counters every (s)', type: 'integer', minimum: 1, maximum: 300, default: 8 },
    },
  },
  retention: {
    defaultDays: 30,
    types: [
      { type: 'alert', days: 365, own: true },
      { type: 'flow', days: 30, own: false },
    ],
  },
};
