// What answers in a location of nginx: a backend, a program, files, or a fixed answer.

import { existsSync } from "node:fs";
import { parsePattern } from "../../config/pattern.ts";
import type { Outline, Settings } from "../outline.ts";
import { shown } from "../outline.ts";
import type { Location } from "./locations.ts";
import { ownPath } from "../own-path.ts";
import type { Program, Protocol } from "./programs.ts";
import { passes, programOf, programService } from "./programs.ts";
import type { Target } from "./proxy-pass.ts";
import { grpcTargetOf, protocolOf, serviceOf, targetOf } from "./proxy-pass.ts";
import type { Folder, Site } from "./static.ts";
import { fits, folderOf, staticOf } from "./static.ts";
import type { Directive, Scope } from "./tree.ts";
import { isEveryPath, pathRewrite, redirectTarget, urlRewrite } from "./values.ts";

export type Content =
  | { readonly kind: "proxy"; readonly target: Target }
  | Made
  /** A route's own keys. */
  | { readonly kind: "answer"; readonly route: Settings }
  /** Keys that would say it; nothing can be made of them. */
  | { readonly kind: "later"; readonly what: string; readonly settings: Settings }
  /** To the same host with https. */
  | { readonly kind: "https" };

/** Files, a program, or both. */
export interface Made {
  readonly kind: "made";
  readonly service: Settings;
  /** Keys of the route that change the path. */
  readonly change: Settings;
  /** Whose times count: `fastcgi_read_timeout` and the like. */
  readonly protocol: "proxy" | "grpc" | Protocol;
}

/** What the names of directives begin with that belong to what answers. */
export function prefixOf(content: Content): Made["protocol"] {
  if (content.kind === "made") return content.protocol;
  return content.kind === "proxy" ? protocolOf(content.target) : "proxy";
}

export interface ContentOptions {
  readonly outline: Outline;
  readonly serverName: string;
  /** `location @name` to what is in it. */
  readonly named: ReadonlyMap<string, readonly Directive[]>;
  /** Where it stands, for notes. */
  readonly place: Directive;
  readonly location: Location;
  readonly site: Site;
}

const others = ["memcached_pass"];

export interface Found {
  readonly content: Content;
  /** Where that stands: in the location, or in the named one that it goes on to. */
  readonly at: Scope;
}

/** `scope` ends with the location. */
export function contentOf(scope: Scope, options: ContentOptions): Found {
  const { place, outline, location } = options;
  const own = answerOf(scope, options);
  if (own !== undefined) return { content: own, at: scope };
  const folder = folderOf(location, scope, outline);
  const fallback = fallbackOf(scope, options);
  if (typeof folder === "object") return filesOf(folder, fallback, scope, options);
  if (fallback !== undefined) {
    const [tries] = scope.own("try_files");
    const text =
      "try_files: there is no root that is understood, so that files are not looked for, and all goes to the last of them";
    outline.note(text, tries);
    return contentOf(fallback, { ...options, named: new Map() });
  }
  if (folder === "unknown") {
    const [root] = scope.nearest("root", "alias");
    const [tries] = scope.own("try_files");
    const settings = {
      ...(root === undefined ? {} : { [root.name]: root.args[0] ?? "" }),
      ...(tries === undefined ? {} : { try: tries.args }),
    };
    return {
      content: { kind: "later", what: "a folder that could not be told", settings },
      at: scope,
    };
  }
  return { content: nothing(place, outline), at: scope };
}

function answerOf(scope: Scope, options: ContentOptions): Content | undefined {
  const { outline } = options;
  const [answer] = scope.own("return");
  if (answer !== undefined) return returned(answer, scope, options);
  const [pass] = scope.own("proxy_pass");
  if (pass !== undefined) {
    const target = targetOf(pass, scope);
    if (target !== undefined) return { kind: "proxy", target };
    const text = `proxy_pass ${shown(pass.args.join(" "))}: where it leads depends on variables or has a query; say it as routes of their own`;
    outline.note(text, pass);
    return { kind: "later", what: "a backend by variables", settings: {} };
  }
  const [grpc] = scope.own("grpc_pass");
  if (grpc !== undefined) {
    const target = grpcTargetOf(grpc);
    if (target !== undefined) return { kind: "proxy", target };
    const text = `grpc_pass ${shown(grpc.args.join(" "))}: where it leads depends on variables; say it as routes of their own`;
    outline.note(text, grpc);
    return { kind: "later", what: "a backend by variables", settings: {} };
  }
  const [program] = scope.own(...passes);
  if (program !== undefined) return ofProgram(program, scope, options);
  const [other] = scope.own(...others);
  if (other !== undefined) {
    outline.note(`${other.name}: this protocol is not there yet`, other);
    return { kind: "later", what: other.name, settings: { [other.name]: other.args[0] ?? "" } };
  }
  return undefined;
}

