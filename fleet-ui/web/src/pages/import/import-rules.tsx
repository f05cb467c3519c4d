import type { ImportTarget, RulesCheckReply } from '@bulkhead/fleet-api';
import { Button, Checkbox, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ChangeEvent } from 'react';
import { checkRules } from '../../api/imports.ts';
import { Choice } from '../../components/choice.tsx';
import { Problem } from '../../components/problem.tsx';
import { Faults } from './faults.tsx';
import { fileFault, RULES_CHARACTERS_MOST, sourceNameOf } from './rules-file.ts';
import { RulesDeployment } from './rules-deployment.tsx';

const STATES: Readonly<Record<ImportTarget['state'], string>> = {
  ready: '',
  offline: ' (away)',
  'not-running': ' (not running)',
  'not-granted': ' (may not show its page)',
  opening: ' (starting)',
};

interface ChosenFile {
  name: string;
  text: string;
}

/** Chooses a file and a rule manager, and has the one read the other. */
export function ImportRules({ targets }: { targets: readonly ImportTarget[] }) {
  const first = targets.find(({ state }) => state === 'ready') ?? targets[0];
  const [place, setPlace] = useState(first === undefined ? '' : keyOf(first));
  const [file, setFile] = useState<ChosenFile | undefined>();
  const [fault, setFault] = useState<string | undefined>();
  const [name, setName] = useState('');
  const [reason, setReason] = useState('');
  const [skipFaulty, setSkipFaulty] = useState(false);
  const target = targets.find((one) => keyOf(one) === place);
  const check = useMutation({
    mutationFn: async () => {
      if (target === undefined || file === undefined) throw new Error('Choose a file and a rule manager.');
      return checkRules(target, {
        name,
        reason,
        skipFaulty,
        text: file.text,
        fileName: file.name.slice(0, 255),
      });
    },
  });
  const choose = async (event: ChangeEvent<HTMLInputElement>) => {
    const chosen = event.currentTarget.files?.[0];
    check.reset();
    setFile(undefined);
    if (chosen === undefined) {
      setFault(undefined);
      return;
    }
    const text = chosen.size > RULES_CHARACTERS_MOST ? undefined : await chosen.text();
    const found = fileFault({ size: chosen.size, text });
    setFault(found);
    if (found !== undefined || text === undefined) return;
    setFile({ name: chosen.name, text });
    setName(sourceNameOf(chosen.name));
  };
  const reply = check.data;
  if (target !== undefined && reply?.outcome === 'taken') {
    return (
      <div className="stack">
        <Read reply={reply} name={name} target={target} />
        <RulesDeployment target={target} name={name} reason={reason} onAgain={() => check.reset()} />
      </div>
    );
  }
  return (
    <form
      className="card stack import-form"
      onSubmit={(event) => {
        event.preventDefault();
        check.mutate();
      }}
    >
      <Choice
        label="Rule manager"
        description="The rules come to every IDS that this rule manager serves."
        value={place}
        options={targets.map((one) => ({
          value: keyOf(one),
          label: `${one.instrument} at ${one.sensorName}${STATES[one.state]}`,
        }))}
        onChange={setPlace}
      />
      <div>
        <label htmlFor="rules-file">File of rules (text, one rule on each line)</label>
        <input
          id="rules-file"
          className="file"
          type="file"
          accept=".rules,.txt,text/plain"
          required
          aria-describedby={fault === undefined ? undefined : 'rules-file-fault'}
          onChange={(event) => void choose(event)}
        />
        {fault !== undefined && (
          <p className="text-bad" id="rules-file-fault" role="alert">
            {fault}
          </p>
        )}
      </div>
      <TextInput
        label="Name of the source"
        description="a–z, 0–9 and -, at most 24. There must be no source of this name yet."
        value={name}
        pattern="[a-z0-9]([a-z0-9\-]{0,22}[a-z0-9])?"
        maxLength={24}
        required
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <TextInput
        label="Why"
        description="For the history of the rule manager"
        value={reason}
        maxLength={500}
        required
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <Checkbox
        label="Leave faulty rules out and take the rest"
        checked={skipFaulty}
        onChange={(event) => setSkipFaulty(event.currentTarget.checked)}
      />
      {check.error !== null && <Problem error={check.error} />}
      {reply?.outcome === 'refused' && (
        <Faults refused={reply} what="The rule manager does not take the file." />
      )}
      <div className="actions end">
        <Button
          type="submit"
          loading={check.isPending}
          disabled={file === undefined || target?.state !== 'ready'}
        >
          Have it read
        </Button>
      </div>
    </form>
  );
}

function Read({
  reply,
  name,
  target,
}: {
  reply: Extract<RulesCheckReply, { outcome: 'taken' }>;
  name: string;
  target: ImportTarget;
}) {
  return (
    <div className="card" role="status">
      <p>
        <strong>
          {target.instrument} at {target.sensorName} has read the file.
        </strong>{' '}
        It holds {reply.rules.toLocaleString('en')} rules, {reply.enabled.toLocaleString('en')} of them on
        {reply.skipped > 0 && `; ${reply.skipped.toLocaleString('en')} faulty ones were left out`}. They are
        kept as the source <code>{name}</code>, which is off: nothing has changed yet.
      </p>
      <Faults refused={{ ...reply, message: '', code: '' }} what="Left out:" />
    </div>
  );
}

function keyOf({ sensor, instrument }: ImportTarget): string {
  return `${sensor}/${instrument}`;
}
