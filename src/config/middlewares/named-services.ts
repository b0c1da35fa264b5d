// Names of services within a list of middlewares as it is written: `errors` has its pages from one.

import { isRecord } from "../../lib/json.ts";

/** With other names of the services that it leads to. */
export function renamedInList(list: unknown, rename: (service: string) => string): unknown {
  if (Array.isArray(list)) {
    return list.map((each: unknown) => (isRecord(each) ? renamedInList(each, rename) : each));
  }
  if (!isRecord(list)) return list;
  const { errors } = list;
  if (!isRecord(errors) || typeof errors["service"] !== "string") return list;
  return { ...list, errors: { ...errors, service: rename(errors["service"]) } };
}
