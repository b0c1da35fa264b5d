// What a list is narrowed by: one of a few kinds, and a text that is kept in the address, so that it can be shared.

import { place, setQuery } from "../router.ts";
import { Choice, Search } from "./field.tsx";

/** As it was typed. */
export function filterText(): string {
  return place.value.query.get("filter") ?? "";
}

/** Whether one of these texts has what was typed, in capitals or not. */
export function isWanted(...texts: readonly string[]): boolean {
  return texts.join(" ").toLowerCase().includes(filterText().toLowerCase());
}

export interface ListFilterProps<Kind extends string> {
  /** Left out = all are of one kind. */
  readonly kinds?: {
    readonly value: Kind;
    readonly options: readonly (readonly [Kind, string])[];
    readonly onInput: (kind: Kind) => void;
  };
}

export function ListFilter<Kind extends string>({ kinds }: ListFilterProps<Kind>) {
  return (
    <>
      {kinds !== undefined && <Choice label="Which" {...kinds} />}
      <Search label="Filter" value={filterText()} onInput={(text) => setQuery("filter", text)} />
    </>
  );
}
