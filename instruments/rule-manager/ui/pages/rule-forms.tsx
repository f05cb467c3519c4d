import { useState } from 'preact/hooks';
import type { RuleDetail } from '../../src/api-types.ts';
import { call } from '../api.ts';
import { useChange, useLive } from '../live.tsx';
import { Button, ChangeButton } from '../parts/button.tsx';
import { TextArea } from '../parts/field.tsx';
import { ErrorNotice } from '../parts/notice.tsx';
import { Diff } from '../parts/small.tsx';
import { requestOf, useWish, WishFields } from '../parts/wish.tsx';

interface FormProps {
  rule: RuleDetail;
  onDone: () => void;
}

/** Switches a rule on or off, with scope, expiry and reason. */
export function RuleSwitch({ rule, onDone }: FormProps) {
  const enabled = !rule.enabled;
  const { overview } = useLive();
  const [wish, setWish] = useWish();
  const change = useChange();
  const request = requestOf(wish, overview?.sensor ?? '');
  const submit = async (event: Event) => {
    event.preventDefault();
    if (request === undefined) return;
    if (await change.run(() => call('rule.set', { sid: rule.sid, enabled, ...request }))) onDone();
  };
  return (
    <form class="inset" onSubmit={(event) => void submit(event)}>
      <h3>Switch {enabled ? 'on' : 'off'}</h3>
      {/* A rule can be off for one address, but not on. */}
      <WishFields wish={wish} set={setWish} address={!enabled} />
      <ErrorNotice error={change.error} />
      <div class="actions end">
        <Button onClick={onDone}>Cancel</Button>
        <ChangeButton type="submit" kind="primary" busy={change.busy} disabled={request === undefined}>
          Switch {enabled ? 'on' : 'off'}
        </ChangeButton>
      </div>
    </form>
  );
}

/** Gives a rule another text; what changes is shown before it is saved. */
export function RuleEdit({ rule, onDone }: FormProps) {
  const { overview } = useLive();
  const [text, setText] = useState(rule.text);
  const [wish, setWish] = useWish();
  const change = useChange();
  const request = requestOf(wish, overview?.sensor ?? '');
  const isSame = text.trim() === rule.text.trim();
  const submit = async (event: Event) => {
    event.preventDefault();
    if (request === undefined) return;
    // Absent `enabled` leaves the rule as on or off as it is.
    const body = { sid: rule.sid, text: text.trim(), ...request };
    if (await change.run(() => call('rule.set', body))) onDone();
  };
  return (
    <form class="inset" onSubmit={(event) => void submit(event)}>
      <h3>Edit</h3>
      <TextArea
        label="Text of the rule"
        value={text}
        rows={7}
        maxLength={8_000}
        required
        hint="One rule, with the same sid. The IDS tests it before it goes live."
        onInput={(value) => {
          setText(value.replace(/\r?\n/g, ' '));
        }}
      />
      {!isSame && (
        <div aria-live="polite">
          <p class="label">What changes</p>
          <Diff before={rule.text} after={text} />
        </div>
      )}
      {rule.original !== text && (
        <p>
          <button
            type="button"
            class="link"
            onClick={() => {
              setText(rule.original);
            }}
          >
            Put the text of the source back
          </button>
        </p>
      )}
      <WishFields wish={wish} set={setWish} />
      <ErrorNotice error={change.error} />
      <div class="actions end">
        <Button onClick={onDone}>Cancel</Button>
        <ChangeButton
          type="submit"
          kind="primary"
          busy={change.busy}
          disabled={request === undefined || isSame}
        >
          Save
        </ChangeButton>
      </div>
    </form>
  );
}
