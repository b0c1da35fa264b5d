// All dialects: a new one is a file beside this one, a name in `provider-settings.ts`, and a line here.

import type { Dialect } from "../../config/provider-settings.ts";
import { caddyWishes } from "./caddy.ts";
import { hostnameWishes } from "./hostname.ts";
import { nginxProxyWishes } from "./nginx-proxy.ts";
import { tidegateWishes } from "./tidegate.ts";
import { traefikWishes } from "./traefik.ts";
import type { WishReader } from "./wish.ts";

export const readers: Readonly<Record<Dialect, WishReader>> = {
  tidegate: tidegateWishes,
  traefik: traefikWishes,
  "nginx-proxy": nginxProxyWishes,
  caddy: caddyWishes,
  hostname: hostnameWishes,
};
