// What `import … from "tidegate"` gives.

export { ConfigError, createProxy } from "./create-proxy.ts";
export type { Bound, Proxy, ProxyOptions } from "./create-proxy.ts";
export { defineMiddleware } from "../own/contract.ts";
export type { ProxyConfig } from "./proxy-config.ts";
