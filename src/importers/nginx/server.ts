// One `server` of nginx as routes. Its locations keep their order by priorities where patterns are among them; a
// server for more than names of its own then leaves out the names of the others.

import { both, literal } from "../../providers/labels/rule-text.ts";
import { closed } from "../../providers/labels/closed.ts";
import type { Outline, Settings } from "../outline.ts";
import type { Content, ContentOptions } from "./content.ts";
import { contentOf, laterLines, prefixOf, rewritesOf, serviceName } from "./content.ts";
import { withBoundaries } from "./boundaries.ts";
import { claimOf } from "./claims.ts";
import { hstsOf } from "./hsts.ts";
import { isCertificateTest, isHttpsTest, tellConditions } from "./conditions.ts";
import { accessOf, barrierOf, methodsOf } from "./guards.ts";
import { listOf } from "./lists.ts";
import type { Location } from "./locations.ts";
import { locationsOf } from "./locations.ts";
import type { Listen, Names } from "./names.ts";
import { logsOf } from "./logs.ts";
import { passes } from "./programs.ts";
import { restoredOf } from "./restored.ts";
import { limitsOf, pathChange, protocolOf, serviceOf, tellHost } from "./proxy-pass.ts";
import { tellStrangers } from "./strangers.ts";
import type { Directive, Scope } from "./tree.ts";
import type { Upstreams } from "./upstreams.ts";
import { isEveryPath } from "./values.ts";

export interface Server {
  readonly directive: Directive;
  /** Its number among the servers. */
  readonly at: number;
  /** Ends with the server's own block. */
  readonly scope: Scope;
  readonly listens: readonly Listen[];
  readonly names: Names;
  /** It answers for names that nobody has. */
  readonly isDefault: boolean;
  /** Further conditions; "" = none. */
  readonly condition: string;
  /** A bare file of locations: what is not in it is not said. */
  readonly isSnippet: boolean;
  /** Who comes in the clear is sent to https. */
  readonly isForced: boolean;
  /** Why nobody gets in; undefined = it is open. */
  readonly shut: string | undefined;
  /** What it asks of clients; as `tls.hosts.NAME.clientAuth`. */
  readonly clientAuth: Settings | undefined;
}

export interface ServerOptions {
  readonly outline: Outline;
  readonly upstreams: Upstreams;
  /** Of all servers. */
  readonly everybody: Names;
  /** `client_max_body_size` that holds for all. */
  readonly usualBody: string;
}

/** Does it do nothing but send everybody to https? */
export function isHttpsOnly({ scope, directive }: Server): boolean {
  const inside = directive.block ?? [];
  const isForwarding = (block: readonly Directive[]) =>
    block.some(({ name, args }) => {
      const target = args.at(-1) ?? "";
      if (name === "return")
        return /^30[1278]$/.test(args[0] ?? "") && target.startsWith("https://");
      const isAll = name === "rewrite" && isEveryPath(args[0] ?? "");
      return isAll && (args[1] ?? "").startsWith("https://");
    });
  if (isForwarding(inside)) return true;
  const locations = inside.filter(({ name }) => name === "location");
  if (
    locations.some(({ block = [] }) => block.some(({ name }) => /^(proxy|grpc)_pass$/.test(name)))
  )
    return false;
  const root = locations.find(({ args }) => args.join("") === "/");
  if (root !== undefined) return isForwarding(root.block ?? []);
  return scope.own("if").some(isHttpsTest);
}

