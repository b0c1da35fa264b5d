// The admin API, asked with the session's cookie. Whatever ends the session leads to the login, and whoever cannot be
// reached is said so once, at the top of the page.

import { signal } from "@preact/signals";

export interface Fault {
  /** JSON pointer into what was sent; "" = all of it. */
  readonly pointer: string;
  readonly message: string;
  readonly remedy?: string;
}

/** A refusal, in words for people. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly errors: readonly Fault[];
  /** Seconds after which to try again. */
  readonly retryAfter: number | undefined;

  constructor(status: number, detail: string, errors: readonly Fault[], retryAfter?: number) {
    super(detail);
    this.name = "ApiProblem";
    this.status = status;
    this.errors = errors;
    this.retryAfter = retryAfter;
  }

  /** This program does not have that part: an older one, or it is turned off. */
  get isMissing(): boolean {
    return this.status === 404 || this.status === 405;
  }
}

/** false = the program cannot be reached. */
export const isConnected = signal(true);

/** Counts up when a request was refused because nobody is logged in. */
export const expiries = signal(0);

/** Goes with every change; of the session. */
let csrf = "";

export function setCsrf(value: string | null): void {
  csrf = value ?? "";
}

export interface AskOptions {
  readonly signal?: AbortSignal;
  /** Longer than that nobody waits for the answer; undefined = as long as the browser does. */
  readonly patienceMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Other than JSON. */
  readonly type?: string;
}

export interface Answered<Body> {
  readonly body: Body;
  readonly etag: string | undefined;
}

/** Throws ApiProblem, or what `fetch` throws when nobody answers. */
export async function respond(
  method: string,
  path: string,
  sent?: unknown,
  options: AskOptions = {},
): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (method !== "GET") headers["X-Tidegate-Csrf"] = csrf;
  if (sent !== undefined) headers["Content-Type"] = options.type ?? "application/json";
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      cache: "no-store",
      ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
      ...signalOf(options),
    });
  } catch (error) {
    if (options.signal?.aborted !== true) isConnected.value = false;
    throw error;
  }
  isConnected.value = true;
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (response.status === 401 && path !== "/v1/login") expiries.value += 1;
  throw problem;
}

function signalOf({ signal, patienceMs }: AskOptions): { signal?: AbortSignal } {
  const all = signal === undefined ? [] : [signal];
  if (patienceMs !== undefined) all.push(AbortSignal.timeout(patienceMs));
  return all.length === 0 ? {} : { signal: AbortSignal.any(all) };
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const wait = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const retryAfter = Number.isFinite(wait) ? wait : undefined;
  try {
    const body: { detail?: string; errors?: Fault[] } = await response.json();
    const detail = body.detail ?? `the answer was ${response.status}`;
    return new ApiProblem(response.status, detail, body.errors ?? [], retryAfter);
  } catch {
    return new ApiProblem(response.status, `the answer was ${response.status}`, [], retryAfter);
  }
}

async function answered<Body>(response: Response): Promise<Answered<Body>> {
  // Our own server says in its document what it answers; this is the one place where that is believed.
  const body: Body = await response.json();
  return { body, etag: response.headers.get("ETag") ?? undefined };
}

/** With its ETag, for `If-Match`. */
export async function getTagged<Body>(path: string, options?: AskOptions): Promise<Answered<Body>> {
  return answered<Body>(await respond("GET", path, undefined, options));
}

export async function get<Body>(path: string, options?: AskOptions): Promise<Body> {
  return (await getTagged<Body>(path, options)).body;
}

export async function send<Body>(
  method: "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  sent?: unknown,
  options?: AskOptions,
): Promise<Body> {
  return (await answered<Body>(await respond(method, path, sent, options))).body;
}

/** One sentence of whatever was thrown. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ApiProblem) {
    const first = error.errors.find(({ message }) => !error.message.includes(message));
    return first === undefined ? error.message : `${error.message}: ${first.message}`;
  }
  return "Tidegate cannot be reached";
}
