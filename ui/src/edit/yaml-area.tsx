// An item as YAML, with proposals for the key or the word that is being written.

import { useId, useMemo, useRef, useState } from "preact/hooks";
import { Field } from "../kit/field.tsx";
import { type Schema, type Suggestion, suggestionsFor, wordsFor } from "./schema.ts";
import { plain } from "./schema-field.tsx";
import { type Spot, spotAt } from "./yaml-spot.ts";

export interface YamlAreaProps {
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly schema: Schema;
  readonly fault: string | undefined;
}

/** Shown at once. */
const most = 12;

function proposals(schema: Schema, { path, begun, isValue }: Spot): readonly Suggestion[] {
  if (/[:\s]/.test(begun)) return [];
  const all = isValue
    ? wordsFor(schema, path).map((text): Suggestion => ({ text, about: "" }))
    : suggestionsFor(schema, path);
  return all.filter(({ text }) => text.startsWith(begun) && text !== begun).slice(0, most);
}

export function YamlArea({ text, onText, schema, fault }: YamlAreaProps) {
  const ref = useRef<HTMLTextAreaElement>(null);
  const [caret, setCaret] = useState(text.length);
  const listId = useId();
  const spot = useMemo(() => spotAt(text, caret), [text, caret]);
  const found = useMemo(() => proposals(schema, spot), [schema, spot]);
  const look = () => setCaret(ref.current?.selectionStart ?? 0);
  const take = ({ text: word }: Suggestion) => {
    const area = ref.current;
    if (area === null) return;
    const begin = caret - spot.begun.length;
    area.focus();
    area.setRangeText(spot.isValue ? word : `${word}: `, begin, caret, "end");
    onText(area.value);
    setCaret(area.selectionStart);
  };
  return (
    <div class="stack tight">
      <Field
        label="YAML"
        hint="The keys are those of the configuration file. Ctrl+Space takes the first proposal below."
        fault={fault}
      >
        {(tied) => (
          <textarea
            {...tied}
            ref={ref}
            class="input mono"
            rows={Math.min(24, Math.max(10, text.split("\n").length + 1))}
            spellcheck={false}
            autocomplete="off"
            value={text}
            onInput={(event) => {
              onText(event.currentTarget.value);
              look();
            }}
            onKeyUp={look}
            onClick={look}
            onKeyDown={(event) => {
              const [first] = found;
              if (event.key !== " " || !event.ctrlKey || first === undefined) return;
              event.preventDefault();
              take(first);
            }}
          />
        )}
      </Field>
      <div class="proposals" id={listId} role="group" aria-label="Proposals">
        {found.map((each) => (
          <button
            key={each.text}
            type="button"
            title={plain(each.about)}
            onClick={() => take(each)}
          >
            {each.text}
          </button>
        ))}
      </div>
    </div>
  );
}
