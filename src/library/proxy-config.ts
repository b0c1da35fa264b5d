// The configuration as a program writes it: the mapping of tidegate.yaml, with the types of its schema.

import type * as z from "zod";
import type { config } from "../config/schema.ts";

/** See docs/reference/config.md. Without `listeners` no address is opened. */
export type ProxyConfig = z.input<typeof config>;