function nothing(place: Directive, outline: Outline): Content {
  outline.note("nothing in it answers but the files that came with nginx", place);
  return { kind: "answer", route: { respond: { status: 404, body: "There is nothing here.\n" } } };
}

// --- programs ------------------------------------------------------------------------------------

function ofProgram(pass: Directive, scope: Scope, options: ContentOptions): Content {
  const { location, site, outline } = options;
  const program = programOf(pass, location, scope, site);
  if (program === undefined) {
    return {
      kind: "later",
      what: "a program that could not be told",
      settings: { [pass.name]: pass.args[0] ?? "" },
    };
  }
  const { protocol, mount, extensions } = program;
  const made = { kind: "made", protocol } as const;
  if (extensions.length === 0) {
    const change = mount === undefined ? {} : { stripPrefix: mount };
    return { ...made, service: programService(program), change };
  }
  const folder = folderOf(location, scope, outline);
  if (typeof folder === "object" && isSeen(program, folder)) {
    return { ...made, ...staticOf(folder, { site, location, scope, program }) };
  }
  const root = program.root ?? (typeof folder === "object" ? folder.path : undefined);
  return { ...made, service: programService({ ...program, root }), change: {} };
}

/** Its scripts can be looked at from here: what is no script of it is then told from what is one. */
function isSeen(program: Program, folder: Folder): boolean {
  const isSame = program.root === undefined || ownPath(program.root).path === folder.path;
  const isHere = folder.container !== undefined || existsSync(folder.path);
  return isSame && isHere && fits(program, folder);
}

// --- files ---------------------------------------------------------------------------------------

/** The named location where it goes on when the files are not found. */
function fallbackOf(scope: Scope, { named }: ContentOptions): Scope | undefined {
  const last = scope.own("try_files")[0]?.args.at(-1) ?? "";
  const block = last.startsWith("@") ? named.get(last) : undefined;
  return block === undefined ? undefined : scope.within(block);
}

function filesOf(
  folder: Folder,
  fallback: Scope | undefined,
  scope: Scope,
  options: ContentOptions,
): Found {
  const { location, site, outline } = options;
  const of = { site, location, scope };
  if (fallback === undefined) {
    const made = staticOf(folder, of);
    return { content: { kind: "made", protocol: "fastcgi", ...made }, at: scope };
  }
  const found = contentOf(fallback, { ...options, named: new Map() });
  const name = nameOf(found, options);
  if (name === undefined) {
    const [tries] = scope.own("try_files");
    outline.note(
      "try_files: what its last one does cannot be said as a service, so that files are not looked for",
      tries,
    );
    return found;
  }
  const { content } = found;
  const protocol = prefixOf(content);
  const made = staticOf(folder, { ...of, fallback: name });
  return { content: { kind: "made", protocol, ...made }, at: found.at };
}

/** Of the service that this is; undefined = it is more than one. */
function nameOf(
  { content, at }: Found,
  { site, place, outline, location }: ContentOptions,
): string | undefined {
  const { upstreams } = site;
  const isMore = at.own("rewrite").length > 0;
  if (content.kind === "made" && Object.keys(content.change).length === 0 && !isMore) {
    return upstreams.named(
      serviceName(content.service, location, site.serverName),
      content.service,
    );
  }
  if (content.kind !== "proxy" || content.target.path !== undefined || isMore) return undefined;
  const service = serviceOf(content.target, at, { upstreams, outline, place });
  if (typeof service === "string" && !/^(\w+:\/\/|unix:)/.test(service)) return service;
  const settings = isSettings(service) ? service : { backends: [service] };
  return service === undefined
    ? undefined
    : upstreams.named(serviceName(settings, location, site.serverName), settings);
}

