// What a route says, in a few words for a list.

import { isMapping, type Item, scalarText, writtenOut } from "../edit/item.ts";

const list = (value: unknown): string =>
  Array.isArray(value) ? value.map(String).join(", ") : typeof value === "string" ? value : "";

/** What it takes: hosts and paths, or a rule. */
export function matchOf({ section, name, value }: Item): string {
  const { host, path, pathExact, pathRegex, rule, methods, sni, listener } = writtenOut(
    section,
    value,
  );
  if (typeof rule === "string") return rule;
  const own = name.replace(/@[\w-]+$/, "");
  const names = list(host ?? sni);
  const paths = list(path ?? pathExact ?? pathRegex);
  const words = [list(methods), names === "" ? own : names].filter((each) => each !== "");
  const place = listener === undefined ? "" : ` at ${list(listener)}`;
  return `${words.join(" ")}${paths}${place}`;
}

const answers = ["redirect", "respond", "whoami", "files", "fastcgi", "scgi", "uwsgi", "preset"];

/** Where it leads. */
export function targetOf({ section, value }: Item): string {
  const written = writtenOut(section, value);
  const { service } = written;
  if (service !== undefined) return serviceText(service);
  const key = answers.find((each) => written[each] !== undefined && written[each] !== false);
  if (key === undefined) return "";
  const said = written[key];
  return typeof said === "string" ? `${key} ${said}` : key;
}

function serviceText(service: unknown): string {
  if (isMapping(service)) {
    const { backends } = service;
    if (backends !== undefined) return serviceText(backends);
    return Object.keys(service)[0] ?? "";
  }
  if (!Array.isArray(service)) return scalarText(service);
  return service
    .map((each) => (isMapping(each) ? scalarText(each["url"]) : scalarText(each)))
    .join(", ");
}
