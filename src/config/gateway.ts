// How backends that speak FastCGI, SCGI or uwsgi are asked. Part of a service in the Snapshot; plain data, every default
// filled in.

/** What is spoken to a backend that does not speak HTTP. */
export type GatewayProtocol = "fastcgi" | "scgi" | "uwsgi";

export interface GatewaySettings {
  /** Folder of the scripts in the terms of the program (a guest's own), without a trailing slash; "" = it has no scripts. */
  readonly root: string;
  /** Appended to paths that end in a slash; "" = nothing is. */
  readonly index: string;
  /** Endings of scripts, lower-case with the dot; what follows one is PATH_INFO. Empty = all of the path is PATH_INFO. */
  readonly extensions: readonly string[];
  /** The one script that answers everything, a path under root; undefined = the path says which. */
  readonly script: string | undefined;
  /** Further params, or others; "" = not passed. With `$variables` as in log formats: no; plain text. */
  readonly params: Readonly<Record<string, string>>;
  /** Passed on as it comes, without CONTENT_LENGTH, when the client does not say how long a body is; otherwise it is gathered first. */
  readonly streamsUnknownLength: boolean;
  /** Several requests at once on one connection, where the program says that it can (FastCGI). */
  readonly multiplex: boolean;
  /** X-Accel-Redirect and X-Sendfile of its answers are obeyed: folder under which files may be, in the terms of whose it is; undefined = not obeyed, and never passed on. */
  readonly sendFiles: string | undefined;
}