function isSettings(value: unknown): value is Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The container's name, or that of the place. */
export function serviceName(
  service: Settings,
  { text, kind, inside }: Location,
  serverName: string,
): string {
  const container = service["container"];
  if (typeof container === "string") return container.replace(/^.*\//, "");
  const path = kind === "pattern" ? inside : text;
  const name = `${serverName}${path}`.replaceAll("/", "-").replaceAll(/^-+|-+$/g, "");
  return name === "" ? "site" : name;
}

/** In flow style, a line each, so that it can be moved below `routes`. */
export function laterLines({ name, args, file, line }: Directive, settings: Settings): string[] {
  const title = `${name} ${args.join(" ")}`.trim().slice(0, 200);
  return [`${title} (${file}:${line}):`, `  ${JSON.stringify(settings)}`];
}

function returned(
  directive: Directive,
  scope: Scope,
  { outline, serverName }: ContentOptions,
): Content {
  const [first = "", second] = directive.args;
  const isStatus = /^\d{3}$/.test(first);
  const status = isStatus ? Number(first) : 302;
  const text = isStatus ? second : first;
  if ([301, 302, 303, 307, 308].includes(status) && text !== undefined) {
    if (/^https:\/\/(\$host|\$http_host|\$server_name)\$request_uri$/.test(text)) {
      return { kind: "https" };
    }
    const to = redirectTarget(text, serverName);
    if (to !== undefined && /^([a-z]+:\/\/.|\/|\{)/i.test(to)) {
      return { kind: "answer", route: { redirect: { to, status } } };
    }
    outline.note(
      `return ${shown(text)}: this target is not understood, and answers 503`,
      directive,
    );
    return { kind: "answer", route: { respond: { status: 503, body: "" } } };
  }
  if (status === 444 || status < 200 || status > 599) {
    outline.note(`return ${status}: the connection is not cut; it is answered with 404`, directive);
    return { kind: "answer", route: { respond: { status: 404 } } };
  }
  const isEmpty = text === undefined || [204, 205, 304].includes(status);
  if (text?.includes("$") === true) {
    outline.note("return: variables in a text stay as they are written", directive);
  }
  const type = scope.one("default_type")?.args[0] ?? "text/plain";
  const isUsual = type === "text/plain" || !/^[\w.+-]+\/[\w.+-]+$/.test(type);
  const respond = isEmpty
    ? { status }
    : { status, body: text, ...(isUsual ? {} : { contentType: type }) };
  return { kind: "answer", route: { respond } };
}

export interface Rewrites {
  readonly redirects: readonly Settings[];
  /** The last of them takes every request. */
  readonly isWhole: boolean;
  readonly replacePath: Settings | undefined;
}

/** Of the server and of the location. */
export function rewritesOf(scope: Scope, { outline, serverName }: ContentOptions): Rewrites {
  const redirects: Settings[] = [];
  let replacePath: Settings | undefined;
  for (const directive of scope.every("rewrite")) {
    const [regex = "", replacement = "", flag = ""] = directive.args;
    const isUrl = /^(https?:\/\/|\$scheme:\/\/)/.test(replacement);
    const isRedirect = flag === "permanent" || flag === "redirect" || isUrl;
    const isPattern = parsePattern(regex).kind === "pattern";
    if (isRedirect && isEveryPath(regex) && replacement.endsWith("$request_uri?")) {
      // Of a server, it comes before its locations.
      const to = redirectTarget(replacement.slice(0, -1), serverName);
      const status = flag === "permanent" ? 301 : 302;
      if (to !== undefined)
        return { redirects: [...redirects, { to, status }], isWhole: true, replacePath };
    }
    if (isRedirect) {
      const made = isPattern ? urlRewrite(regex, replacement) : undefined;
      const status = flag === "permanent" ? 301 : 302;
      if (made !== undefined && parsePattern(made.pattern).kind === "pattern") {
        redirects.push({ pattern: made.pattern, to: made.replacement, status });
        continue;
      }
    } else if (
      replacePath === undefined &&
      (flag === "break" || scope.own("rewrite").includes(directive))
    ) {
      const made = isPattern ? pathRewrite(regex, replacement) : undefined;
      if (made !== undefined) {
        replacePath = { ...made };
        if (flag !== "break" || !scope.own("rewrite").includes(directive)) {
          const text = `rewrite ${regex}: the new path is not looked up among the locations again`;
          outline.note(text, directive);
        }
        continue;
      }
    }
    outline.note(`rewrite ${shown(regex)}: is not carried over`, directive);
  }
  return { redirects, isWhole: false, replacePath };
}
