// Every way of balancing by its name in the configuration.

import type { Balance } from "../../config/service.ts";
import { LeastConnections, LeastTime } from "./least.ts";
import type { Policy, Weighed } from "./policy.ts";
import { WeightedRandom } from "./random.ts";
import { Ring } from "./ring.ts";
import { SmoothRotation } from "./rotation.ts";
import { TwoRandom } from "./two-random.ts";

export function policyOf<B extends Weighed>(balance: Balance): Policy<B> {
  switch (balance.policy) {
    case "round-robin":
      return new SmoothRotation();
    case "two-random":
      return new TwoRandom();
    case "least-connections":
      return new LeastConnections();
    case "least-time":
      return new LeastTime();
    case "random":
      return new WeightedRandom();
    case "hash":
      return new Ring(balance.bound);
  }
}
