import type { Invitation, Person, Role, RoleAssignment } from '@bulkhead/fleet-api';
import { Button, Modal, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { addPerson, changePerson } from '../../api/people.ts';
import { groupsQuery, sensorsQuery } from '../../api/sensors.ts';
import { Choice } from '../../components/choice.tsx';
import { Problem } from '../../components/problem.tsx';
import { ROLE_WORDS } from '../../text/role-words.ts';

const ROLES: readonly Role[] = ['viewer', 'analyst', 'operator', 'admin'];

/** Somebody new, or other roles for somebody. */
export function PersonDialog({
  person,
  onClose,
  invited,
}: {
  person?: Person;
  onClose: () => void;
  invited: (made: { name: string; invitation: Invitation }) => void;
}) {
  const [name, setName] = useState(person?.name ?? '');
  const [displayName, setDisplayName] = useState(person?.displayName ?? '');
  const [roles, setRoles] = useState<readonly RoleAssignment[]>(person?.roles ?? [{ role: 'viewer' }]);
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: async () => {
      const shown = displayName.trim();
      if (person !== undefined) {
        await changePerson(person.id, {
          displayName: shown,
          ...(person.kind === 'sso' ? {} : { roles: [...roles] }),
        });
        return;
      }
      const made = await addPerson({
        name: name.trim(),
        roles: [...roles],
        ...(shown === '' ? {} : { displayName: shown }),
      });
      invited({ name: made.person.name, invitation: made.invitation });
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['people'] });
      onClose();
    },
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={person === undefined ? 'Invite somebody' : person.displayName}
      size="lg"
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        {person === undefined && (
          <TextInput
            label="Name to sign in with"
            description="Lower-case letters, digits and . _ @ + -"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            autoComplete="off"
            required
          />
        )}
        <TextInput
          label="Name, as others see it"
          value={displayName}
          onChange={(event) => setDisplayName(event.currentTarget.value)}
          autoComplete="off"
        />
        {person?.kind === 'sso' ? (
          <p className="quiet">Roles come from the identity provider.</p>
        ) : (
          <Roles roles={roles} onChange={setRoles} />
        )}
        {save.error !== null && <Problem error={save.error} />}
        <div className="actions end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending}>
            {person === undefined ? 'Make an invitation' : 'Save'}
          </Button>
        </div>
      </form>
    </Modal>
  );
}

function Roles({
  roles,
  onChange,
}: {
  roles: readonly RoleAssignment[];
  onChange: (roles: readonly RoleAssignment[]) => void;
}) {
  const replace = (index: number, role: RoleAssignment | undefined) =>
    onChange(roles.flatMap((one, at) => (at !== index ? [one] : role === undefined ? [] : [role])));
  return (
    <fieldset className="roles">
      <legend>Roles</legend>
      {roles.map((one, index) => (
        <OneRole
          key={index}
          role={one}
          onChange={(role) => replace(index, role)}
          onRemove={roles.length > 1 ? () => replace(index, undefined) : undefined}
        />
      ))}
      <Button size="xs" variant="default" onClick={() => onChange([...roles, { role: 'viewer' }])}>
        Another role, elsewhere
      </Button>
    </fieldset>
  );
}

function OneRole({
  role,
  onChange,
  onRemove,
}: {
  role: RoleAssignment;
  onChange: (role: RoleAssignment) => void;
  onRemove: (() => void) | undefined;
}) {
  const sensors = useQuery(sensorsQuery).data?.sensors ?? [];
  const groups = useQuery(groupsQuery).data?.groups ?? [];
  const place =
    role.sensors !== undefined
      ? `s ${role.sensors[0] ?? ''}`
      : role.groups !== undefined
        ? `g ${role.groups[0] ?? ''}`
        : '';
  const setPlace = (value: string) => {
    const { sensors: _sensors, groups: _groups, ...rest } = role;
    const chosen = value.slice(2);
    onChange({
      ...rest,
      ...(value.startsWith('s ')
        ? { sensors: [chosen] }
        : value.startsWith('g ')
          ? { groups: [chosen] }
          : {}),
    });
  };
  const setInstruments = (text: string) => {
    const { instruments: _instruments, ...rest } = role;
    const list = text.split(/[\s,]+/).filter((one) => one !== '');
    onChange(list.length === 0 ? rest : { ...rest, instruments: list });
  };
  const several = (role.sensors?.length ?? 0) + (role.groups?.length ?? 0) > 1;
  return (
    <div className="role">
      <Choice
        label="Role"
        value={role.role}
        options={ROLES.map((name) => ({ value: name, label: `${name}: ${ROLE_WORDS[name]}` }))}
        onChange={(value) => onChange({ ...role, role: value as Role })}
      />
      {several ? (
        <p className="quiet">
          For {(role.sensors?.length ?? 0) + (role.groups?.length ?? 0)} sensors and groups, set through the
          API.
        </p>
      ) : (
        <Choice
          label="Where"
          value={place}
          options={[
            { value: '', label: 'Everywhere' },
            ...groups.map(({ name }) => ({ value: `g ${name}`, label: `Group ${name}` })),
            ...sensors.map(({ id, name }) => ({ value: `s ${id}`, label: `Sensor ${name}` })),
          ]}
          onChange={setPlace}
        />
      )}
      <TextInput
        label="Only these instruments"
        placeholder="all"
        defaultValue={role.instruments?.join(' ') ?? ''}
        onBlur={(event) => setInstruments(event.currentTarget.value)}
      />
      {onRemove !== undefined && (
        <Button size="xs" variant="subtle" onClick={onRemove}>
          Without this role
        </Button>
      )}
    </div>
  );
}
