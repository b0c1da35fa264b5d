// Middlewares that a route says by keys of its own, as the snapshot holds them.

export type RedirectStatus = 301 | 302 | 303 | 307 | 308;

export interface StripPrefixUse {
  readonly kind: "stripPrefix";
  readonly prefixes: readonly string[];
}

export interface AddPrefixUse {
  readonly kind: "addPrefix";
  readonly prefix: string;
}

export interface ReplacePrefixUse {
  readonly kind: "replacePrefix";
  readonly from: string;
  readonly to: string;
}

export interface ReplacePathUse {
  readonly kind: "replacePath";
  readonly pattern: string;
  readonly replacement: string;
}

export interface RedirectUse {
  readonly kind: "redirect";
  readonly to: string;
  readonly status: RedirectStatus;
}

/** When the pattern matches the whole URL; `to` with $1, $2 … Other requests go on. */
export interface RedirectMatchUse {
  readonly kind: "redirectMatch";
  readonly pattern: string;
  readonly flags: string;
  readonly to: string;
  readonly status: RedirectStatus;
}

/** When the request did not come by https; `port` undefined = the usual one. */
export interface ForceHttpsUse {
  readonly kind: "forceHttps";
  readonly status: RedirectStatus;
  readonly port: number | undefined;
}

export interface RespondUse {
  readonly kind: "respond";
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
}

export interface WhoamiUse {
  readonly kind: "whoami";
}

export type RouteUse =
  | StripPrefixUse
  | AddPrefixUse
  | ReplacePrefixUse
  | ReplacePathUse
  | RedirectUse
  | RedirectMatchUse
  | ForceHttpsUse
  | RespondUse
  | WhoamiUse;
