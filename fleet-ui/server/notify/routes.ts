import {
  ChannelChangeSchema,
  ChannelParamsSchema,
  ChannelsReplySchema,
  ChannelTestReplySchema,
  ChannelViewSchema,
  DoneSchema,
} from '@bulkhead/fleet-api';
import type { FleetApp } from '../web/index.ts';
import { destinationOf } from './channel-target.ts';
import { channelView, type Channel } from './channels.ts';
import type { Notifier } from './notifier.ts';

const tags = ['notifications'];
const PATH = '/api/v1/notifications/channels';

/** Who is told what, and where. Only for who manages the fleet's settings: what is told is of all sensors. */
export function notificationRoutes(app: FleetApp, notifier: Notifier, clock: () => number): void {
  const { channels } = notifier;
  app.get(
    PATH,
    {
      config: { right: 'settings.manage' },
      schema: {
        summary: 'Channels on which notifications go, without their secrets',
        tags,
        response: { 200: ChannelsReplySchema },
      },
    },
    async () => ({ channels: channels.all.map(channelView) }),
  );
  app.post(
    PATH,
    {
      config: { right: 'settings.manage', audit: 'notifications.add' },
      schema: {
        summary: 'Add a channel; it is told what begins from now on',
        tags,
        body: ChannelChangeSchema,
        response: { 201: ChannelViewSchema },
      },
    },
    async (request, reply) => {
      const channel = channels.add(request.body, clock());
      request.audited = audited(channel);
      void reply.code(201);
      return channelView(channel);
    },
  );
  app.put(
    `${PATH}/:channel`,
    {
      config: { right: 'settings.manage', audit: 'notifications.change' },
      schema: {
        summary: 'Change a channel; a secret that is not sent stays, one that is null goes',
        tags,
        params: ChannelParamsSchema,
        body: ChannelChangeSchema,
        response: { 200: ChannelViewSchema },
      },
    },
    async (request) => {
      const channel = channels.change(request.params.channel, request.body, clock());
      request.audited = audited(channel);
      return channelView(channel);
    },
  );
  app.delete(
    `${PATH}/:channel`,
    {
      config: { right: 'settings.manage', audit: 'notifications.remove' },
      schema: {
        summary: 'Remove a channel, and what waits to be told on it',
        tags,
        params: ChannelParamsSchema,
        response: { 200: DoneSchema },
      },
    },
    async (request) => {
      request.audited = audited(channels.remove(request.params.channel));
      return { done: true as const };
    },
  );
  app.post(
    `${PATH}/:channel/test`,
    {
      config: { right: 'settings.manage', audit: 'notifications.test' },
      schema: {
        summary: 'Send a test now, and say what the other side answered',
        tags,
        params: ChannelParamsSchema,
        response: { 200: ChannelTestReplySchema },
      },
    },
    async (request) => {
      const { channel } = request.params;
      const outcome = await notifier.test(channel, request.person?.name ?? '');
      request.audited = { ...audited(channels.get(channel)), facts: { ok: outcome.ok } };
      return outcome;
    },
  );
}

/** For the audit log: where it leads and what it tells, no secret. */
function audited({ id, settings }: Channel) {
  const { label, enabled, tells, target } = settings;
  return {
    target: `${id} ${label}`,
    facts: {
      enabled,
      to: destinationOf(target).slice(0, 300),
      alerts: tells.alerts ?? 'none',
      topics: tells.topics.join(' '),
    },
  };
}
