// Settings of `grpcWeb`: there are none yet, and `true` says it all.

import * as z from "zod";
import { mapping, mustBe } from "../scalar.ts";
import { define, places } from "./definition.ts";
import type { GrpcWebUse } from "./uses/grpc-web.ts";

const settings = z.union([z.literal(true).transform((): object => ({})), mapping({})], {
  error: mustBe({ what: "true" }),
});

export const grpcWeb = define({
  kind: "grpcWeb",
  summary: "Translates gRPC-Web, which browsers speak, into gRPC for the backend, and back.",
  settings,
  place: places.rewrite + 10,
  resolve: (): GrpcWebUse => ({ kind: "grpcWeb" }),
});
