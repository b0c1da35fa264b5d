// What `import … from "tidegate/middleware"` gives: for files that hold a middleware.

export { z } from "zod";
export { defineMiddleware } from "../own/contract.ts";
export type {
  Answer,
  Api,
  Definition,
  Headers,
  Hooks,
  Outcome,
  Request,
  Response,
} from "../own/contract.ts";
