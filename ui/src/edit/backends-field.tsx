// Backends of a service, one below the other, each with its weight; whatever else one says of them is kept.

import { Button } from "../kit/button.tsx";
import { TextField } from "../kit/field.tsx";
import { Notice } from "../kit/notice.tsx";
import { isMapping, type Mapping } from "./item.ts";
import type { Schema } from "./schema.ts";
import { type Faults, withKey, YamlSetting } from "./schema-field.tsx";

export interface BackendsProps {
  readonly value: unknown;
  readonly onValue: (value: unknown) => void;
  readonly schema: Schema;
  readonly faults: Faults;
}

/** A URL alone is short for a mapping that says nothing else. */
function written(backend: unknown): Mapping {
  return isMapping(backend) ? backend : { url: backend };
}

function short(backend: Mapping): unknown {
  const keys = Object.keys(backend);
  return keys.length === 1 && keys[0] === "url" ? backend["url"] : backend;
}

const textOf = (value: unknown) =>
  typeof value === "string" || typeof value === "number" ? String(value) : "";

export function BackendsField(props: BackendsProps) {
  const { value, onValue, faults } = props;
  if (value !== undefined && !Array.isArray(value)) {
    return <YamlSetting {...props} path={["backends"]} label="Backends" />;
  }
  const all: readonly unknown[] = value ?? [];
  const put = (index: number, next: Mapping) =>
    onValue(all.map((each, at) => (at === index ? short(next) : each)));
  const remove = (index: number) => {
    const left = all.filter((_, at) => at !== index);
    onValue(left.length === 0 ? undefined : left);
  };
  const fault = all.length === 0 ? faults.at(["backends"]) : undefined;
  return (
    <fieldset class="list">
      <legend>Backends</legend>
      {fault !== undefined && <Notice tone="bad">{fault}</Notice>}
      {all.map((each, index) => {
        const backend = written(each);
        const number = index + 1;
        return (
          <div class="list-row" key={index}>
            <TextField
              label={`URL of backend ${number}`}
              value={textOf(backend["url"])}
              fault={faults.at(["backends", String(index)])}
              onInput={(url) => put(index, { ...backend, url })}
              input={{ placeholder: "http://10.0.0.5:3000", spellcheck: false }}
            />
            <div class="short">
              <TextField
                label={`Weight of ${number}`}
                value={textOf(backend["weight"])}
                onInput={(text) => put(index, withKey(backend, "weight", weightOf(text)))}
                input={{ placeholder: "1", inputMode: "numeric" }}
              />
            </div>
            <Button
              kind="quiet"
              icon="trash"
              label={`Remove backend ${number}`}
              onClick={() => remove(index)}
            />
          </div>
        );
      })}
      <div>
        <Button small icon="plus" onClick={() => onValue([...all, ""])}>
          Add a backend
        </Button>
      </div>
    </fieldset>
  );
}

function weightOf(text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const number = Number(trimmed);
  return Number.isFinite(number) ? number : trimmed;
}
