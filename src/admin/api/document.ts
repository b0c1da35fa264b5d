// The OpenAPI document (3.1) of the API, made from its endpoints: 3.1 takes JSON Schemas as they are, and zod
// makes those. What is not in the endpoints is not in here, and the other way round.

import * as z from "zod";
import { programVersion } from "../../lib/version.ts";
import type { Answer, Body, Endpoint } from "./endpoint.ts";
import { csrfHeader } from "./guard.ts";
import { refusalTitles } from "./reply.ts";
import { namedSchemas } from "./schemas.ts";

export type Schema = Readonly<Record<string, unknown>>;

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

export interface Media {
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
}

export interface Response extends Media {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { description: string; schema: Schema }>>;
}

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Media & { readonly required: true };
  readonly responses: Readonly<Record<string, Response>>;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  /** Whoever asks needs this role; `none` = nobody needs to log in. */
  readonly "x-tidegate-role": string;
}

export interface ApiDocument {
  readonly openapi: "3.1.1";
  readonly info: Readonly<Record<string, unknown>>;
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly securitySchemes: Readonly<Record<string, unknown>>;
  };
}

const tags = [
  { name: "routes", description: "Which requests go where." },
  { name: "tcpRoutes", description: "Which connections of tcp listeners go where." },
  { name: "services", description: "Groups of backends." },
  {
    name: "overlays",
    description: "Changes of routes that somebody else wrote: of containers, say.",
  },
  {
    name: "certificates",
    description: "What clients are shown; those of the store can be changed. Keys are never told.",
  },
  { name: "changes", description: "Several changes at once." },
  { name: "history", description: "What the store was, and all of it at once." },
  { name: "state", description: "What runs." },
  {
    name: "traffic",
    description: "Single requests: as they end, while they are open, and recorded.",
  },
  { name: "actions", description: "What the program is told to do." },
  { name: "access", description: "Who may do that, and who did." },
];

const security = [{ token: [] }, { basic: [] }, { session: [] }];

export function documentOf(endpoints: readonly Endpoint[]): ApiDocument {
  const schemas = new Schemas(endpoints);
  const paths: Record<string, Record<string, Operation>> = {};
  for (const each of endpoints) {
    const path = (paths[each.path] ??= {});
    path[each.method] = operationOf(each, schemas);
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Tidegate",
      version: programVersion(),
      description:
        "Routes and services while the program runs. A change is durable and served by all workers when it is answered. " +
        "Errors are application/problem+json. At the control socket all of it is below /api, and nobody has to log in.",
    },
    tags,
    paths,
    components: {
      schemas: schemas.named,
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "`tg_…`, of `tidegate token add`." },
        basic: { type: "http", scheme: "basic", description: "User and password, for scripts." },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "tidegate_session",
          description: `Of POST /v1/login, over TLS with __Host- in front of the name; what changes something also needs the header ${csrfHeader}.`,
        },
      },
    },
  };
}

function operationOf(endpoint: Endpoint, schemas: Schemas): Operation {
  const { id, tag, summary, description, role, body } = endpoint;
  const parameters = parametersOf(endpoint, schemas);
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: bodyOf(body, schemas) }),
    responses: responsesOf(endpoint, schemas),
    security: role === "none" ? [] : security,
    "x-tidegate-role": role,
  };
}

function parametersOf({ path, query, headers }: Endpoint, schemas: Schemas): readonly Parameter[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]): Parameter => {
    const schema = { type: name === "number" ? "integer" : "string" };
    return { name, in: "path", required: true, schema };
  });
  const inQuery = Object.entries(query.shape).map(([name, each]): Parameter => {
    const { description, ...schema } = schemas.of(each);
    const about = typeof description === "string" ? { description } : {};
    return { name, in: "query", required: false, ...about, schema };
  });
  const inHeaders = Object.entries(headers).map(([name, description]): Parameter => {
    return { name, in: "header", required: false, description, schema: { type: "string" } };
  });
  return [...inPath, ...inQuery, ...inHeaders];
}

function bodyOf({ types, shown }: Body, schemas: Schemas): NonNullable<Operation["requestBody"]> {
  const schema = schemas.of(shown);
  const isPatch = types.some((each) => each.includes("merge-patch"));
  // Any part of it may be left out, and null takes a key away.
  const patch = { type: "object", description: "A merge patch (RFC 7396) of it." };
  return {
    required: true,
    content: Object.fromEntries(types.map((type) => [type, { schema: isPatch ? patch : schema }])),
  };
}

