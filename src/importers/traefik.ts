// `tidegate import traefik FILE`: the dynamic configuration of Traefik's file provider, in YAML; entry points are read
// as well where the file has them. Routers and middlewares are read as in labels.

import type { Path } from "../config/problem.ts";
import { parseSource } from "../config/source.ts";
import type { Source } from "../config/source.ts";
import { closed } from "../providers/labels/closed.ts";
import type { Draft } from "../providers/labels/traefik-draft.ts";
import { readTraefikLabels } from "../providers/labels/traefik-labels.ts";
import type { TraefikLabels } from "../providers/labels/traefik-labels.ts";
import { tcpKinds } from "../providers/labels/traefik-kinds.ts";
import { applyMiddlewares } from "../providers/labels/traefik-middlewares.ts";
import { withoutPairs } from "../providers/labels/traefik-pairs.ts";
import type { Router } from "../providers/labels/traefik-router.ts";
import {
  readRouter,
  ruleAgainst,
  ruleFor,
  upToListeners,
} from "../providers/labels/traefik-router.ts";
import { modernRule } from "../providers/labels/traefik-rule.ts";
import type { Imported } from "./imported.ts";
import { NotImported } from "./imported.ts";
import type { Settings } from "./outline.ts";
import { Outline, shown } from "./outline.ts";
import { readSourceFile } from "./source-file.ts";
import { entriesOf, flatten, labelName, listOf, textOf, valueOf } from "./traefik/flat.ts";
import type { Flat } from "./traefik/flat.ts";
import { EntryPoints, hasTls, namesSecure } from "./traefik/entry-points.ts";
import { withInherited, withoutOptions } from "./traefik/inherited.ts";
import { TraefikTls } from "./traefik/tls.ts";
import { transportOf } from "./traefik/transports.ts";
import { tellStrangers } from "./traefik/strangers.ts";
import { httpService, streamService } from "./traefik/services.ts";

