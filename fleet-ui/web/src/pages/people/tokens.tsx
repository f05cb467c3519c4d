import type { Me, NewToken, Token } from '@bulkhead/fleet-api';
import { Button, Checkbox, Modal, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { makeToken, removeToken, tokensQuery } from '../../api/people.ts';
import { Choice } from '../../components/choice.tsx';
import { Confirm } from '../../components/confirm.tsx';
import { CopyText } from '../../components/copy-text.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Section } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { Ago } from '../../components/time.tsx';

type TokenRight = NewToken['rights'][number];
const LIFETIMES = [
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '366', label: '1 year' },
];

/** Keys for programs that use the API in one's own name. */
export function Tokens({ me }: { me: Me }) {
  const tokens = useQuery(tokensQuery);
  const [making, setMaking] = useState(false);
  return (
    <Section
      title="API tokens"
      note="for programs; a token may do what you may, less what you leave out"
      actions={
        <Button size="xs" variant="default" onClick={() => setMaking(true)}>
          Make a token
        </Button>
      }
    >
      <Loaded query={tokens} what="tokens">
        {({ tokens: all }) =>
          all.length === 0 ? (
            <p className="quiet">
              You have none. Programs send one as “Authorization: Bearer …”; it can be ended here at any time.
            </p>
          ) : (
            <TokenTable tokens={all} />
          )
        }
      </Loaded>
      {making && <MakeToken me={me} onClose={() => setMaking(false)} />}
    </Section>
  );
}

function TokenTable({ tokens }: { tokens: readonly Token[] }) {
  const [ending, setEnding] = useState<Token | undefined>(undefined);
  const queries = useQueryClient();
  return (
    <>
      <div className="table-wrap" tabIndex={0} role="region" aria-label="API tokens">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">For</th>
              <th scope="col">May</th>
              <th scope="col">Expires</th>
              <th scope="col">Last used</th>
              <th scope="col">End</th>
            </tr>
          </thead>
          <tbody>
            {tokens.map((token) => (
              <tr key={token.id}>
                <th scope="row">{token.label}</th>
                <td>{token.rights.join(', ')}</td>
                <td className="nowrap">
                  <Ago time={token.expiresAt} />
                </td>
                <td className="nowrap">
                  <Ago time={token.lastUsedAt ?? undefined} />
                  {token.lastUsedFrom !== null && <div className="quiet">from {token.lastUsedFrom}</div>}
                </td>
                <td>
                  <Button size="compact-xs" variant="default" onClick={() => setEnding(token)}>
                    End
                  </Button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Confirm
        opened={ending !== undefined}
        title={`End the token “${ending?.label ?? ''}”?`}
        verb="End it"
        act={async () => {
          await removeToken(ending?.id ?? '');
          await queries.invalidateQueries({ queryKey: tokensQuery.queryKey });
        }}
        onClose={() => setEnding(undefined)}
      >
        <p>Programs that use it are refused from now on. It cannot be brought back.</p>
      </Confirm>
    </>
  );
}

function MakeToken({ me, onClose }: { me: Me; onClose: () => void }) {
  const mine = me.rights
    .map(({ right }) => right)
    .filter((right): right is TokenRight => right !== 'people.manage');
  const [label, setLabel] = useState('');
  const [rights, setRights] = useState<readonly TokenRight[]>(
    mine.filter((right) => right.endsWith('.read')),
  );
  const [days, setDays] = useState('30');
  const queries = useQueryClient();
  const make = useMutation({
    mutationFn: () => makeToken({ label: label.trim(), rights: [...rights], expiresInDays: Number(days) }),
    onSuccess: () => queries.invalidateQueries({ queryKey: tokensQuery.queryKey }),
  });
  return (
    <Modal opened onClose={onClose} title="Make a token" size="lg">
      {make.data === undefined ? (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            make.mutate();
          }}
        >
          <TextInput
            label="What it is for"
            value={label}
            onChange={(event) => setLabel(event.currentTarget.value)}
            required
          />
          <fieldset className="roles">
            <legend>It may</legend>
            {mine.map((right) => (
              <Checkbox
                key={right}
                label={right}
                checked={rights.includes(right)}
                onChange={(event) =>
                  setRights(
                    event.currentTarget.checked ? [...rights, right] : rights.filter((one) => one !== right),
                  )
                }
              />
            ))}
          </fieldset>
          <Choice label="It works for" value={days} options={LIFETIMES} onChange={setDays} />
          {make.error !== null && <Problem error={make.error} />}
          <div className="actions end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={make.isPending} disabled={rights.length === 0}>
              Make it
            </Button>
          </div>
        </form>
      ) : (
        <div className="stack">
          <p>It is shown now and never again. Who has it can do in your name what you chose.</p>
          <CopyText text={make.data.secret} label="Token" />
          <div className="actions end">
            <Button onClick={onClose}>I have kept it</Button>
          </div>
        </div>
      )}
    </Modal>
  );
}
