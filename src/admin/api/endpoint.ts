// One thing that can be asked of the API: what it takes, what it answers, who may ask. From this come the
// dispatching (app.ts), the OpenAPI document and the pages made of it: an endpoint cannot do what it does not say.

import * as z from "zod";
import type { Role } from "../../config/account.ts";
import { apiLimits } from "../../config/admin-limits.ts";
import type { Caller } from "../accounts-entry.ts";
import type { Operations } from "../operations.ts";
import { type Fault, pointerOf, refused, type RefusalStatus, type Reply } from "./reply.ts";

export type Method = "get" | "put" | "post" | "patch" | "delete";

export interface Endpoint {
  readonly method: Method;
  /** As in OpenAPI: `/v1/routes/{name}`. */
  readonly path: string;
  /** `none`: without logging in. */
  readonly role: Role | "none";
  readonly tag: string;
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly query: z.ZodObject;
  /** Request headers it looks at, by name, with what they mean. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body | undefined;
  readonly answer: Answer;
  /** Besides those that every endpoint may give. */
  readonly refusals: readonly RefusalStatus[];
  run(call: RawCall): Promise<Reply>;
}

export interface Body {
  readonly types: readonly string[];
  readonly mostBytes: number;
  /** As the document shows it. */
  readonly shown: z.ZodType;
}

export interface Answer {
  readonly status: 200 | 201 | 202;
  readonly description: string;
  readonly type: string;
  readonly schema: z.ZodType | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** What every call brings. */
export interface CallBasics {
  readonly operations: Operations;
  readonly params: Readonly<Record<string, string>>;
  readonly from: string;
  header(name: string): string | undefined;
  /** Ends streams when the server closes. */
  readonly closing: AbortSignal;
  /** Nobody reads what it answers. */
  readonly isHead: boolean;
  /** Cuts the connection. */
  drop(): void;
  /** It may be silent for long. */
  keepOpen(): void;
  readonly isTls: boolean;
}

export interface RawCall extends CallBasics {
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** undefined = the endpoint asks for no role. */
  readonly caller: Caller | undefined;
}

export interface Call<Query, Sent> extends CallBasics {
  readonly query: Query;
  readonly body: Sent;
  readonly caller: Caller;
}

export const noQuery = z.strictObject({});

interface Common<Query extends z.ZodObject, Sent extends z.ZodType> {
  readonly method: Method;
  readonly path: string;
  readonly tag: string;
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: TypedBody<Sent>;
  readonly answer: Partial<Answer> & Pick<Answer, "description">;
  readonly refusals?: readonly RefusalStatus[];
}

export interface TypedBody<Sent extends z.ZodType> extends Body {
  readonly schema: Sent;
}

const nothing = z.undefined();

export const noBody: TypedBody<z.ZodUndefined> = {
  ...{ types: [], mostBytes: 0, schema: nothing, shown: nothing },
};

export function jsonBody<Sent extends z.ZodType>(
  schema: Sent,
  options: {
    readonly mostBytes?: number;
    readonly type?: string;
    /** Of what is looked at later, and by others. */
    readonly shown?: z.ZodType;
  } = {},
): TypedBody<Sent> {
  const { mostBytes = apiLimits.smallBody, type = "application/json", shown = schema } = options;
  return { types: [type], mostBytes, schema, shown };
}

interface Options<Query extends z.ZodObject, Sent extends z.ZodType> extends Common<Query, Sent> {
  readonly role: Role;
  run(call: Call<z.output<Query>, z.output<Sent>>): Reply | Promise<Reply>;
}

/** For those who are logged in. */
export function endpoint<Query extends z.ZodObject, Sent extends z.ZodType>(
  options: Options<Query, Sent>,
): Endpoint {
  const { query, body, role } = options;
  return {
    ...shaped(options),
    role,
    async run({ caller, ...raw }) {
      const asked = query.safeParse(raw.query);
      if (!asked.success) {
        return refused(400, { detail: `the query is wrong: ${sentenceOf(asked.error.issues)}` });
      }
      const sent = body.schema.safeParse(raw.body);
      if (!sent.success) return refusedBody(sent.error.issues);
      if (caller === undefined) return refused(401, { detail: "log in first" });
      return options.run({ ...raw, caller, query: asked.data, body: sent.data });
    },
  };
}

interface OpenOptions<Sent extends z.ZodType> extends Common<typeof noQuery, Sent> {
  run(call: CallBasics & { readonly body: z.output<Sent> }): Promise<Reply>;
}

/** For everybody. */
export function openEndpoint<Sent extends z.ZodType>(options: OpenOptions<Sent>): Endpoint {
  return {
    ...shaped(options),
    role: "none",
    async run(raw) {
      const sent = options.body.schema.safeParse(raw.body);
      if (!sent.success) return refusedBody(sent.error.issues);
      return options.run({ ...raw, body: sent.data });
    },
  };
}

function shaped<Query extends z.ZodObject, Sent extends z.ZodType>(
  options: Common<Query, Sent>,
): Omit<Endpoint, "role" | "run"> {
  const { method, path, tag, id, summary, description, headers, query, body, answer } = options;
  return {
    ...{ method, path, tag, id, summary, query },
    ...(description === undefined ? {} : { description }),
    headers: headers ?? {},
    body: body.types.length === 0 ? undefined : body,
    answer: { status: 200, type: "application/json", schema: undefined, headers: {}, ...answer },
    refusals: options.refusals ?? [],
  };
}

type Issue = z.core.$ZodIssue;

function refusedBody(issues: readonly Issue[]): Reply {
  const errors = issues.map((issue): Fault => ({
    pointer: pointerOf(issue.path),
    message: issue.message,
  }));
  return refused(422, { detail: `the body is wrong: ${sentenceOf(issues)}`, errors });
}

function sentenceOf(issues: readonly Issue[]): string {
  const [issue] = issues;
  if (issue === undefined) return "it cannot be understood";
  const where = issue.path.map(String).join(".");
  return where === "" ? issue.message : `${where}: ${issue.message}`;
}
