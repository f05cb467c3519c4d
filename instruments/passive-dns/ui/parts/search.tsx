import { useEffect, useState } from 'preact/hooks';
import { hashOf, isBelow, questionOf, typedOf, type Question } from '../question.ts';

/** Most characters of a name. */
const MOST = 1_020;

/** The field in which one asks; `asked` is called with what is asked, also when it is the same again. */
export function Search(props: { question: Question | undefined; asked: (hash: string) => void }) {
  const { question, asked } = props;
  const [typed, setTyped] = useState('');
  const [below, setBelow] = useState(false);
  // Who follows a link or goes back sees in the field what is shown.
  useEffect(() => {
    setTyped(typedOf(question));
    setBelow(question !== undefined && isBelow(question));
  }, [question]);
  const submit = (event: Event) => {
    event.preventDefault();
    const next = questionOf(typed, below);
    if (next !== undefined) asked(hashOf(next));
  };
  return (
    <form role="search" class="card" onSubmit={submit}>
      <div class="field">
        <label for="asked">Name or address</label>
        <div class="line">
          <input
            id="asked"
            type="search"
            class="mono"
            maxLength={MOST}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            required
            value={typed}
            onInput={(event) => {
              setTyped(event.currentTarget.value);
            }}
          />
          <button type="submit" class="button primary">
            Look up
          </button>
        </div>
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={below}
          onChange={(event) => {
            setBelow(event.currentTarget.checked);
          }}
        />
        The names below it, not the name itself
      </label>
    </form>
  );
}
