// Middlewares in the order in which they run: added from those there are, moved, and set by YAML.

import type { MiddlewareRow } from "../../../src/admin/operations.ts";
import { usePolled } from "../api/polled.ts";
import { Button } from "../kit/button.tsx";
import { SelectField } from "../kit/field.tsx";
import { isMapping } from "./item.ts";
import { type Faults, plain, YamlSetting } from "./schema-field.tsx";

export interface MiddlewaresProps {
  readonly value: unknown;
  readonly onValue: (value: unknown) => void;
  readonly faults: Faults;
  readonly about: string;
}

interface Entry {
  readonly kind: string;
  readonly settings: unknown;
}

/** One entry, if it is of one kind. */
function entryOf(each: unknown): Entry | undefined {
  if (typeof each === "string") return { kind: each, settings: undefined };
  if (!isMapping(each)) return undefined;
  const [first, ...more] = Object.entries(each);
  return first === undefined || more.length > 0
    ? undefined
    : { kind: first[0], settings: first[1] };
}

export function MiddlewaresField({ value, onValue, faults, about }: MiddlewaresProps) {
  const { data } = usePolled<readonly MiddlewareRow[]>("/v1/middlewares");
  const list: readonly unknown[] | undefined =
    value === undefined ? [] : Array.isArray(value) ? value : undefined;
  const entries = list?.map(entryOf);
  if (list === undefined || entries?.some((each) => each === undefined) === true) {
    const path = ["middlewares"];
    return (
      <YamlSetting
        {...{ path, value, onValue, faults }}
        schema={{}}
        label="Middlewares"
        hint={about}
      />
    );
  }
  const put = (next: readonly unknown[]) => onValue(next.length === 0 ? undefined : next);
  const move = (index: number) => {
    const next = [...list];
    const [taken] = next.splice(index, 1);
    next.splice(index - 1, 0, taken);
    put(next);
  };
  const kinds = (data ?? []).map(({ kind }) => kind);
  return (
    <fieldset class="list">
      <legend>Middlewares</legend>
      {entries?.map((entry, index) => {
        const { kind = "", settings } = entry ?? {};
        const known = data?.find((each) => each.kind === kind);
        return (
          <div class="list-row" key={`${index} ${kind}`}>
            <YamlSetting
              path={["middlewares", String(index)]}
              label={`${index + 1}. ${kind}`}
              schema={{}}
              placeholder="Its settings, as YAML"
              value={settings}
              hint={plain(known?.summary ?? "")}
              onValue={(next) =>
                put(list.with(index, next === undefined ? kind : { [kind]: next }))
              }
              faults={faults}
            />
            <div class="row">
              {index > 0 && (
                <Button
                  kind="quiet"
                  icon="up"
                  label={`Run ${kind} earlier`}
                  onClick={() => move(index)}
                />
              )}
              <Button
                kind="quiet"
                icon="trash"
                label={`Remove ${kind}`}
                onClick={() => put(list.filter((_, at) => at !== index))}
              />
            </div>
          </div>
        );
      })}
      <div class="short">
        <SelectField
          label="Add a middleware"
          value=""
          options={[["", "Choose …"], ...kinds.map((kind): [string, string] => [kind, kind])]}
          onInput={(kind) => {
            if (kind !== "") put([...list, kind]);
          }}
        />
      </div>
    </fieldset>
  );
}
