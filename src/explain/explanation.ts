// What is asked about a request, and what is told of it. Plain data that goes as JSON as it is: null stands for what is not
// there or not known.

export interface Question {
  /** Upper-case. */
  readonly method: string;
  /** With or without its scheme; without it is `http`. */
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** IP address of whoever connects; null = somebody on the internet. */
  readonly from: string | null;
  /** Name of the listener; null = the one for the URL's scheme and port. */
  readonly listener: string | null;
}

export interface Explanation {
  readonly request: AskedRequest;
  /** Why it is refused before anything is looked at; null = it is not. */
  readonly fault: string | null;
  readonly listener: ListenerStep;
  /** null = the request does not come by TLS that ends here. */
  readonly certificate: CertificateStep | null;
  /** null = no route takes it: 404. */
  readonly route: RouteStep | null;
  /** Routes that were possible for its host, the most telling first. */
  readonly candidates: readonly CandidateStep[];
  /** Further ones that were not told. */
  readonly moreCandidates: number;
  readonly middlewares: readonly MiddlewareStep[];
  /** What is answered without asking a service; null = the service is asked, as far as can be told. */
  readonly answer: AnswerStep | null;
  /** What the backend is asked for, without a query; null = nobody is asked. */
  readonly path: string | null;
  /** The one that is asked, and those that it leads to; empty = nobody is asked. */
  readonly services: readonly ServiceStep[];
  /** Sentences about what is likely meant. */
  readonly hints: readonly string[];
}

interface AskedRequest {
  readonly method: string;
  readonly url: string;
  /** As rules see it. */
  readonly host: string;
  /** As rules see it. */
  readonly path: string;
  /** The client's address, as rules see it. */
  readonly client: string;
  /** Why it is that. */
  readonly clientWhy: string;
}

export interface ListenerStep {
  /** null = nobody would accept it. */
  readonly name: string | null;
  readonly bind: readonly string[];
  readonly why: string;
}

export interface CertificateStep {
  /** Empty = there is none for the name, or it is not known here. */
  readonly names: readonly string[];
  /** ISO 8601. */
  readonly until: string | null;
  readonly why: string;
}

export interface RouteStep {
  readonly name: string;
  readonly rule: string;
  /** Where it was written. */
  readonly place: string;
  readonly service: string | null;
  /** Why this one. */
  readonly why: string;
}

export interface CandidateStep {
  readonly name: string;
  readonly rule: string;
  readonly place: string;
  /** `outranked`: it would take the request too. */
  readonly outcome: "wins" | "outranked" | "fails";
  /** The condition that failed; "" = none did. */
  readonly clause: string;
  readonly why: string;
}

export interface MiddlewareStep {
  readonly kind: string;
  /** `listener web`, `route a.example`, `service shop`. */
  readonly owner: string;
  /** As they are written, without secrets; null = a key of the route says all of it. */
  readonly settings: unknown;
  /** What it is for, a sentence. */
  readonly does: string;
  /**
   * `passes` and `answers` were tried with this request; `depends`: on what only the running program knows, and what
   * follows is told as if it let the request pass; `unreached`: one before it answers.
   */
  readonly outcome: "passes" | "answers" | "depends" | "unreached";
  /** What came of it: `/api/users becomes /users`; "" = nothing to tell. */
  readonly effect: string;
}

export interface AnswerStep {
  /** 0 = the connection is closed without an answer. */
  readonly status: number;
  readonly location: string | null;
  /** Who answers: `redirect of route www`, `no route`. */
  readonly by: string;
}

export interface ServiceStep {
  readonly name: string;
  readonly kind: string;
  /** As `tidegate services` says it; null = that is not known. */
  readonly state: string | null;
  /** How whoever is asked is chosen. */
  readonly how: string;
  readonly backends: readonly BackendStep[];
  readonly moreBackends: number;
  /** Services it leads to, each told by itself. */
  readonly parts: readonly PartStep[];
}

export interface BackendStep {
  readonly url: string;
  /** `unknown` without the running program. */
  readonly state: string;
  readonly weight: number;
  readonly tier: number;
  /** It may be the one that is asked. */
  readonly isEligible: boolean;
  /** Why it is or is not. */
  readonly why: string;
}

export interface PartStep {
  readonly name: string;
  readonly isEligible: boolean;
  readonly why: string;
}

/** What is known of services now, asked for those alone that the request leads to. */
export type ServiceStates = Pick<ReadonlyMap<string, ServiceState>, "get">;

export interface ServiceState {
  readonly name: string;
  readonly state: string;
  readonly backends: readonly {
    readonly url: string;
    readonly state: string;
    readonly why: string;
    readonly weight: number;
    readonly tier: number;
  }[];
}
