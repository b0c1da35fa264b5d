// The request as a middleware of somebody's own sees it in a thread: a copy. What is done to it is written down, and done to
// the request itself by the worker.

import type { Headers, Request } from "../own/contract.ts";
import type { Edit, SentRequest } from "../own/thread-words.ts";
import { checkField, checkQuery, normalPath } from "./own-checks.ts";

type Field = readonly [name: string, value: string];

/** Whatever is no letter or digit counts as the same, as it does to some backends. */
function spelled(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "-");
}

class ThreadHeaders implements Headers {
  #fields: readonly Field[];
  readonly #note: (edit: Edit) => void;

  constructor(fields: readonly Field[], note: (edit: Edit) => void) {
    this.#fields = fields;
    this.#note = note;
  }

  get(name: string): string | undefined {
    const lower = name.toLowerCase();
    const values = this.#fields.flatMap(([each, value]) =>
      each.toLowerCase() === lower ? [value] : [],
    );
    return values.length === 0 ? undefined : values.join(", ");
  }

  set(name: string, text: string): void {
    checkField(name, text);
    this.#note({ what: "set", name, text });
    this.#fields = [...this.#without(name), [name, text]];
  }

  add(name: string, text: string): void {
    checkField(name, text);
    this.#note({ what: "add", name, text });
    this.#fields = [...this.#fields, [name, text]];
  }

  remove(name: string): void {
    checkField(name, "");
    this.#note({ what: "remove", name });
    this.#fields = this.#without(name);
  }

  #without(name: string): readonly Field[] {
    const meant = spelled(name);
    return this.#fields.filter(([each]) => spelled(each) !== meant);
  }

  entries(): readonly Field[] {
    return this.#fields;
  }
}

export class ThreadRequest implements Request {
  readonly method: string;
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly clientIp: string;
  readonly user: string;
  readonly route: string;
  readonly headers: Headers;
  readonly state: Record<string, unknown> = {};
  /** In the order in which they were made. */
  readonly edits: Edit[] = [];
  #path: string;
  #query: string;
  #isGone = false;

  constructor({ headers, path, query, ...others }: SentRequest) {
    this.method = others.method;
    this.scheme = others.scheme;
    this.host = others.host;
    this.clientIp = others.clientIp;
    this.user = others.user;
    this.route = others.route;
    this.headers = new ThreadHeaders(headers, (edit) => this.#note(edit));
    this.#path = path;
    this.#query = query;
  }

  /** It is on its way: what is done to the copy now would reach nobody. */
  go(): void {
    this.#isGone = true;
  }

  #note(edit: Edit): void {
    if (this.#isGone) throw new Error("the request has gone on: nothing changes it now");
    this.edits.push(edit);
  }

  get path(): string {
    return this.#path;
  }

  set path(path: string) {
    const normal = normalPath(path);
    this.#note({ what: "path", text: path });
    this.#path = normal;
  }

  get query(): string {
    return this.#query;
  }

  set query(query: string) {
    checkQuery(query);
    this.#note({ what: "query", text: query });
    this.#query = query;
  }
}