export function addServer(server: Server, options: ServerOptions): void {
  const { directive, scope } = server;
  const { outline } = options;
  const block = directive.block ?? [];
  if (!server.isDefault && server.names.hosts.length + server.names.patterns.length === 0) {
    const text = "it has no name, and another server is the default: no request comes here";
    outline.note(text, directive);
    return;
  }
  tellStrangers(block, outline, true);
  tellConditions(scope, outline, server.isForced);
  const { list: written, named } = locationsOf(block, scope, outline);
  const list = withBoundaries(written);
  for (const each of named.values()) {
    tellStrangers(each, outline, true);
    tellConditions(scope.within(each), outline, server.isForced);
  }
  const [serverName = ""] = server.names.hosts.filter((each) => !each.startsWith("*"));
  const kept = server.clientAuth === undefined ? [] : scope.own("if").filter(isCertificateTest);
  const site = { outline, upstreams: options.upstreams, list, kept, serverName };
  const base = { outline, serverName, named, site };
  const answersAll = scope.own("return").length > 0;
  const hasPatterns = list.some(({ kind }) => kind === "pattern");
  const locations = answersAll ? [] : list;
  const emitted = { server, options, base, hasPatterns };
  for (const [index, location] of locations.entries()) addLocation(location, index, emitted);
  for (const location of locations) addSlash(location, locations, emitted);
  const hasRoot = locations.some(
    ({ kind, text }) => (kind === "prefix" || kind === "final") && text === "/",
  );
  if (hasRoot || server.isSnippet) return;
  const whole: Location = {
    directive,
    kind: "prefix",
    text: "/",
    scope,
    inside: "",
    isFinal: false,
    except: [],
  };
  addLocation(whole, locations.length, emitted);
}

/** What is passed on at `/x/` is asked for as `/x` as well: nginx sends those there. */
function addSlash(location: Location, all: readonly Location[], emitting: Emitting): void {
  const { kind, text, scope } = location;
  const isFolder = (kind === "prefix" || kind === "final") && text !== "/" && text.endsWith("/");
  const isPassed = scope.own("proxy_pass", "grpc_pass", ...passes).length > 0;
  const bare = text.slice(0, -1);
  if (!isFolder || !isPassed || all.some((each) => each.text === bare)) return;
  const pattern = `^(https?://[^/]+${literal(bare)})(\\?.*)?$`;
  const redirect = { pattern, to: "$1/$2", status: 301 };
  const settings = { redirect, respond: { status: 404 } };
  const exact: Location = { ...location, kind: "exact", text: bare, except: [] };
  const secured = withTls(settings, emitting.server, scope, emitting.options.outline);
  addRoute(exact, secured, { emitting, index: 0 });
}

interface Emitting {
  readonly server: Server;
  readonly options: ServerOptions;
  readonly base: Omit<ContentOptions, "place" | "location">;
  readonly hasPatterns: boolean;
}

function addLocation(location: Location, index: number, emitting: Emitting): void {
  const { server, options, base } = emitting;
  const { directive, scope } = location;
  const { outline } = options;
  const place = { ...base, place: directive, location };
  if (directive !== server.directive) {
    tellStrangers(directive.block ?? [], outline, true);
    tellConditions(scope, outline, server.isForced);
  }
  const { kept } = base.site;
  const barrier = server.shut ?? barrierOf(scope, outline, kept, true);
  const isInternal = scope.own("internal").length > 0;
  const goal = goalOf(scope, place);
  const { at } = goal;
  // A location may send its requests to a named one, which has guards of its own; both count.
  const inner = at === scope ? undefined : barrierOf(at, outline, kept, true);
  const add = (settings: Settings, more?: string) =>
    addRoute(location, withTls(settings, server, scope, outline), { emitting, index, more });
  const shut = barrier ?? inner;
  if (shut !== undefined) {
    add(closed(shut));
    return;
  }
  if (isInternal) {
    if (scope.own("root", "alias").length > 0) {
      const text =
        "internal: it answers 404; of files that programs name (X-Accel-Redirect) see sendFiles";
      outline.note(text, directive);
    }
    add({ respond: { status: 404 } });
    return;
  }
  const rules = [scope, at].flatMap((each) => [accessOf(each, outline).allowed, methodsOf(each)]);
  const known = [...new Set(rules)].filter((each) => each !== undefined);
  const allowed = known.length === 0 ? undefined : both(...known);
  if (allowed !== undefined) add(refused, `!(${allowed})`);
  const settings = settingsOf(location, goal, emitting);
  if (settings === undefined) return;
  const lists = listOf(at === scope ? [scope] : [scope, at], goal.content, outline);
  add({ ...settings, ...lists }, allowed);
}

interface Goal {
  readonly content: Content;
  /** Where the content stands. */
  readonly at: Scope;
  readonly redirect: Settings;
  readonly replacePath: Settings | undefined;
}

