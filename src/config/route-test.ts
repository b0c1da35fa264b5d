// A test of routes, as the snapshot holds it: a request, and what has to become of it. Stays in the primary.

export interface RouteTest {
  /** As written, or the request. */
  readonly name: string;
  /** Where it was written. */
  readonly at: {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    /** `tests[2]`. */
    readonly path: string;
  };
  readonly request: TestedRequest;
  readonly expect: RouteExpectation;
}

export interface TestedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** null = somebody on the internet. */
  readonly from: string | null;
  /** null = the one for the URL's scheme and port. */
  readonly listener: string | null;
}

/** All that is said has to be so. */
export interface RouteExpectation {
  /** null = no route takes it; undefined = nothing is said. */
  readonly route?: string | null;
  /** That is asked: no middleware answers before it. */
  readonly service?: string;
  /** Answered without asking a service. */
  readonly status?: number;
  readonly location?: string;
  /** Of the request that the backend gets. */
  readonly path?: string;
}
