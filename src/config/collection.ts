// What operators keep outside the file, in the store, in Redis, in etcd: routes, services and certificates as
// plain data, all of one place. It counts as if it stood in the file; where two say the same, the earlier in trust is served.

import type { CertificateItem } from "./certificate-item.ts";
import type { Overlay } from "./overlay.ts";
import type { Service } from "./service.ts";
import type { Route, StreamRoute } from "./snapshot.ts";

export interface Collection {
  /** Name of the provider; names of its routes and services end in `@` and this. */
  readonly provider: string;
  /** Hosts that its routes and certificates may be for, names and `*.name`; undefined = any. */
  readonly hosts: readonly string[] | undefined;
  readonly routes: readonly Route[];
  readonly streamRoutes: readonly StreamRoute[];
  readonly services: readonly Service[];
  readonly overlays: readonly Overlay[];
  readonly certificates: readonly CertificateItem[];
}
