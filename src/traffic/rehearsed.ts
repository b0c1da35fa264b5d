// What a change of routes would do to requests that were served.

/** Where requests go. */
export interface Way {
  /** "" = no route fits. */
  readonly route: string;
  /** "" = the route has none, or there is no route. */
  readonly service: string;
}

/** What requests meet where they go: middlewares of route or service, or the service itself, its backends above all. */
export type Difference = "middlewares" | "service";

/** Requests that would go elsewhere, all from one place to one other, or would meet something else there. */
export interface Rerouted {
  readonly from: Way;
  readonly to: Way;
  /** Where both are the same, what is other than it was, at least one; otherwise empty. */
  readonly differs: readonly Difference[];
  readonly count: number;
  /** The latest of them: `GET https://host/path?query`, without secrets. */
  readonly example: string;
}

export interface Rehearsed {
  /** Requests it was tried with. */
  readonly requests: number;
  /** The most frequent first. */
  readonly changed: readonly Rerouted[];
  /** Of these requests, so many would find no route that find one now. */
  readonly lost: number;
}