/** Rewrites are looked at before anything else; one that redirects every request leaves nothing to the rest. */
function goalOf(scope: Scope, place: ContentOptions): Goal {
  const first = rewritesOf(scope, place);
  const found = first.isWhole ? { content: gone, at: scope } : contentOf(scope, place);
  const { at } = found;
  const { redirects, isWhole, replacePath } = at === scope ? first : rewritesOf(at, place);
  const redirect = redirects.length === 0 ? {} : { redirect: redirects };
  const content: Content = isWhole ? { kind: "answer", route: redirect } : found.content;
  return { content, at, redirect: isWhole ? {} : redirect, replacePath };
}

const gone: Content = { kind: "answer", route: { respond: { status: 404 } } };

const refused = { respond: { status: 403, body: "You may not come in from here.\n" } };

function settingsOf(location: Location, goal: Goal, emitting: Emitting): Settings | undefined {
  const { options, base } = emitting;
  const { content, at, redirect, replacePath } = goal;
  const { outline } = options;
  const { directive } = location;
  if (content.kind === "https") {
    outline.note(keepsMethod, directive);
    return { redirect: "https", ...nowhere };
  }
  if (content.kind === "answer") return withRedirects(content.route, redirect);
  if (content.kind === "later") {
    const rewrite = replacePath === undefined ? {} : { replacePath };
    outline.later(...laterLines(directive, { ...content.settings, ...rewrite }));
    const body = `This part of the site needs ${content.what}.\n`;
    return { ...redirect, respond: { status: 501, body } };
  }
  const around = {
    ...redirect,
    ...limitsOf(at, options.usualBody, prefixOf(content)),
    ...logsOf(at, content.kind === "made", outline),
  };
  const rewritten = replacePath === undefined ? {} : { replacePath };
  if (content.kind === "made") {
    const { service, change } = content;
    const isShared =
      ["files", "fastcgi", "scgi", "uwsgi"].filter((key) => key in service).length > 1;
    const wanted = serviceName(service, location, base.serverName);
    const leading = isShared ? { service: options.upstreams.named(wanted, service) } : { service };
    return { ...around, ...leading, ...(replacePath === undefined ? change : rewritten) };
  }
  const { target } = content;
  tellHost(at, outline, protocolOf(target));
  const service = serviceOf(target, at, {
    upstreams: options.upstreams,
    outline,
    place: directive,
  });
  if (service === undefined) return closed("where this leads is not understood.");
  const isPattern = location.kind === "pattern";
  const change =
    replacePath !== undefined || isPattern
      ? {}
      : pathChange(target, location.text, location.kind === "exact");
  return {
    ...around,
    service,
    ...change,
    ...rewritten,
    ...(replacePath === undefined && prefixOf(content) === "proxy"
      ? restoredOf(target, at, location, outline)
      : {}),
  };
}

/** Who comes by https already. */
const nowhere = { respond: { status: 404, body: "There is nothing here.\n" } };

export const keepsMethod =
  "who comes in the clear is sent to https with 308, so that a POST stays one; say forceHttps: { status: 301 } where a client does not know it";

/** What holds for every answer of a server with TLS. */
function withTls(settings: Settings, server: Server, scope: Scope, outline: Outline): Settings {
  const isSecure = server.listens.some((each) => each.isSecure);
  const hsts = isSecure ? hstsOf(scope, outline) : {};
  if (!server.isForced) return { ...settings, ...hsts };
  const forced = settings["redirect"] === undefined ? { redirect: "https" } : { forceHttps: true };
  return { ...forced, ...settings, ...hsts };
}

/** A fixed redirect is the last of a list. */
function withRedirects(route: Settings, more: Settings): Settings {
  const before = more["redirect"];
  if (!Array.isArray(before)) return route;
  const own = route["redirect"];
  return { ...route, redirect: own === undefined ? before : [...before, own] };
}

interface Routing {
  readonly emitting: Emitting;
  readonly index: number;
  /** A condition beside the location's. */
  readonly more?: string | undefined;
}

function addRoute(
  location: Location,
  settings: Settings,
  { emitting, index, more }: Routing,
): void {
  const { server, options, hasPatterns } = emitting;
  const claiming = { ...server, ...options, hasPatterns, index };
  const { wanted, keys } = claimOf(location, claiming, more);
  options.outline.add("routes", wanted, { ...keys, ...settings });
}
