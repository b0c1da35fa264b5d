// Services that keep zones, as their documentation describes them (Cloudflare's API v4, Hetzner's Cloud API, DigitalOcean's API v2): a real
// web server with TLS, which is as strict as they say they are. It is not them: what they do beside their documentation it does not.

import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { text } from "node:stream/consumers";
import { isRecord, type JsonRecord, listAt, textAt } from "../../src/lib/json.ts";
import { certificates } from "./certificates.ts";

export const serviceKinds = ["cloudflare", "hetzner", "digitalocean"] as const;
type Kind = (typeof serviceKinds)[number];

/** In the place of the next answer; "lost" = it was done, and nobody hears of it. */
export type Mishap =
  | "none"
  | "cut"
  | "lost"
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body: string };

export interface DnsServices extends AsyncDisposable {
  readonly ca: string;
  readonly token: string;
  url(kind: Kind): string;
  texts(kind: Kind, name: string): readonly string[];
  /** Told to those who ask next, one each. */
  readonly mishaps: Mishap[];
  /** `POST /zones/1/rrsets/…` */
  readonly asked: string[];
}

interface Kept {
  readonly id: number;
  readonly zone: string;
  readonly name: string;
  /** As it was written, with quotes or without. */
  readonly content: string;
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

interface Asked {
  readonly method: string;
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
}

const token = "s3cret-token-of-ours";

/** @param zones by name, with the texts that are there by name */
export async function startDnsServices(
  zones: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<DnsServices> {
  const { ca, cert, key } = await certificates("localhost", "127.0.0.1");
  const shelves = new Map(serviceKinds.map((kind) => [kind, new Shelf(zones)]));
  const mishaps: Mishap[] = [];
  const asked: string[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? "", "https://service");
    const [, kind = "", ...path] = url.pathname.split("/").map(decodeURIComponent);
    asked.push(`${request.method} /${path.join("/")}`);
    const written = await text(request);
    const mishap = mishaps.shift();
    if (mishap === "cut") return void response.destroy();
    if (typeof mishap === "object") {
      return void response.writeHead(mishap.status, mishap.headers).end(mishap.body);
    }
    const body: unknown = written === "" ? undefined : JSON.parse(written);
    const isOurs = request.headers.authorization === `Bearer ${token}`;
    const question = { method: request.method ?? "", path, query: url.searchParams, body };
    const answer = answers[kind as Kind](isOurs ? question : undefined, shelfOf(kind));
    if (mishap === "lost") return void response.destroy();
    response.writeHead(answer.status, { "Content-Type": "application/json" });
    response.end(answer.body === undefined ? "" : JSON.stringify(answer.body));
  };
  const shelfOf = (kind: string) => {
    const found = shelves.get(kind as Kind);
    if (found === undefined) throw new Error(`there is no ${kind}`);
    return found;
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    ...{ ca, token, mishaps, asked },
    url: (kind) => `https://127.0.0.1:${address.port}/${kind}`,
    texts: (kind, name) =>
      shelfOf(kind)
        .of(name)
        .map(({ content }) => content.replaceAll('"', "")),
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

class Shelf {
  readonly zones: readonly string[];
  kept: readonly Kept[] = [];
  #last = 100;

  constructor(zones: Readonly<Record<string, Readonly<Record<string, string>>>>) {
    this.zones = Object.keys(zones);
    for (const [zone, texts] of Object.entries(zones)) {
      for (const [name, value] of Object.entries(texts)) this.add(zone, name, `"${value}"`);
    }
  }

  of(name: string): readonly Kept[] {
    return this.kept.filter((each) => each.name === name);
  }

  add(zone: string, name: string, content: string): Kept {
    const added = { id: (this.#last += 1), zone, name, content };
    this.kept = [...this.kept, added];
    return added;
  }

  remove(isGone: (each: Kept) => boolean): boolean {
    const before = this.kept.length;
    this.kept = this.kept.filter((each) => !isGone(each));
    return this.kept.length < before;
  }
}

const isQuoted = (content: string) => /^"[^"]{0,255}"$/.test(content);
const ttlOf = (body: unknown) => (isRecord(body) ? body["ttl"] : undefined);

/** `undefined` is asked without a token that is known. */
const answers: Record<Kind, (asked: Asked | undefined, shelf: Shelf) => Answer> = {
  cloudflare(asked, shelf) {
    const failed = (status: number, code: number, message: string) => ({
      status,
      body: { success: false, errors: [{ code, message }], messages: [], result: null },
    });
    if (asked === undefined) return failed(403, 9109, "Invalid access token");
    const done = (result: unknown) => ({
      status: 200,
      body: { success: true, errors: [], messages: [], result },
    });
    const { method, path, query, body } = asked;
    if (path.length === 1) {
      const found = shelf.zones.filter((each) => each === query.get("name"));
      return done(found.map((name) => ({ id: `id-of-${name}`, name, status: "active" })));
    }
    const zone = shelf.zones.find((each) => `id-of-${each}` === path[1]);
    if (zone === undefined) return failed(404, 7003, "Could not route to the zone");
    const shown = ({ id, name, content }: Kept) => ({
      ...{ id: String(id), type: "TXT", name, content, ttl: 60, proxied: false },
    });
    if (method === "GET") return done(shelf.of(query.get("name.exact") ?? "").map(shown));
    if (method === "DELETE") {
      const isGone = shelf.remove(({ id }) => String(id) === path[3]);
      return isGone ? done({ id: path[3] }) : failed(404, 81044, "Record does not exist.");
    }
    const [name, content] = [textAt(body, "name"), textAt(body, "content")];
    if (!name.endsWith(zone) || !isQuoted(content) || Number(ttlOf(body)) < 60) {
      return failed(400, 9000, "DNS record is invalid");
    }
    const isThere = shelf.of(name).some((each) => each.content === content);
    if (isThere) return failed(400, 81058, "An identical record already exists.");
    return done(shown(shelf.add(zone, name, content)));
  },

  hetzner(asked, shelf) {
    const failed = (status: number, code: string, message: string) => ({
      status,
      body: { error: { code, message, details: {} } },
    });
    if (asked === undefined) return failed(401, "unauthorized", "unable to authenticate");
    const { path, body } = asked;
    const action = (status: string) => ({
      action: { id: 7, command: "change", status, progress: 50, error: null },
    });
    if (path[0] === "actions") return { status: 200, body: action("success") };
    const at = shelf.zones.findIndex((each, index) => each === path[1] || `${index}` === path[1]);
    const zone = shelf.zones[at];
    if (zone === undefined) return failed(404, "not_found", "zone not found");
    if (path.length === 2) return { status: 200, body: { zone: { id: at, name: zone } } };
    const [within = "", , , verb] = path.slice(3);
    if (within.includes(zone) || within !== within.toLowerCase()) {
      return failed(422, "invalid_input", "invalid input in field 'name'");
    }
    const name = within === "@" ? zone : `${within}.${zone}`;
    const there = shelf.of(name);
    if (verb === undefined) {
      if (there.length === 0) return failed(404, "not_found", "rrset not found");
      const records = there.map(({ content }) => ({ value: content, comment: "" }));
      return { status: 200, body: { rrset: { name: within, type: "TXT", ttl: 3600, records } } };
    }
    const values = listAt(body, "records").map((each) => textAt(each, "value"));
    const isFine = values.length > 0 && values.every(isQuoted);
    if (!isFine) return failed(422, "invalid_input", "invalid input in field 'records'");
    if (verb === "remove_records") {
      if (there.length === 0) return failed(404, "not_found", "rrset not found");
      shelf.remove((each) => each.name === name && values.includes(each.content));
      return { status: 201, body: action("running") };
    }
    // "If set, and the RRSet being updated already has a TTL, the values must be the same."
    if (there.length > 0 && ttlOf(body) !== undefined && ttlOf(body) !== 3600) {
      return failed(422, "invalid_input", "invalid input in field 'ttl'");
    }
    if (there.some(({ content }) => values.includes(content))) {
      return failed(409, "uniqueness_error", "record exists");
    }
    for (const each of values) shelf.add(zone, name, each);
    return { status: 201, body: action("running") };
  },

  digitalocean(asked, shelf) {
    const failed = (status: number, id: string, message: string) => ({
      status,
      body: { id, message, request_id: "r" },
    });
    if (asked === undefined) return failed(401, "unauthorized", "Unable to authenticate you");
    const { method, path, query, body } = asked;
    const lost = "The resource you were accessing could not be found.";
    const zone = shelf.zones.find((each) => each === path[1]);
    if (zone === undefined) return failed(404, "not_found", lost);
    if (path.length === 2) return { status: 200, body: { domain: { name: zone, ttl: 1800 } } };
    const shown = ({ id, name, content }: Kept): JsonRecord => ({
      ...{ id, type: "TXT", name: name === zone ? "@" : name.slice(0, -zone.length - 1) },
      ...{ data: content.replaceAll('"', ""), ttl: 60, priority: null },
    });
    if (method === "GET") {
      const found = shelf.of(query.get("name") ?? "").map(shown);
      return { status: 200, body: { domain_records: found, meta: { total: found.length } } };
    }
    if (method === "DELETE") {
      const isGone = shelf.remove(({ id }) => String(id) === path[3]);
      return isGone ? { status: 204 } : failed(404, "not_found", lost);
    }
    const [name, data] = [textAt(body, "name"), textAt(body, "data")];
    if (name.includes(zone) || data === "" || Number(ttlOf(body)) < 30) {
      return failed(422, "unprocessable_entity", "Data needs to end with a dot (.)");
    }
    const added = shelf.add(zone, name === "@" ? zone : `${name}.${zone}`, data);
    return { status: 201, body: { domain_record: shown(added) } };
  },
};
