import { useState } from 'preact/hooks';
import type { OperationRequest } from '../../src/api-types.ts';
import { call } from '../api.ts';
import { useAsk, useChange, useLive } from '../live.tsx';
import { Button, ChangeButton } from '../parts/button.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { SelectField, TextField } from '../parts/field.tsx';
import { ErrorNotice } from '../parts/notice.tsx';
import { requestOf, scopeOf, useWish, WishFields } from '../parts/wish.tsx';
import { PreviewCard } from './suppression-preview.tsx';

type Body = Pick<OperationRequest<'suppression.add'>, 'sid' | 'gid' | 'action' | 'addresses' | 'track'>;
type ActionType = 'suppress' | 'limit' | 'threshold' | 'both';
type Per = 'by_src' | 'by_dst' | 'by_both' | 'by_rule';
type Track = 'by_src' | 'by_dst' | 'by_either';

const ACTIONS: readonly (readonly [ActionType, string])[] = [
  ['suppress', 'Hide the alerts'],
  ['limit', 'At most so many in a time'],
  ['threshold', 'One for every so many'],
  ['both', 'One in a time, once there were so many'],
];
const PER: readonly (readonly [Per, string])[] = [
  ['by_src', 'each source'],
  ['by_dst', 'each destination'],
  ['by_both', 'each pair'],
  ['by_rule', 'the rule as a whole'],
];
const TRACK: readonly (readonly [Track, string])[] = [
  ['by_either', 'either end'],
  ['by_src', 'the source'],
  ['by_dst', 'the destination'],
];
const TYPING_MS = 400;

/** Adds a suppression or limit; it can be saved once it was shown what it would have hidden. */
export function SuppressionForm({ sid: start, onClose }: { sid: string; onClose: () => void }) {
  const { overview } = useLive();
  const [sid, setSid] = useState(start);
  const [type, setType] = useState<ActionType>('suppress');
  const [amount, setAmount] = useState({ count: '1', seconds: '3600' });
  const [per, setPer] = useState<Per>('by_src');
  const [addresses, setAddresses] = useState('');
  const [track, setTrack] = useState<Track>('by_either');
  const [wish, setWish] = useWish();
  const change = useChange();
  const sensor = overview?.sensor ?? '';
  const scope = scopeOf(wish, sensor);
  const isAddress = wish.kind === 'address';

  const body = bodyOf({ sid, type, ...amount, per, addresses: isAddress ? '' : addresses, track });
  const preview = useAsk(
    'suppression.preview',
    body === undefined || scope === undefined ? undefined : { ...body, scope },
    { delayMs: TYPING_MS },
  );
  const rule = useAsk('rule.get', body === undefined ? undefined : { sid: body.sid }, { delayMs: TYPING_MS });
  const wanted = requestOf(wish, sensor);
  const isSeen = preview.data !== undefined && preview.error === undefined && !preview.loading;
  const submit = async (event: Event) => {
    event.preventDefault();
    if (body === undefined || wanted === undefined) return;
    if (await change.run(() => call('suppression.add', { ...body, ...wanted }))) onClose();
  };
  return (
    <Dialog title="Add a suppression" wide onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <div class="columns">
          <TextField
            label="Rule (sid)"
            type="number"
            min="1"
            value={sid}
            required
            hint={rule.error === undefined ? (rule.data?.msg ?? 'Its number, as alerts show it') : undefined}
            error={rule.error === undefined ? undefined : 'No source has a rule of this number'}
            onInput={setSid}
          />
          <SelectField
            label="What happens with its alerts"
            value={type}
            options={ACTIONS}
            onInput={(value) => {
              setType(value as ActionType);
            }}
          />
        </div>
        {type === 'suppress' ? (
          !isAddress && (
            <div class="columns">
              <TextField
                label="Only for these addresses"
                value={addresses}
                code
                placeholder="192.0.2.7, 192.0.2.0/24"
                hint="With commas; empty: all alerts of the rule"
                onInput={setAddresses}
              />
              <SelectField
                label="Compared with"
                value={track}
                options={TRACK}
                onInput={(value) => {
                  setTrack(value as Track);
                }}
              />
            </div>
          )
        ) : (
          <Amount amount={amount} setAmount={setAmount} per={per} setPer={setPer} />
        )}
        <WishFields wish={wish} set={setWish} address={type === 'suppress'} />
        <PreviewCard answer={preview} isAsked={body !== undefined && scope !== undefined} />
        <ErrorNotice error={change.error} />
        <div class="actions end">
          {!isSeen && <span class="quiet">It can be saved once you have seen what it hides.</span>}
          <Button onClick={onClose}>Cancel</Button>
          <ChangeButton
            type="submit"
            kind="primary"
            busy={change.busy}
            disabled={body === undefined || wanted === undefined || !isSeen}
          >
            Save
          </ChangeButton>
        </div>
      </form>
    </Dialog>
  );
}

function Amount(props: {
  amount: { count: string; seconds: string };
  setAmount: (amount: { count: string; seconds: string }) => void;
  per: Per;
  setPer: (per: Per) => void;
}) {
  const { amount, setAmount } = props;
  return (
    <div class="columns">
      <TextField
        label="Alerts"
        type="number"
        min="1"
        value={amount.count}
        onInput={(count) => {
          setAmount({ ...amount, count });
        }}
      />
      <TextField
        label="In seconds"
        type="number"
        min="1"
        max="2592000"
        value={amount.seconds}
        onInput={(seconds) => {
          setAmount({ ...amount, seconds });
        }}
      />
      <SelectField
        label="Counted for"
        value={props.per}
        options={PER}
        onInput={(value) => {
          props.setPer(value as Per);
        }}
      />
    </div>
  );
}

/** What the form says, as the API takes it; undefined while something is missing. */
function bodyOf(form: {
  sid: string;
  type: ActionType;
  count: string;
  seconds: string;
  per: Per;
  addresses: string;
  track: Track;
}): Body | undefined {
  const sid = Number(form.sid);
  if (!Number.isInteger(sid) || sid < 1) return undefined;
  if (form.type !== 'suppress') {
    const [count, seconds] = [Number(form.count), Number(form.seconds)];
    if (!Number.isInteger(count) || !Number.isInteger(seconds) || count < 1 || seconds < 1) return undefined;
    return { sid, action: { type: form.type, count, seconds, per: form.per } };
  }
  const addresses = form.addresses.split(/[\s,]+/).filter((address) => address !== '');
  const only = addresses.length === 0 ? {} : { addresses };
  return { sid, action: { type: 'suppress' }, track: form.track, ...only };
}
