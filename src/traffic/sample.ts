// The head of a request that was served, as far as a rule may look at it: what a change of routes is tried with.

export interface Sample {
  readonly method: string;
  readonly scheme: "http" | "https";
  /** Normalised. */
  readonly host: string;
  /** Normalised, without the query. */
  readonly path: string;
  /** As it came. It stays in the program: what is shown is `shownQuery` of it. */
  readonly query: string;
  /** Names in lower case; values of those that let somebody in are "". */
  readonly fields: readonly (readonly [string, string])[];
  readonly clientIp: string;
  readonly listener: string;
  /** Where it went; "" = nowhere. */
  readonly route: string;
  readonly service: string;
}

/** undefined = it was not made here. */
export function readSample(text: string): Sample | undefined {
  const value: unknown = JSON.parse(text);
  return isSample(value) ? value : undefined;
}

function isSample(value: unknown): value is Sample {
  return typeof value === "object" && value !== null && "path" in value && "fields" in value;
}
