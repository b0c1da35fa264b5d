// Header fields that nginx adds, hides and says anew, as `headers`.

import { definitionOf } from "../../config/middlewares/list.ts";
import { unknownPlaceholder } from "../../config/placeholders.ts";
import type { Outline, Settings } from "../outline.ts";
import { shown } from "../outline.ts";
import { isHsts } from "./hsts.ts";
import type { Directive, Scope } from "./tree.ts";

/** Answers that get a field which nginx does not `always` add. */
const usual = [200, 201, 204, 206, 301, 302, 303, 304, 307, 308];

const variables = new Map([
  ["host", "{host}"],
  ["http_host", "{host}"],
  ["scheme", "{scheme}"],
  ["request_uri", "{uri}"],
  ["request_method", "{method}"],
  ["remote_addr", "{clientIp}"],
]);

/** undefined = it has variables that we do not know, or what would be one of ours. */
function valueOf(text: string): string | undefined {
  if (
    unknownPlaceholder(text) !== undefined ||
    /\{(\w+|header:[^{}]*)\}/.test(text.replaceAll(/\$\{\w+\}/g, ""))
  ) {
    return undefined;
  }
  let isKnown = true;
  const made = text.replaceAll(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced: string, bare: string) => {
    const known = variables.get(braced ?? bare);
    if (known === undefined) isKnown = false;
    return known ?? "";
  });
  return isKnown && !made.includes("$") ? made.trim() : undefined;
}

/** Of an answer. @param protocol what nginx's names begin with; undefined = nobody else answers */
export function answerFields(
  scope: Scope,
  outline: Outline,
  protocol: string | undefined,
  isOfFiles: boolean,
): Settings[] {
  const edits: Edit[] = [];
  const hidden = protocol === undefined ? [] : scope.all(`${protocol}_hide_header`);
  // First what goes: it may be added anew.
  for (const directive of [...hidden, ...plain("more_clear_headers", scope, outline)]) {
    for (const name of directive.args) edits.push({ directive, how: "remove", name, value: "" });
  }
  for (const directive of scope.all("add_header")) {
    const [name = "", value = "", always] = directive.args;
    if (isHsts(directive) || (isOfFiles && /^cache-control$/i.test(name)) || value === "") continue;
    const statuses = always === "always" ? undefined : usual;
    edits.push({ directive, how: "add", name, value: valueOf(value), statuses });
  }
  for (const directive of plain("more_set_headers", scope, outline)) {
    for (const each of directive.args) {
      const [, name = each, value] = /^([\w-]+): *(.+)$/s.exec(each) ?? [];
      edits.push({
        directive,
        how: "set",
        name,
        value: value === undefined ? value : valueOf(value),
      });
    }
  }
  return entriesOf(edits, "response", outline);
}

/** Those for all answers: `-s` and `-t` name some. */
function plain(name: string, scope: Scope, outline: Outline): Directive[] {
  return scope.all(name).filter((directive) => {
    const option = directive.args.find((each) => /^-\w/.test(each));
    if (option === undefined) return true;
    const text = `${name} with ${option}: is not carried over; see the middleware headers`;
    outline.note(text, directive);
    return false;
  });
}

/** Header fields that every backend gets anyway, or that are said by `host`. */
const ours =
  /^(host|x-real-ip|x-forwarded-(for|proto|host|port|server|protocol|ssl|scheme)|upgrade|connection|te|x-scheme|accept-encoding|proxy)$/i;

/** Of what backends are asked. */
export function requestFields(scope: Scope, outline: Outline, protocol = "proxy"): Settings[] {
  const edits = scope.all(`${protocol}_set_header`).flatMap((directive): Edit[] => {
    const [name = "", value = ""] = directive.args;
    if (ours.test(name)) return [];
    const gone = { directive, how: "remove", name, value: "" } as const;
    if (value.includes("$ssl_client_")) {
      const text = "backends get the client's certificate in Client-Cert";
      outline.note(`${directive.name} ${name}: ${text}`, directive);
      return [gone];
    }
    const own = `$http_${name.toLowerCase().replaceAll("-", "_")}`;
    if (value === own) return [];
    if (value === "") return [gone];
    const known = valueOf(value);
    if (known !== undefined || notChanged.test(name)) {
      return [{ directive, how: "set", name, value: known }];
    }
    // The backend believes what stands there: a client must not be able to say it.
    const text = "is not carried over, and a client's own is taken out; see the middleware headers";
    outline.note(`${directive.name} ${shown(name)}: ${text}`, directive);
    return [gone];
  });
  return entriesOf(edits, "request", outline);
}

interface Edit {
  readonly directive: Directive;
  readonly how: "set" | "add" | "remove";
  readonly name: string;
  /** undefined = it is not understood. */
  readonly value: string | undefined;
  /** undefined = of all answers. */
  readonly statuses?: readonly number[] | undefined;
}

/** What nothing of ours says otherwise. */
const notChanged =
  /^(date|host|x-forwarded-(for|host|port|proto|protocol|server|prefix)|x-real-ip|forwarded|client-cert|client-cert-chain)$/i;

function entriesOf(
  edits: readonly Edit[],
  side: "request" | "response",
  outline: Outline,
): Settings[] {
  const entries: Entry[] = [];
  for (const edit of edits) {
    const { directive, name, value } = edit;
    const made = value === undefined || notChanged.test(name) ? undefined : { ...edit, value };
    if (made === undefined || !isAccepted(made, side)) {
      const text = `${directive.name} ${shown(name)}: is not carried over; see the middleware headers`;
      outline.note(text, directive);
    } else put(entries, made);
  }
  // Answers go through a list from its end.
  const ordered = side === "response" ? entries.toReversed() : entries;
  return ordered.map(({ statuses, set, add, remove }) => ({
    headers: {
      [side]: {
        ...(set.size === 0 ? {} : { set: Object.fromEntries(set) }),
        ...(add.size === 0 ? {} : { add: Object.fromEntries(add) }),
        ...(remove.size === 0 ? {} : { remove: [...remove] }),
        ...(statuses === undefined ? {} : { statuses }),
      },
    },
  }));
}

type Made = Edit & { readonly value: string };

interface Entry {
  readonly statuses: readonly number[] | undefined;
  readonly set: Map<string, string>;
  readonly add: Map<string, string>;
  readonly remove: Set<string>;
}

/** A field that is there already goes into one of its own. */
function put(entries: Entry[], { how, name, value, statuses }: Made): void {
  const isThere = (map: ReadonlyMap<string, string>) =>
    [...map.keys()].some((each) => each.toLowerCase() === name.toLowerCase());
  const fits = (each: Entry) =>
    each.statuses === statuses && !isThere(each.set) && !isThere(each.add);
  let entry = entries.find(fits);
  if (entry === undefined) {
    entry = { statuses, set: new Map(), add: new Map(), remove: new Set() };
    entries.push(entry);
  }
  if (how === "remove") entry.remove.add(name);
  else entry[how].set(name, value);
}

function isAccepted({ how, name, value }: Made, side: "request" | "response"): boolean {
  const edit = how === "remove" ? { remove: [name] } : { [how]: { [name]: value } };
  return definitionOf("headers").settings.safeParse({ [side]: edit }).success;
}
