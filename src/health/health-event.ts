// What somebody should perhaps be told of: backends and services that go and come back.

/** Times are milliseconds since 1970. `since` is when the trouble began, also when it is over. */
export type HealthEvent =
  /** `down` and `up` are found by checks, or it left the configuration; `dead` and `alive` by traffic. */
  | {
      readonly kind: "backend";
      readonly change: "down" | "up" | "dead" | "alive";
      readonly service: string;
      readonly backend: string;
      readonly why: string;
      readonly at: number;
      readonly since: number;
    }
  /** No backend is left that would be used, and one is again. */
  | {
      readonly kind: "service";
      readonly change: "down" | "up";
      readonly service: string;
      readonly why: string;
      readonly at: number;
      readonly since: number;
    };
