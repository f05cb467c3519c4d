import { useState } from 'preact/hooks';
import type { AnyDocument } from '../../src/api-types.ts';
import { call } from '../api.ts';
import { useChange, useLive } from '../live.tsx';
import { Button, ChangeButton } from '../parts/button.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { TextArea } from '../parts/field.tsx';
import { ErrorNotice } from '../parts/notice.tsx';
import { requestOf, useWish, WishFields, type Wish } from '../parts/wish.tsx';

export type VariablesDocument = Extract<AnyDocument, { kind: 'variables' }>;

/** Sets the variables of one scope; what stood there for that scope is replaced. */
export function VariablesForm(props: { before: VariablesDocument | undefined; onClose: () => void }) {
  const { before } = props;
  const { overview } = useLive();
  const [homeNet, setHomeNet] = useState(before?.body.homeNet?.join('\n') ?? '');
  const [addresses, setAddresses] = useState(linesOf(before?.body.addressGroups));
  const [ports, setPorts] = useState(linesOf(before?.body.portGroups));
  const [wish, setWish] = useWish(before === undefined ? {} : wishOf(before));
  const change = useChange();
  const wanted = requestOf(wish, overview?.sensor ?? '');
  const [addressGroups, portGroups] = [groupsOf(addresses), groupsOf(ports)];
  const home = membersOf(homeNet);
  const isEmpty = home.length === 0 && addresses.trim() === '' && ports.trim() === '';
  const submit = async (event: Event) => {
    event.preventDefault();
    if (wanted === undefined || addressGroups === undefined || portGroups === undefined) return;
    const body = {
      ...(home.length === 0 ? {} : { homeNet: home }),
      ...(Object.keys(addressGroups).length === 0 ? {} : { addressGroups }),
      ...(Object.keys(portGroups).length === 0 ? {} : { portGroups }),
    };
    if (await change.run(() => call('variables.set', { ...body, ...wanted }))) props.onClose();
  };
  return (
    <Dialog title={before === undefined ? 'Set variables' : 'Change variables'} wide onClose={props.onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <TextArea
          label="$HOME_NET: the protected networks"
          value={homeNet}
          rows={4}
          placeholder={'192.168.0.0/16\n10.0.0.0/8'}
          hint="Addresses and networks, one per line or with commas; ! leaves one out. Empty: not set here."
          onInput={setHomeNet}
        />
        <div class="columns">
          <TextArea
            label="Other addresses"
            value={addresses}
            rows={4}
            placeholder="DNS_SERVERS = 10.0.0.53, 10.0.1.53"
            hint="NAME = values, one variable per line"
            error={addressGroups === undefined ? WRONG_LINES : undefined}
            onInput={setAddresses}
          />
          <TextArea
            label="Ports"
            value={ports}
            rows={4}
            placeholder="HTTP_PORTS = 80, 8080:8090"
            hint="NAME = values, one variable per line"
            error={portGroups === undefined ? WRONG_LINES : undefined}
            onInput={setPorts}
          />
        </div>
        <WishFields wish={wish} set={setWish} />
        <ErrorNotice error={change.error} />
        <div class="actions end">
          <Button onClick={props.onClose}>Cancel</Button>
          <ChangeButton
            type="submit"
            kind="primary"
            busy={change.busy}
            disabled={
              wanted === undefined || isEmpty || addressGroups === undefined || portGroups === undefined
            }
          >
            Save
          </ChangeButton>
        </div>
      </form>
    </Dialog>
  );
}

const WRONG_LINES = 'each line must be NAME = value, value';

function membersOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((member) => member !== '');
}

function linesOf(groups: Record<string, string[]> | undefined): string {
  return Object.entries(groups ?? {})
    .map(([name, members]) => `${name} = ${members.join(', ')}`)
    .join('\n');
}

/** Variables from lines; undefined when a line is none. */
function groupsOf(text: string): Record<string, string[]> | undefined {
  const groups: Record<string, string[]> = {};
  for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
    const [, name, members] = /^\s*\$?([A-Z][A-Z0-9_]*)\s*[=:]\s*(.+)$/.exec(line) ?? [];
    if (name === undefined || members === undefined) return undefined;
    groups[name] = membersOf(members);
  }
  return groups;
}

function wishOf({ scope, expires }: VariablesDocument): Partial<Wish> {
  const until = expires === undefined ? {} : { expires: expires.slice(0, 16) };
  if ('group' in scope) return { kind: 'group', group: scope.group, ...until };
  if ('sensor' in scope) return { kind: 'sensor', sensor: scope.sensor, ...until };
  return { kind: 'all', ...until };
}
