import type {
  ChannelChange,
  ChannelTestReply,
  ChannelView,
  EventKeepingChange,
  Settings,
} from '@bulkhead/fleet-api';
import { queryOptions } from '@tanstack/react-query';
import { get, post, put, remove } from './http.ts';

/** What is in force in the fleet itself, and where it comes from. */
export const settingsQuery = queryOptions({
  queryKey: ['settings'],
  queryFn: () => get<Settings>('/settings'),
});

export const keepEvents = (change: EventKeepingChange): Promise<Settings> =>
  put<Settings>('/settings/events', change);

const CHANNELS = '/notifications/channels';

/** Where notifications go, and how each way fares. */
export const channelsQuery = queryOptions({
  queryKey: ['channels'],
  queryFn: () => get<{ channels: ChannelView[] }>(CHANNELS),
  refetchInterval: 15_000,
});

export const addChannel = (channel: ChannelChange): Promise<ChannelView> =>
  post<ChannelView>(CHANNELS, channel);
export const changeChannel = (id: string, channel: ChannelChange): Promise<ChannelView> =>
  put<ChannelView>(`${CHANNELS}/${id}`, channel);
export const removeChannel = (id: string): Promise<unknown> => remove(`${CHANNELS}/${id}`);
export const testChannel = (id: string): Promise<ChannelTestReply> =>
  post<ChannelTestReply>(`${CHANNELS}/${id}/test`);
