// `fastcgi_pass`, `scgi_pass` and `uwsgi_pass` with what belongs to them: where the program is, what its scripts are called there,
// and what it is told beyond what every program is told.

import type { Outline, Settings } from "../outline.ts";
import { shown } from "../outline.ts";
import { endingOf, endingsOf } from "./locate.ts";
import type { Location } from "./locations.ts";
import { containerKey, ownPath, withContainer } from "../own-path.ts";
import type { Directive, Scope } from "./tree.ts";
import type { Upstreams } from "./upstreams.ts";
import { backendUrl } from "./upstreams.ts";

export type Protocol = "fastcgi" | "scgi" | "uwsgi";

const protocols = new Map<string, Protocol>([
  ["fastcgi_pass", "fastcgi"],
  ["scgi_pass", "scgi"],
  ["uwsgi_pass", "uwsgi"],
]);

export const passes: readonly string[] = [...protocols.keys()];

export interface Program {
  readonly protocol: Protocol;
  /** As `fastcgi: [ … ]`, or with weights. */
  readonly backends: readonly unknown[];
  /** Of the service beside it: balance, pool and the like. */
  readonly beside: Settings;
  /** `PROVIDER/NAME` whose sockets these are; undefined = this machine's, or none. */
  readonly container: string | undefined;
  /** It is only reached over the network: whose files are looked at does not matter to it. */
  readonly isRemote: boolean;
  /** Of scripts, with their dots; empty = all of the path is told to it. */
  readonly extensions: readonly string[];
  /** Folder of the scripts as the program has it, as nginx said it; undefined = where files are looked for. */
  readonly root: string | undefined;
  readonly script: string | undefined;
  readonly index: string | undefined;
  readonly params: Readonly<Record<string, string>>;
  /** Taken from the path before the program sees it. */
  readonly mount: string | undefined;
}

export interface ProgramOptions {
  readonly outline: Outline;
  readonly upstreams: Upstreams;
}

/** undefined = where it leads depends on variables, or is not understood; that is said. */
export function programOf(
  pass: Directive,
  location: Pick<Location, "kind" | "text">,
  scope: Scope,
  options: ProgramOptions,
): Program | undefined {
  const protocol = protocols.get(pass.name) ?? "fastcgi";
  const place = placeOf(pass, protocol, scope, options);
  if (place === undefined) {
    options.outline.note(
      `${pass.name} ${shown(pass.args.join(" "))}: this address is not understood`,
      pass,
    );
    return undefined;
  }
  const params = scope.all(`${protocol}_param`);
  const valueOf = (name: string) => params.findLast(({ args }) => args[0] === name)?.args[1];
  const split = scope.one("fastcgi_split_path_info");
  const mount = mountOf(split);
  const index = scope.one("fastcgi_index")?.args[0];
  const file = scriptFileOf(valueOf("SCRIPT_FILENAME"));
  const isWhole = wholePath.test(valueOf("PATH_INFO") ?? "");
  const extensions =
    protocol !== "fastcgi" || isWhole || mount !== undefined
      ? []
      : extensionsOf(location, { index, split, file });
  return {
    ...{ protocol, ...place, extensions, mount },
    ...{ root: file.root, script: extensions.length > 0 ? file.script : undefined },
    index: extensions.length > 0 ? index : undefined,
    params: furtherOf(params, protocol, options.outline),
  };
}

/** PATH_INFO that is all of the path. */
const wholePath = /^\$\{?(fastcgi_script_name|uri|document_uri|request_uri)\}?$/;

type Place = Pick<Program, "backends" | "beside" | "container" | "isRemote">;

