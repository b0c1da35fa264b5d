// Middlewares that send clients elsewhere, as the snapshot holds them.

export interface RedirectHostUse {
  readonly kind: "redirectHost";
  readonly status: number;
  /** To this one, `www.example.com` or `www.example.com:8443`, in lower case; or `www.` is put before it, or taken off. */
  readonly to: string | { readonly www: "add" | "remove" };
  /** Hosts it is about, in lower case, `*.example.com` among them; empty = all. */
  readonly from: readonly string[];
}
