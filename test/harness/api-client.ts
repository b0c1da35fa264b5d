// A client of the admin API that knows nothing but its OpenAPI document: paths, parameters and kinds of content come
// from there, and every answer is held to what is said of it there.

import { complaints } from "./schema-check.ts";

export interface Media {
  readonly content?: Readonly<Record<string, { readonly schema?: Record<string, unknown> }>>;
}

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: "path" | "query" | "header";
    readonly required: boolean;
    readonly schema: Record<string, unknown>;
  }[];
  readonly requestBody?: Media;
  readonly responses: Readonly<Record<string, Media & { readonly description: string }>>;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly "x-tidegate-role": string;
}

export interface ApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>;
    readonly securitySchemes: Readonly<Record<string, unknown>>;
  };
}

export interface Found {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** By name, whatever they are: parameters of path, query and header; `body`. */
export type Arguments = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export function operationsOf({ paths }: ApiDocument): readonly Found[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
}

export class ApiClient {
  readonly document: ApiDocument;
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;

  private constructor(base: string, headers: Record<string, string>, document: ApiDocument) {
    this.#base = base;
    this.#headers = headers;
    this.document = document;
  }

  static async of(base: string, headers: Record<string, string> = {}): Promise<ApiClient> {
    const answer = await fetch(`${base}/openapi.json`);
    return new ApiClient(base, headers, (await answer.json()) as ApiDocument);
  }

  with(headers: Record<string, string>): ApiClient {
    return new ApiClient(this.#base, { ...this.#headers, ...headers }, this.document);
  }

  /** Throws when the answer is not as the document says. */
  async call(id: string, given: Arguments = {}): Promise<Answer> {
    const found = operationsOf(this.document).find((each) => each.operation.operationId === id);
    if (found === undefined) throw new Error(`the document knows no ${id}`);
    const { url, headers } = this.#placeOf(found, given);
    const [type] = Object.keys(found.operation.requestBody?.content ?? {});
    const { body } = given;
    const response = await fetch(url, {
      method: found.method.toUpperCase(),
      redirect: "manual",
      signal: AbortSignal.timeout(20_000),
      headers: {
        ...this.#headers,
        ...headers,
        ...(type === undefined ? {} : { "Content-Type": type }),
      },
      ...(type === undefined ? {} : { body: JSON.stringify(body ?? {}) }),
    });
    return this.#checked(found, response);
  }

  #placeOf({ path, operation }: Found, given: Arguments) {
    const url = new URL(this.#base);
    const headers: Record<string, string> = {};
    const known = new Set(["body"]);
    let place = path;
    for (const { name, in: where, required } of operation.parameters ?? []) {
      known.add(name);
      const value = given[name];
      if (value === undefined) {
        if (required) throw new Error(`${operation.operationId} needs ${name}`);
        continue;
      }
      const text = typeof value === "string" ? value : JSON.stringify(value);
      if (where === "path") place = place.replace(`{${name}}`, encodeURIComponent(text));
      if (where === "query") url.searchParams.set(name, text);
      if (where === "header") headers[name] = text;
    }
    const stranger = Object.keys(given).find((name) => !known.has(name));
    if (stranger !== undefined) throw new Error(`${operation.operationId} has no ${stranger}`);
    return { url: `${this.#base}${place}${url.search}`, headers };
  }

  async #checked({ operation }: Found, response: Response): Promise<Answer> {
    const { status, headers } = response;
    const text = await response.text();
    const said = operation.responses[String(status)];
    const what = `${operation.operationId} answered ${status}`;
    if (said === undefined)
      throw new Error(`${what}, of which the document knows nothing: ${text}`);
    const type = headers.get("content-type")?.split(";")[0] ?? "";
    const media = said.content?.[type];
    if (said.content !== undefined && media === undefined) {
      throw new Error(`${what} as ${type}, not as ${Object.keys(said.content).join()}`);
    }
    const body: unknown = type.endsWith("json") ? JSON.parse(text) : text;
    const wrong = complaints(body, media?.schema ?? {}, this.document);
    if (wrong.length > 0) throw new Error(`${what} otherwise than it says: ${wrong.join("; ")}`);
    return { status, headers, body };
  }
}
