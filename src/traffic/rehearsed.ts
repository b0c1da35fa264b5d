// What a change of routes would do to requests that were served.

/** Where requests go. */
export interface Way {
  /** "" = no route fits. */
  readonly route: string;
  /** "" = the route has none, or there is no route. */
  readonly service: string;
}

/** Requests that would go elsewhere, all from one place to one other. */
export interface Rerouted {
  readonly from: Way;
  readonly to: Way;
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