function placeOf(
  { args }: Directive,
  protocol: Protocol,
  scope: Scope,
  { upstreams }: ProgramOptions,
): Place | undefined {
  const [written = ""] = args;
  const address = written.replace(/^(fastcgi|scgi|uwsgi|suwsgi):\/\//, "");
  if (written.startsWith("suwsgi:") || address.includes("$")) return undefined;
  const isKept = scope.one(`${protocol}_keep_conn`)?.args[0] === "on";
  const group = upstreams.settings(address, protocol);
  if (group === undefined) {
    const url = backendUrl(address, protocol);
    return url === undefined ? undefined : placed(url, protocol);
  }
  const { backends, pool, container, ...others } = group;
  // Without `fastcgi_keep_conn` nginx asks for each connection to be closed.
  const beside = isKept && pool !== undefined ? { ...others, pool } : others;
  const isRemote = !JSON.stringify(backends).includes("unix:");
  const whose = typeof container === "string" ? container : undefined;
  return { backends: listOf(backends), beside, container: whose, isRemote };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function placed(url: string, protocol: Protocol): Place | undefined {
  const own = withContainer([url]);
  const backends = (own?.urls ?? []).map((each) => each.replace(`${protocol}://`, ""));
  const isRemote = !backends.some((each) => each.startsWith("unix:"));
  return { backends, beside: {}, container: own?.container, isRemote };
}

interface ScriptFile {
  readonly root: string | undefined;
  readonly script: string | undefined;
}

/** What `SCRIPT_FILENAME` says: a folder before the script's name, or one script for everything. */
function scriptFileOf(text: string | undefined): ScriptFile {
  const none = { root: undefined, script: undefined };
  if (text === undefined) return none;
  const [, folder] = /^(\/[^$]*?)\/*\$\{?fastcgi_script_name\}?$/.exec(text) ?? [];
  if (folder !== undefined) return { root: folder === "" ? "/" : folder, script: undefined };
  const [, under] = /^\$\{?(?:document_root|realpath_root)\}?(\/[^$]+)$/.exec(text) ?? [];
  if (under !== undefined) return { root: undefined, script: under };
  const [, root, script] = /^(\/[^$]*?)?(\/[^/$]+)$/.exec(text) ?? [];
  return script === undefined ? none : { root: root ?? "/", script };
}

interface Hints {
  readonly index: string | undefined;
  readonly split: Directive | undefined;
  readonly file: ScriptFile;
}

function extensionsOf(
  { kind, text }: Pick<Location, "kind" | "text">,
  { index, split, file }: Hints,
): readonly string[] {
  const ofPath = kind === "pattern" ? endingsOf(text) : [endingOf(text)];
  const hints = [
    ofPath,
    [endingOf(index ?? "")],
    endingsOf(split?.args[0] ?? ""),
    [endingOf(file.script ?? "")],
  ].map((each) => each.filter((ending) => ending !== undefined));
  return hints.find((each) => each.length > 0) ?? [];
}

/** `^(/app)(/.*)$`: what programs are told is cut at a path, and not at a script. */
function mountOf(split: Directive | undefined): string | undefined {
  const [, mount] = /^\^\((\/[\w./-]*[\w-])\)\(\/?\.[*+]\)\$$/.exec(split?.args[0] ?? "") ?? [];
  return mount !== undefined && endingOf(mount) === undefined ? mount : undefined;
}

/** What nginx's own files of params say, and what we say as well. */
const usual = new Set([
  ...["QUERY_STRING", "REQUEST_METHOD", "CONTENT_TYPE", "CONTENT_LENGTH", "SCRIPT_NAME"],
  ...["SCRIPT_FILENAME", "PATH_INFO", "PATH_TRANSLATED", "REQUEST_URI", "DOCUMENT_URI", "SCGI"],
  ...["DOCUMENT_ROOT", "SERVER_PROTOCOL", "REQUEST_SCHEME", "HTTPS", "GATEWAY_INTERFACE"],
  ...["SERVER_SOFTWARE", "REMOTE_ADDR", "REMOTE_PORT", "SERVER_ADDR", "SERVER_PORT"],
  ...["SERVER_NAME", "REDIRECT_STATUS", "REMOTE_USER", "UWSGI_SCHEME"],
]);

function furtherOf(
  params: readonly Directive[],
  protocol: Protocol,
  outline: Outline,
): Record<string, string> {
  const found = new Map<string, string>();
  for (const directive of params) {
    const [name = "", value = ""] = directive.args;
    // Never told to anybody: programs take it for a proxy of their own.
    if (/^http_proxy$/i.test(name) || /^HTTP_HOST$/.test(name)) continue;
    const isFixed = !value.includes("$");
    const isPath = ["SCRIPT_FILENAME", "PATH_INFO", "DOCUMENT_ROOT", "SCRIPT_NAME"].includes(name);
    if (usual.has(name) && (!isFixed || isPath || isUsualValue(name, value))) {
      if (/\$(http_|arg_|cookie_)/.test(value))
        outline.note(`${protocol}_param ${name} ${shown(value)}: ${told}`, directive);
      continue;
    }
    if (isFixed && /^[A-Za-z][A-Za-z0-9_]*$/.test(name)) found.set(name, value);
    else outline.note(`${protocol}_param ${name} ${shown(value)}: ${told}`, directive);
  }
  return Object.fromEntries(found);
}

const told = "params are fixed texts here; this one is left out";

function isUsualValue(name: string, value: string): boolean {
  return (
    name === "REDIRECT_STATUS" || name === "GATEWAY_INTERFACE" || value === "" || name === "SCGI"
  );
}

/** As `fastcgi` or the like says it in a service; `filesRoot` is where the service looks for files. */
export function programKeys(
  { protocol, backends, beside, extensions, root, script, index, params }: Program,
  filesRoot: string | undefined,
): Settings {
  const own = root === undefined ? filesRoot : ownPath(root).path;
  const hasScripts = extensions.length > 0;
  const isUsual = extensions.join() === ".php" && own !== undefined;
  const more = {
    ...(hasScripts && own !== undefined && own !== filesRoot ? { root: own } : {}),
    ...(hasScripts && !isUsual ? { extensions } : {}),
    ...(hasScripts && script !== undefined ? { script } : {}),
    ...(!hasScripts && filesRoot !== undefined ? { extensions: [] } : {}),
    ...(index !== undefined && index !== (isUsual ? "index.php" : "") ? { index } : {}),
    ...(Object.keys(params).length === 0 ? {} : { params }),
  };
  const list = backends.length === 1 ? backends[0] : backends;
  const value = Object.keys(more).length === 0 ? list : { backends: list, ...more };
  return { [protocol]: value, ...beside };
}

/** A service that is this program and nothing else. */
export function programService(program: Program): Settings {
  return { ...containerKey(program.container), ...programKeys(program, undefined) };
}
