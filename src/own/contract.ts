// What a middleware of somebody's own is written against. It stays as it is while the engine behind it changes: no type of
// the engine is in it.

/** Header fields. Names are compared without regard to case. */
export interface Headers {
  /** Several of one name joined by ", "; undefined = it is not there. */
  get(name: string): string | undefined;
  /** In the place of all of this name. Throws a TypeError for what no field can hold, and for those that frame a message. */
  set(name: string, value: string): void;
  /** One more of this name. Throws as `set` does. */
  add(name: string, value: string): void;
  remove(name: string): void;
  /** Names as they are written, and values; one of several of a name for each. */
  entries(): readonly (readonly [name: string, value: string])[];
}

/** The request, on its way to the backend: what is changed here is what the backend gets. */
export interface Request {
  readonly method: string;
  readonly scheme: "http" | "https";
  /** As it was asked for, with its port if there was one. */
  readonly host: string;
  /** Normalised, without the query. May be changed; it begins with a slash. */
  path: string;
  /** Without the question mark; "" = none. May be changed. */
  query: string;
  /** The client's address; behind trusted proxies the one they name. */
  readonly clientIp: string;
  /** Whom an authentication before this one found; "" = nobody was looked for. */
  readonly user: string;
  readonly route: string;
  readonly headers: Headers;
  /** For this middleware alone: from one moment of the request to the next. */
  readonly state: Record<string, unknown>;
}

/** The head of an answer on its way to the client. */
export interface Response {
  /** May be changed to another status of an answer with a body, or of one without. */
  status: number;
  /** We gave it ourselves: a failure, or what another middleware answered. */
  readonly isOurs: boolean;
  readonly headers: Headers;
}

/** An answer instead of the backend's. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Texts are sent as UTF-8. */
  readonly body?: string | Uint8Array;
}

/** How a request ended. */
export interface Outcome {
  /** As it was sent, or 499 where the client left before. */
  readonly status: number;
  /** Of the body, as sent. */
  readonly bytes: number;
  /** From the request's head to its end. */
  readonly ms: number;
  /** A name of docs/reference/errors.md; undefined = nothing failed. */
  readonly failure: string | undefined;
}

export interface Hooks {
  /** Before a backend is chosen. undefined = it goes on. A promise is waited for, at most `timeout` of the configuration. */
  onRequest?(request: Request): Answer | undefined | void | Promise<Answer | undefined | void>;
  /** Before the head of the answer is written, if this middleware let the request pass. */
  onResponse?(request: Request, response: Response): void;
  /** At the end, also of requests that failed, if this middleware let them pass. */
  onDone?(request: Request, outcome: Outcome): void;
  /** Nobody begins with it any more: a newer version took over, or the configuration has it no more. */
  close?(): void;
}

export interface Api {
  /** Who uses it: `route a.example`. */
  readonly owner: string;
  /** To the log of the program, at most once in some seconds for each message. */
  warn(message: string, fields?: Readonly<Record<string, string>>): void;
}

/** Of zod, or of any library with such a method. It throws for what is wrong. */
export interface Settings<S> {
  parse(value: unknown): S;
}

export interface Definition<S> {
  /** What the configuration may say; left out = nothing. */
  readonly settings?: Settings<S>;
  /** Called once for each route, service or listener that uses it, and again when file or settings change. */
  create(settings: S, api: Api): Hooks;
}

/** Gives the definition its types; that is all it does. */
export function defineMiddleware<S = undefined>(definition: Definition<S>): Definition<S> {
  return definition;
}
