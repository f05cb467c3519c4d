import type { Invitation, Person } from '@bulkhead/fleet-api';
import { Button, Menu, Modal } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changePerson, endSessionsOf, invite, peopleQuery, removePerson } from '../../api/people.ts';
import { sensorsQuery } from '../../api/sensors.ts';
import { usePerson } from '../../api/session.ts';
import { Badge } from '../../components/badge.tsx';
import { Confirm } from '../../components/confirm.tsx';
import { CopyText } from '../../components/copy-text.tsx';
import { Icon } from '../../components/icon.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Page } from '../../components/page.tsx';
import { Ago } from '../../components/time.tsx';
import { told } from '../../components/told.ts';
import { assignmentWords } from '../../text/role-words.ts';
import { clockTime } from '../../text/time-words.ts';
import { PersonDialog } from './person-dialog.tsx';
import './people.css';

/** Who may use the fleet, and for what. */
export function People() {
  const people = useQuery(peopleQuery);
  const [adding, setAdding] = useState(false);
  const [invitation, setInvitation] = useState<{ name: string; invitation: Invitation } | undefined>(
    undefined,
  );
  return (
    <Page
      title="People"
      needs="people.manage"
      about="Who may use this fleet. A role can be narrowed to sensors, groups and single instruments."
      actions={
        <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setAdding(true)}>
          Invite somebody
        </Button>
      }
    >
      <Loaded query={people} what="people">
        {({ people: all }) => <PeopleTable people={all} invited={setInvitation} />}
      </Loaded>
      {adding && <PersonDialog onClose={() => setAdding(false)} invited={setInvitation} />}
      <Modal
        opened={invitation !== undefined}
        onClose={() => setInvitation(undefined)}
        title={`Invitation of ${invitation?.name ?? ''}`}
      >
        {invitation !== undefined && (
          <div className="stack">
            <p>
              Give this code to {invitation.name} by a way that you trust. With it a password is chosen at{' '}
              <code>/invitation</code>. It is shown now and never again, and works once, until{' '}
              {clockTime(invitation.invitation.expiresAt)}.
            </p>
            <CopyText text={invitation.invitation.code} label="Code of the invitation" />
          </div>
        )}
      </Modal>
    </Page>
  );
}

type Invited = (made: { name: string; invitation: Invitation }) => void;

function PeopleTable({ people, invited }: { people: readonly Person[]; invited: Invited }) {
  const sensors = useQuery(sensorsQuery).data?.sensors ?? [];
  const nameOf = (id: string) => sensors.find((one) => one.id === id)?.name ?? id;
  return (
    <div className="table-wrap" tabIndex={0} role="region" aria-label="People">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">May</th>
            <th scope="col">Signs in</th>
            <th scope="col">Last</th>
            <th scope="col">Change</th>
          </tr>
        </thead>
        <tbody>
          {people.map((person) => (
            <tr key={person.id}>
              <th scope="row">
                {person.displayName} {person.disabled && <Badge tone="bad">disabled</Badge>}
                <div className="quiet mono">{person.name}</div>
              </th>
              <td>
                {person.roles.length === 0
                  ? 'nothing'
                  : person.roles.map((role) => (
                      <div key={JSON.stringify(role)}>{assignmentWords(role, nameOf)}</div>
                    ))}
              </td>
              <td>
                <SignInWords person={person} />
              </td>
              <td className="nowrap">
                <Ago time={person.lastSignInAt ?? undefined} />
              </td>
              <td>
                <PersonActions person={person} invited={invited} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SignInWords({ person }: { person: Person }) {
  if (person.kind === 'invited') return <Badge tone="accent">invited, no password yet</Badge>;
  if (person.kind === 'sso') return <span>at the identity provider</span>;
  return person.totp ? <span>password and code</span> : <Badge tone="warn">password only</Badge>;
}

function PersonActions({ person, invited }: { person: Person; invited: Invited }) {
  const [act, setAct] = useState<'roles' | 'disable' | 'remove' | 'invite' | 'end' | undefined>(undefined);
  const queries = useQueryClient();
  const self = usePerson()?.id === person.id;
  const close = () => setAct(undefined);
  const after = async (words: string) => {
    await queries.invalidateQueries({ queryKey: ['people'] });
    told(words);
  };
  return (
    <>
      <Menu position="bottom-end" width={230}>
        <Menu.Target>
          <Button
            size="compact-xs"
            variant="default"
            aria-label={`Change ${person.name}`}
            rightSection={<Icon name="down" size={12} />}
          >
            Actions
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setAct('roles')}>Name and roles</Menu.Item>
          {person.kind !== 'sso' && (
            <Menu.Item onClick={() => setAct('invite')}>New invitation (password lost)</Menu.Item>
          )}
          <Menu.Item onClick={() => setAct('end')}>End all sessions</Menu.Item>
          {!self && (
            <>
              <Menu.Item onClick={() => setAct('disable')}>
                {person.disabled ? 'Enable' : 'Disable'}
              </Menu.Item>
              <Menu.Divider />
              <Menu.Item color="red" onClick={() => setAct('remove')}>
                Remove
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      {act === 'roles' && <PersonDialog person={person} onClose={close} invited={invited} />}
      <Confirm
        opened={act === 'disable'}
        title={person.disabled ? `Enable ${person.displayName}?` : `Disable ${person.displayName}?`}
        verb={person.disabled ? 'Enable' : 'Disable'}
        harmless={person.disabled}
        act={async () => {
          await changePerson(person.id, { disabled: !person.disabled });
          await after(
            person.disabled ? 'The account can be used again.' : 'The account cannot be used any more.',
          );
        }}
        onClose={close}
      >
        <p>
          {person.disabled
            ? 'The account can sign in again, with the same password and roles.'
            : 'All sessions end at once, and the account’s tokens stop working. Nothing is deleted; it can be enabled again.'}
        </p>
      </Confirm>
      <Confirm
        opened={act === 'invite'}
        title={`Invite ${person.displayName} anew?`}
        verb="Make an invitation"
        act={async () => {
          const invitation = await invite(person.id, person.totp);
          await after('The old password is void.');
          invited({ name: person.name, invitation });
        }}
        onClose={close}
      >
        <p>
          The present password becomes void{person.totp && ', the second factor is forgotten'} and all
          sessions end. Be sure that it is {person.displayName} who asks for it.
        </p>
      </Confirm>
      <Confirm
        opened={act === 'end'}
        title={`End all sessions of ${person.displayName}?`}
        verb="End them"
        act={async () => {
          const { ended } = await endSessionsOf(person.id);
          await after(`${String(ended)} sessions ended.`);
        }}
        onClose={close}
      >
        <p>
          Every browser that is signed in as {person.name} is signed out, and open pages of instruments close.
        </p>
      </Confirm>
      <Confirm
        opened={act === 'remove'}
        title={`Remove ${person.displayName}?`}
        verb="Remove the account"
        type={person.name}
        act={async () => {
          await removePerson(person.id);
          await after('The account was removed.');
        }}
        onClose={close}
      >
        <p>
          The account, its password, its second factor, its sessions and its API tokens are deleted. What it
          did stays in the audit log under its name.
        </p>
      </Confirm>
    </>
  );
}
