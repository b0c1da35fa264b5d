// Traefik's `headers`: fields of requests and answers, what browsers are told, and who may ask from elsewhere.

import { warning } from "./note.ts";
import type { Draft } from "./traefik-draft.ts";
import { readFlag, readList } from "./traefik-labels.ts";
import type { LabelValue } from "./traefik-labels.ts";
import { list, type Options, takeBelow } from "./traefik-options.ts";

/** Ours by Traefik's, in lower case. */
const texts = new Map([
  ["customframeoptionsvalue", "frameOptions"],
  ["contentsecuritypolicy", "csp"],
  ["contentsecuritypolicyreportonly", "cspReportOnly"],
  ["referrerpolicy", "referrerPolicy"],
  ["permissionspolicy", "permissionsPolicy"],
]);

export function readFields(draft: Draft, options: Options): void {
  const { host, ...request } = takeBelow(options, "customrequestheaders");
  if (host !== undefined && host.value !== "") {
    draft.service.set("host", { value: host.value });
    draft.labels.set("service.host", host.label);
  }
  const response = takeBelow(options, "customresponseheaders");
  const settings = {
    ...edits("request", request),
    ...edits("response", response),
  };
  const [first] = [...Object.values(request), ...Object.values(response)];
  if (first !== undefined) list(draft, { kind: "headers", settings }, first.label);
  readSecurity(draft, options);
  readCors(draft, options);
}

/** An empty value takes a field away. */
function edits(side: string, fields: Readonly<Record<string, LabelValue>>) {
  const all = Object.entries(fields);
  if (all.length === 0) return {};
  const set = all.filter(([, { value }]) => value !== "");
  const gone = all.filter(([, { value }]) => value === "");
  return {
    [side]: {
      ...(set.length === 0
        ? {}
        : { set: Object.fromEntries(set.map(([name, { value }]) => [name, value])) }),
      ...(gone.length === 0 ? {} : { remove: gone.map(([name]) => name) }),
    },
  };
}

function readSecurity(draft: Draft, options: Options): void {
  const settings = new Map<string, unknown>();
  let label: string | undefined;
  const put = (key: string, value: unknown, found: LabelValue) => {
    settings.set(key, value);
    label ??= found.label;
  };
  const flag = (key: string) => {
    const found = options.take(key);
    return found !== undefined && readFlag(found.value) === true ? found : undefined;
  };
  const deny = flag("framedeny");
  if (deny !== undefined) put("frameOptions", "DENY", deny);
  const nosniff = flag("contenttypenosniff");
  if (nosniff !== undefined) put("contentTypeOptions", "nosniff", nosniff);
  for (const [theirs, ours] of texts) {
    const found = options.take(theirs);
    if (found !== undefined && found.value !== "") put(ours, found.value, found);
  }
  const xss = options.take("browserxssfilter") ?? options.take("custombrowserxssvalue");
  if (xss !== undefined) {
    const message = "X-XSS-Protection is not sent: browsers have no such filter any more";
    draft.notes.push(warning(xss.label, message));
  }
  if (label === undefined) return;
  const all = { preset: "none", override: true, ...Object.fromEntries(settings) };
  list(draft, { kind: "securityHeaders", settings: all }, label);
}

function readCors(draft: Draft, options: Options): void {
  const take = (key: string) => options.take(`accesscontrol${key}`);
  const origins = take("alloworiginlist");
  const patterns = take("alloworiginlistregex");
  const methods = take("allowmethods");
  const fields = take("allowheaders");
  const exposed = take("exposeheaders");
  const credentials = take("allowcredentials");
  const maxAge = take("maxage");
  options.take("addvaryheader");
  const found = origins ?? patterns;
  if (found === undefined) return;
  const listed = (key: string, value: LabelValue | undefined) =>
    value === undefined ? {} : { [key]: readList(value.value) };
  const settings = {
    origins: [
      ...readList(origins?.value ?? ""),
      ...readList(patterns?.value ?? "").map((each) => `~${each}`),
    ],
    ...listed("methods", methods),
    ...listed("headers", fields),
    ...listed("exposed", exposed),
    ...(readFlag(credentials?.value ?? "") === true ? { credentials: true } : {}),
    ...(maxAge === undefined ? {} : { maxAge: `${maxAge.value.trim()}s` }),
  };
  list(draft, { kind: "cors", settings }, found.label);
}