export function importTraefik(file: string): Imported {
  if (/\.toml$/i.test(file)) {
    throw new NotImported(
      `${file}: TOML is not read; make it YAML first: yq -p toml -o yaml ${file}`,
    );
  }
  const source = parseSource(readSourceFile(file), file);
  const [problem] = source.problems;
  if (problem !== undefined && source.value === undefined) {
    const hint = /^\s*\[/m.test(problem.message)
      ? ""
      : "; TOML and templates ({{ … }}) are not read";
    throw new NotImported(`${file}:${problem.line}: ${problem.message}${hint}`);
  }
  const keys = entriesOf(source.value).map(([key]) => key);
  const sections = ["http", "tcp", "udp", "tls", "entryPoints", "certificatesResolvers"];
  if (!keys.some((key) => sections.includes(key))) {
    throw new NotImported(`${file} has none of ${sections.join(", ")}: is it Traefik's?`);
  }
  return new Conversion(source, file).run();
}

class Conversion {
  readonly #outline = new Outline();
  readonly #source: Source;
  readonly #file: string;
  readonly #flat: Flat;
  readonly #labels: TraefikLabels;
  /** By section of the labels, what it is called here. */
  readonly #services = new Map<string, string>();
  /** With what they inherit, by what they are called in labels. */
  readonly #routers: ReadonlyMap<string, unknown>;
  readonly #points: EntryPoints;
  readonly #tls: TraefikTls;

  constructor(source: Source, file: string) {
    this.#source = source;
    this.#file = file;
    const whole = withInherited(source.value);
    this.#routers = new Map(
      entriesOf(valueOf(whole, "http"), "routers").map(([name, each]) => [labelName(name), each]),
    );
    this.#points = new EntryPoints(whole);
    this.#tls = new TraefikTls(whole, (path, text) => this.#note(path, text));
    this.#flat = flatten(withoutOptions(whole));
    this.#labels = readTraefikLabels(this.#flat.labels);
  }

  run() {
    const { value } = this.#source;
    const listeners = this.#listeners(valueOf(value, "entryPoints"));
    const http = valueOf(value, "http");
    for (const [name, item] of entriesOf(http, "services")) this.#httpService(name, item);
    const all = [...this.#labels.http.routers.values()].map((each) =>
      readRouter(each, { sections: this.#labels.http, defaultRule: undefined, mayAsk: true }),
    );
    const inTheClear = new Set(
      all.filter((each) => !this.#isForced(each)).map(({ claim }) => claim),
    );
    if (inTheClear.size > 0) this.#tls.sayByHost();
    for (const router of withoutPairs(all)) this.#route(router, inTheClear.has(router.claim));
    this.#tcp(valueOf(value, "tcp"), listeners);
    this.#udp(valueOf(value, "udp"), listeners);
    const tls = this.#tls.finish();
    if (tls !== undefined) this.#outline.set("tls", tls);
    tellStrangers(value, (path, text) => this.#note(path, text));
    return this.#outline.finish();
  }

  #note(path: Path, text: string): void {
    this.#outline.note(text, { file: this.#file, line: this.#source.keyAt(path).line });
  }

  #tell({ notes }: Draft): void {
    for (const { about, message, remedy } of notes) {
      // Here it is known.
      if (message === upToListeners) continue;
      const path = this.#flat.paths.get(about);
      const plain = message.replace("the container's own labels", "those of this file");
      const isOfLabels = remedy === undefined || /label|container|provider|tidegate\./.test(remedy);
      const text = `${path?.join(".") ?? about}: ${plain}${isOfLabels ? "" : `; ${remedy}`}`;
      if (path === undefined) this.#outline.note(text.replace(/^: /, ""));
      else this.#note(path, text);
    }
  }

  /** Name of an entry point to that of its listener. */
  #listeners(points: unknown): Map<string, string> {
    const found = new Map<string, string>();
    for (const [name, point] of entriesOf(points)) {
      const [, bind = "", protocol = "tcp"] =
        /^([^/\s]*:\d{1,5})(?:\/(tcp|udp))?$/.exec(textOf(valueOf(point, "address")) ?? "") ?? [];
      if (bind === "")
        this.#note(["entryPoints", name], "this entry point has no address HOST:PORT");
      else found.set(name, this.#listener(name, { bind, protocol }));
    }
    if (points === undefined) {
      const isSecure = [...this.#routers.values()].some(
        (each) => hasTls(each) || namesSecure(each),
      );
      const what = isSecure ? "listeners are at ports 80 and 443" : "listener is at port 80";
      this.#outline.note(`it says no entry points, so the ${what}`);
      found.set("web", this.#outline.add("listeners", "web", ":80"));
      if (isSecure) {
        this.#outline.add("listeners", "websecure", { bind: ":443", tls: true });
      }
    }
    return found;
  }

  /** Those that TCP or UDP routers use are for these alone. */
  #listener(name: string, { bind, protocol }: { bind: string; protocol: string }): string {
    const { value } = this.#source;
    const uses = (kind: string) =>
      entriesOf(entriesOf(value, kind), "routers").some(([, router]) =>
        listOf(valueOf(router, "entryPoints")).includes(name),
      );
    const settings =
      protocol === "udp" || uses("udp")
        ? { bind, protocol: "udp" }
        : uses("tcp") && !uses("http")
          ? { bind, protocol: "tcp" }
          : this.#points.isSecure(name, bind)
            ? { bind, tls: true }
            : this.#speaksTwo
              ? { bind, h2c: true }
              : bind;
    return this.#outline.add("listeners", name, settings);
  }

  /** Traefik takes HTTP/2 in the clear everywhere; here it matters to who serves it, which is gRPC. */
  get #speaksTwo(): boolean {
    const http = valueOf(this.#source.value, "http");
    const servers = entriesOf(http, "services").flatMap(([, item]) =>
      listOf(valueOf(valueOf(item, "loadBalancer"), "servers")),
    );
    return servers.some((server) => /^h2c:/i.test(textOf(valueOf(server, "url")) ?? ""));
  }

  #httpService(name: string, item: unknown): void {
    const id = labelName(name).toLowerCase();
    const section = this.#labels.http.services.get(id);
    const place = {
      file: this.#file,
      line: this.#source.keyAt(["http", "services", name]).line,
    };
    const tell = (draft: Draft) => this.#tell(draft);
    const transport = (wanted: string | undefined) => this.#transport("http", wanted);
    const settings = httpService(item, { outline: this.#outline, section, place, tell, transport });
    if (settings === undefined) return;
    this.#services.set(id, this.#outline.add("services", labelName(name), settings));
  }

  #transport(kind: "http" | "tcp", name: string | undefined): Settings {
    const note = (path: Path, text: string) => this.#note(path, text);
    return transportOf(this.#source.value, { kind, name }, note);
  }

  /** Does nobody get an answer of it in the clear? */
  #isForced({ name, draft, entry }: Router): boolean {
    if (draft.route.has("forceHttps") || entry === "secure") return true;
    return this.#points.isForced(this.#routers.get(name));
  }

  /** `isInTheClear`: a router with the same rule is. */
  #secure(router: Router, rule: string, isInTheClear: boolean): void {
    const { name, draft } = router;
    const own = this.#routers.get(name);
    const path = ["http", "routers", name];
    if (this.#tls.router(path, own, rule, "http") !== undefined) draft.isClosed = true;
    const isGuarded = this.#tls.isGuarded(own);
    if (draft.route.get("tls") === "auto") this.#tls.want();
    if (!isGuarded && (isInTheClear || !this.#isForced(router))) return;
    if (draft.route.has("forceHttps")) return;
    if (draft.route.has("redirect")) draft.route.set("forceHttps", true);
    else draft.route.set("redirect", "https");
    if (!this.#points.hasRedirect) {
      this.#note(path, "it was there by https alone: who comes in the clear is sent to https");
    }
  }

  #route(router: Router, isInTheClear: boolean): void {
    const { name, rule, priority, service: target, draft } = router;
    if (rule !== undefined) this.#secure(router, rule, isInTheClear);
    this.#tell(draft);
    if (rule === undefined) return;
    const path = ["http", "routers", name];
    if (target.kind === "internal") {
      this.#note(path, `the router ${shown(name)} leads to Traefik itself, which is not here`);
      return;
    }
    const rank = priority === undefined ? {} : { priority: Number(priority) };
    const service = target.kind === "own" ? this.#services.get(target.section ?? "") : undefined;
    if (draft.isClosed || (target.kind === "own" && service === undefined)) {
      const why = "this site asks for something that the proxy does not have.";
      this.#outline.add("routes", name, { rule, ...rank, ...closed(why) });
      return;
    }
    if (service !== undefined) this.#extend(service, draft);
    const answer = service === undefined ? nobody : { service };
    const route = { ...rank, ...Object.fromEntries(draft.route), ...answer };
    this.#outline.add("routes", name, { rule: ruleFor(rule, draft.allowed), ...route });
    const [list] = draft.allowed;
    if (list === undefined) return;
    const respond = { status: list.status, body: "You may not come in from here.\n" };
    const others = { rule: ruleAgainst(rule, draft.allowed), ...rank, respond };
    this.#outline.add("routes", `${name}-others`, others);
  }

  /** What middlewares say of the service counts for all its routers. */
  #extend(service: string, draft: Draft): void {
    const before = this.#outline.get("services", service);
    const settings = typeof before === "object" && before !== null ? before : {};
    this.#outline.replace("services", service, {
      ...Object.fromEntries(draft.service),
      ...settings,
    });
  }

  #tcp(tcp: unknown, listeners: ReadonlyMap<string, string>): void {
    for (const [name, item] of entriesOf(tcp, "services")) {
      const settings = streamService(item, "tcp", (wanted) => this.#transport("tcp", wanted));
      for (const [key] of entriesOf(item, "loadBalancer")) {
        if (["servers", "proxyprotocol", "serverstransport"].includes(key.toLowerCase())) continue;
        this.#note(["tcp", "services", name], `${key} of this service is not carried over`);
      }
      if (settings === undefined)
        this.#note(["tcp", "services", name], "this service has no server");
      else this.#services.set(`tcp/${name}`, this.#outline.add("services", name, settings));
    }
    for (const [name, router] of entriesOf(tcp, "routers")) {
      const path = ["tcp", "routers", name];
      const reference = textOf(valueOf(router, "service"))?.replace(/@file$/, "") ?? "";
      const service = this.#services.get(`tcp/${reference}`);
      const tls = valueOf(router, "tls");
      const rule = textOf(valueOf(router, "rule"));
      const isEnded = hasTls(router) && valueOf(tls, "passthrough") !== true;
      const points = listOf(valueOf(router, "entryPoints")).map(String);
      const own = points.flatMap((each) => listeners.get(each) ?? []);
      const draft = this.#tcpMiddlewares(name);
      if (draft.isClosed) {
        this.#note(path, "so the router is left out");
      } else if (service === undefined || rule === undefined) {
        this.#note(path, "it has no rule, or no service that was carried over, and is left out");
      } else if (isEnded && this.#isShut(path, router, rule)) {
        continue;
      } else if (points.length > 0 && own.length === 0) {
        this.#note(
          path,
          `there is no listener for ${shown(points.join(", "))}; add one with protocol: tcp`,
        );
      } else {
        const listener = own.length === 0 ? {} : { listener: own };
        const priority = Number(textOf(valueOf(router, "priority")) ?? 0);
        const rank = Number.isInteger(priority) && priority > 0 ? { priority } : {};
        const secured = isEnded ? { tls: true } : {};
        const whole = ruleFor(modernRule(rule), draft.allowed);
        const route = { rule: whole, ...rank, ...listener, service, ...secured };
        this.#outline.add("tcpRoutes", name, route);
      }
    }
  }

  #tcpMiddlewares(router: string): Draft {
    const { routers, middlewares } = this.#labels.tcp;
    const uses = [routers.get(labelName(router).toLowerCase())?.values.get("middlewares")];
    const draft = applyMiddlewares(uses, middlewares, { readers: tcpKinds, mayAsk: true });
    this.#tell(draft);
    return draft;
  }

  /** Where its TLS ends here: may nobody get in as it was? */
  #isShut(path: Path, router: unknown, rule: string): boolean {
    const tls = valueOf(router, "tls");
    const options = textOf(valueOf(tls, "options"))?.replace(/@file$/, "");
    if (options !== undefined && !this.#tls.has(options)) {
      this.#note(path, `the TLS options ${shown(options)} are not in this file: it is left out`);
      return true;
    }
    if (valueOf(tls, "certResolver") !== undefined) {
      const text = "certificates are had for routes of HTTP alone; add one to tls.certificates";
      this.#note(path, `certResolver: ${text}`);
    }
    return this.#tls.router(path, router, modernRule(rule), "stream") !== undefined;
  }

  #udp(udp: unknown, listeners: ReadonlyMap<string, string>): void {
    const services = new Map(entriesOf(udp, "services"));
    for (const [name, router] of entriesOf(udp, "routers")) {
      const reference = textOf(valueOf(router, "service"))?.replace(/@file$/, "") ?? "";
      const service: Settings | undefined = streamService(services.get(reference), "udp");
      const [point = ""] = listOf(valueOf(router, "entryPoints")).map(String);
      const listener = listeners.get(point);
      const before = listener === undefined ? undefined : this.#outline.get("listeners", listener);
      if (listener !== undefined && service !== undefined && typeof before === "object") {
        this.#outline.replace("listeners", listener, { ...before, service });
      } else {
        const text =
          "add a listener with protocol: udp and this service; where it listens is not in the file";
        this.#note(["udp", "routers", name], text);
      }
    }
  }
}

/** Behind a redirect that does not fit. */
const nobody = { respond: { status: 404, body: "There is nothing here.\n" } };
