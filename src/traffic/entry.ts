// One request and what became of it, as it is told to whoever watches. Plain data: it travels between processes and out
// of the API. Secrets are left out where it is made.

/** What was asked for, by whom, and where it went. */
interface Asked {
  readonly listener: string;
  /** The client's address; behind trusted proxies the one they name. */
  readonly client: string;
  readonly method: string;
  readonly scheme: "http" | "https";
  /** As the access log has it: "HTTP/1.1", "HTTP/2.0"; "" = what came was no request. */
  readonly protocol: string;
  readonly host: string;
  /** As it came, without the values of parameters that let somebody in. */
  readonly target: string;
  /** "" = none fits. */
  readonly route: string;
  readonly service: string;
  readonly backend: string;
  /** Of the bodies, bytes. */
  readonly requestBytes: number;
  readonly bytes: number;
}

export interface TrafficEntry extends Asked {
  /** When it was over, ms since 1970. */
  readonly time: number;
  /** What a middleware calls it; "" = none does. */
  readonly id: string;
  readonly status: number;
  /** Code of the table of failures; "" = nothing failed. */
  readonly failure: string;
  /** From the head of the request to the end of the answer, ms. */
  readonly duration: number;
  /** From the first attempt to the head of its answer, ms; null = none answered. */
  readonly backendTime: number | null;
  readonly attempts: number;
  readonly userAgent: string;
}

/** An exchange that is not over. */
export interface OpenEntry extends Asked {
  /** Of this program, while it is open. */
  readonly id: string;
  /** ms since 1970. */
  readonly since: number;
  readonly isTunnel: boolean;
  /** 0 = the answer has not begun. */
  readonly status: number;
}
