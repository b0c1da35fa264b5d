// Files and programs of a service as somebody would write them, from what they were resolved to. What a preset said is
// written out.

import { defaultShown, hiddenWithoutPhp } from "./files.ts";
import type { FilesService, TryStep } from "./files.ts";
import type { GatewayProtocol, GatewaySettings } from "./gateway.ts";
import type { Backend, BackendService } from "./service.ts";
import { ownScripts } from "./try-step.ts";
import { differing, type Words } from "./words.ts";

/** Without the program that goes with it. */
export function filesWords(service: FilesService): Words {
  const { guest, root, scripts } = service;
  const { listing, precompressed, hidden, shown, types, charset } = service;
  const usual = {
    listing: false,
    precompressed: [],
    shown: defaultShown,
    types: {},
    charset: "utf-8",
  };
  const files: Words = {
    root,
    index: service.index,
    try: service.try.map((step) => stepWords(step, scripts?.service)),
    ...differing({ listing, precompressed, shown, types, charset }, usual),
    ...(scripts === undefined ? differing({ hidden }, { hidden: hiddenWithoutPhp }) : { hidden }),
    ...cacheWords(service.cacheControl),
  };
  return { ...(guest === undefined ? {} : { container: guest }), files };
}

function stepWords(step: TryStep, own: string | undefined): string {
  switch (step.kind) {
    case "path":
      return step.query === undefined ? step.path : `${step.path}?${step.query}`;
    case "service":
      return `@${step.service === own ? ownScripts : step.service}`;
    case "status":
      return `=${step.status}`;
  }
}

function cacheWords(rules: FilesService["cacheControl"]): Words {
  const [first, ...more] = rules;
  if (first === undefined) return {};
  if (first.pattern === "*" && more.length === 0) return { cacheControl: first.value };
  return { cacheControl: Object.fromEntries(rules.map((each) => [each.pattern, each.value])) };
}

/** @param backendWords as in a list of `backends` */
export function programWords(
  { backends }: BackendService,
  gateway: GatewaySettings,
  neverIn: readonly string[],
  backendWords: (backend: Backend) => unknown,
): Words {
  const speaks = backends[0]?.speaks ?? "fastcgi";
  const { root, index, extensions, script, params, sendFiles } = gateway;
  const { streamsUnknownLength, multiplex } = gateway;
  const usual = { root: "", params: {}, streamsUnknownLength: false, multiplex: false };
  const [only, ...more] = backends.map((each) => backendWords(withoutScheme(each, speaks)));
  const program: Words = {
    backends: more.length === 0 ? only : [only, ...more],
    // What is not said would be worked out from the rest.
    ...differing({ root }, usual),
    extensions,
    ...(index === "" && extensions.length === 0 ? {} : { index }),
    ...differing({ script, params, streamsUnknownLength, multiplex, sendFiles }, usual),
    ...(neverIn.length === 0 ? {} : { neverIn }),
  };
  return { [speaks]: program };
}

/** What is spoken stands in front of it already. */
function withoutScheme(backend: Backend, speaks: GatewayProtocol): Backend {
  const start = `${speaks}://`;
  const { url } = backend;
  return url.toLowerCase().startsWith(start)
    ? { ...backend, url: url.slice(start.length) }
    : backend;
}
