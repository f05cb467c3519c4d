import type { ChannelView } from '@bulkhead/fleet-api';
import { Checkbox, PasswordInput, Textarea, TextInput } from '@mantine/core';
import { Choice } from '../../components/choice.tsx';
import type { ChannelForm } from './channel-form.ts';

interface FieldsProps {
  form: ChannelForm;
  set: (change: Partial<ChannelForm>) => void;
  /** The channel that is being changed; undefined: a new one. */
  channel: ChannelView | undefined;
}

const MAIL_TLS = [
  { value: 'starttls', label: 'STARTTLS, or nothing is sent' },
  { value: 'implicit', label: 'TLS from the beginning' },
  { value: 'none', label: 'None: no password then' },
];
const SYSLOG_TRANSPORTS = [
  { value: 'tls', label: 'TLS: encrypted (RFC 5425)' },
  { value: 'tcp', label: 'TCP: in the clear (RFC 6587)' },
  { value: 'udp', label: 'UDP: in the clear, may be lost (RFC 5426)' },
];

/** Where a channel leads. Secrets are typed in, and never shown. */
export function TargetFields(props: FieldsProps) {
  const { form } = props;
  return (
    <>
      {form.kind === 'mail' && <MailFields {...props} />}
      {form.kind === 'webhook' && <WebhookFields {...props} />}
      {form.kind === 'syslog' && <SyslogFields {...props} />}
      {(form.kind === 'webhook' ||
        (form.kind === 'mail' && form.tls !== 'none') ||
        (form.kind === 'syslog' && form.transport === 'tls')) && (
        <Textarea
          label="Certificates to trust (PEM)"
          description="Of the authority that the other side’s certificate comes from. Empty: those that the fleet’s machine trusts."
          value={form.ca}
          onChange={(event) => props.set({ ca: event.currentTarget.value })}
          rows={3}
          spellCheck={false}
          classNames={{ input: 'mono' }}
        />
      )}
    </>
  );
}

function Server({ form, set }: Pick<FieldsProps, 'form' | 'set'>) {
  return (
    <div className="fields">
      <TextInput
        label="Server"
        description="Name or address"
        value={form.host}
        onChange={(event) => set({ host: event.currentTarget.value })}
        autoComplete="off"
        required
      />
      <TextInput
        type="number"
        min={1}
        max={65_535}
        label="Port"
        description="The usual one is filled in"
        value={form.port}
        onChange={(event) => set({ port: event.currentTarget.value })}
        required
      />
    </div>
  );
}

function MailFields({ form, set, channel }: FieldsProps) {
  const hasPassword = channel?.target.kind === 'mail' && channel.target.hasPassword;
  return (
    <>
      <Choice
        label="Encryption"
        value={form.tls}
        options={MAIL_TLS}
        onChange={(tls) => set({ tls: tls as ChannelForm['tls'] })}
      />
      <Server form={form} set={set} />
      <TextInput
        type="email"
        label="Sender"
        value={form.from}
        onChange={(event) => set({ from: event.currentTarget.value })}
        autoComplete="off"
        required
      />
      <Textarea
        label="Recipients"
        description="One address on each line"
        value={form.recipients}
        onChange={(event) => set({ recipients: event.currentTarget.value })}
        rows={3}
        required
      />
      <div className="fields">
        <TextInput
          label="User"
          description="Empty: without signing in"
          value={form.user}
          onChange={(event) => set({ user: event.currentTarget.value })}
          autoComplete="off"
        />
        <PasswordInput
          label="Password"
          description={
            hasPassword
              ? 'Empty: the one that is kept. Needed again when the server is changed.'
              : 'Kept sealed, never shown'
          }
          value={form.password}
          onChange={(event) => set({ password: event.currentTarget.value })}
          autoComplete="new-password"
        />
      </div>
    </>
  );
}

function WebhookFields({ form, set, channel }: FieldsProps) {
  const known = channel?.target.kind === 'webhook' ? channel.target : undefined;
  return (
    <>
      <TextInput
        type="url"
        label="Address (URL)"
        description={
          known === undefined
            ? 'https://… A JSON document is POSTed there. It is kept sealed, as many services put a key into it.'
            : `Empty: the one that is kept, at ${known.origin}`
        }
        value={form.url}
        onChange={(event) => set({ url: event.currentTarget.value })}
        autoComplete="off"
        required={known === undefined}
      />
      <PasswordInput
        label="Secret"
        description={
          known?.hasSecret === true
            ? 'Empty: the one that is kept.'
            : 'With one, each message is signed (HMAC-SHA256 in x-bulkhead-signature). At least 16 characters.'
        }
        value={form.secret}
        onChange={(event) => set({ secret: event.currentTarget.value })}
        disabled={form.unsigned}
        autoComplete="new-password"
      />
      {known?.hasSecret === true && (
        <Checkbox
          label="Without a signature from now on"
          checked={form.unsigned}
          onChange={(event) => set({ unsigned: event.currentTarget.checked })}
        />
      )}
    </>
  );
}

function SyslogFields({ form, set }: FieldsProps) {
  return (
    <>
      <Choice
        label="Transport"
        value={form.transport}
        options={SYSLOG_TRANSPORTS}
        onChange={(transport) => set({ transport: transport as ChannelForm['transport'] })}
      />
      <Server form={form} set={set} />
    </>
  );
}