function responsesOf(endpoint: Endpoint, schemas: Schemas): Operation["responses"] {
  const { answer, role, method, path, body, headers } = endpoint;
  // A query that nobody asked for, another origin, another name of ours, and a fault.
  const always = [400, 403, 421, 500];
  const common = role === "none" ? [] : [401, 429, 503];
  const reading = body === undefined ? [] : [413, 415, 422];
  const known = path.includes("{") && method === "get" ? [404] : [];
  const codes = new Set([...always, ...common, ...reading, ...known, ...endpoint.refusals]);
  const refusals = [...codes]
    .toSorted((a, b) => a - b)
    .map((status): [string, Response] => {
      const content = { "application/problem+json": { schema: refTo("Problem") } };
      return [String(status), { description: refusalTitles[status] ?? "", content }];
    });
  const isUnchanged = method === "get" && "If-None-Match" in headers;
  return Object.fromEntries([
    [String(answer.status), responseOf(answer, schemas)],
    ...("Location" in answer.headers
      ? [["201", { ...responseOf(answer, schemas), description: "New." }]]
      : []),
    ...(isUnchanged ? [["304", { description: "Still the same." }]] : []),
    ...refusals,
  ]);
}

function responseOf({ description, type, schema, headers }: Answer, schemas: Schemas): Response {
  const named = Object.entries(headers).map(([name, about]) => {
    return [name, { description: about, schema: { type: "string" } }] as const;
  });
  return {
    description,
    ...(named.length === 0 ? {} : { headers: Object.fromEntries(named) }),
    content: { [type]: schema === undefined ? {} : { schema: schemas.of(schema) } },
  };
}

// --- schemas -------------------------------------------------------------------------------------------

const prefix = "#/components/schemas/";

function refTo(id: string): Schema {
  return { $ref: `${prefix}${id}` };
}

/** All that the document says in JSON Schema. Made at once: each call of zod's walks through all of them. */
class Schemas {
  readonly named: Readonly<Record<string, Schema>>;
  readonly #ids = new Map<z.ZodType, string>(namedSchemas);
  readonly #made: ReadonlyMap<string, Schema>;

  constructor(endpoints: readonly Endpoint[]) {
    const all = endpoints.flatMap(({ query, body, answer }) => [
      ...Object.values(query.shape).map((each) => each),
      ...(body === undefined ? [] : [body.shown]),
      ...(answer.schema === undefined ? [] : [answer.schema]),
    ]);
    for (const each of all) {
      if (each instanceof z.ZodType && !this.#ids.has(each)) {
        this.#ids.set(each, `-${this.#ids.size}`);
      }
    }
    const registry = z.registry<{ id: string }>();
    for (const [schema, id] of this.#ids) registry.add(schema, { id });
    const { schemas } = z.toJSONSchema(registry, {
      target: "draft-2020-12",
      unrepresentable: "any",
      io: "input",
      uri: (id) => `${prefix}${id}`,
    });
    const made = Object.entries(schemas).map(([id, each]) => {
      const { $schema: _schema, $id: _id, ...rest } = each;
      return [id, rest] as const;
    });
    this.#made = new Map(made);
    this.named = Object.fromEntries(
      made.filter(([id]) => !id.startsWith("-")).map(([id, each]) => [id, this.#inlined(each)]),
    );
  }

  of(schema: unknown): Schema {
    const id = schema instanceof z.ZodType ? this.#ids.get(schema) : undefined;
    if (id === undefined) return {};
    return id.startsWith("-") ? this.#inlined(this.#made.get(id) ?? {}) : refTo(id);
  }

  /** With what has no name in its place. */
  #inlined(schema: Schema): Schema {
    const result: unknown = JSON.parse(JSON.stringify(schema), (_key, value: unknown) => {
      const ref = isSchema(value) ? value["$ref"] : undefined;
      if (typeof ref !== "string" || !ref.startsWith(`${prefix}-`)) return value;
      return this.#inlined(this.#made.get(ref.slice(prefix.length)) ?? {});
    });
    return isSchema(result) ? result : {};
  }
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
