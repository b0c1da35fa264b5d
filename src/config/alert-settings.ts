// Who is told of what, as checked data. Times are milliseconds. Holds secrets: it stays in the primary, and
// no answer or log line of ours shows it.

/** What there are alerts about. */
export const alertTopics = [
  "backend",
  "service",
  "certificate",
  "configuration",
  "worker",
  "errors",
] as const;

export type AlertTopic = (typeof alertTopics)[number];

export interface AlertSettings {
  readonly topics: readonly AlertTopic[];
  readonly channels: readonly AlertChannel[];
  /** What happens within so long goes out together. */
  readonly group: number;
  /** The same thing is told again only after so long, as long as it lasts; 0 = once. */
  readonly repeat: number;
  /** Messages of one channel in an hour; the rest is gathered in one that says how many there were. */
  readonly maxPerHour: number;
  readonly quiet: QuietHours | undefined;
  readonly errors: ErrorAlert;
}

/** Local time of the machine; nothing goes out in between, and one summary does at the end. */
export interface QuietHours {
  /** Minutes since midnight. `from` may be after `to`: over midnight. */
  readonly from: number;
  readonly to: number;
  /** These go out all the same. */
  readonly except: readonly AlertTopic[];
}

/** A service whose share of failed answers is above this. */
export interface ErrorAlert {
  /** 0 to 1. */
  readonly ratio: number;
  readonly window: number;
  readonly minRequests: number;
}

export type AlertChannel =
  | {
      readonly kind: "email";
      readonly name: string;
      readonly host: string;
      readonly port: number;
      /** `starttls` and `tls` are required, not tried; `none` only for a server on this machine or net. */
      readonly security: "starttls" | "tls" | "none";
      readonly ca: string | undefined;
      readonly user: string | undefined;
      readonly password: string | undefined;
      readonly from: string;
      readonly to: readonly string[];
    }
  | {
      readonly kind: "webhook";
      readonly name: string;
      readonly url: string;
      /** Signs the body: `X-Tidegate-Signature: t=<seconds>,v1=<hex HMAC-SHA256 of "t.body">`. */
      readonly secret: string | undefined;
      readonly headers: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: "ntfy";
      readonly name: string;
      /** Of the topic, https://ntfy.sh/TOPIC. */
      readonly url: string;
      readonly token: string | undefined;
    };
