// Settings of `ipRules`.

import * as z from "zod";
import { type Context, report } from "../context.ts";
import { networkSources, type NetworkSourcesInput } from "../network-sources.ts";
import type { DocumentWish } from "../documents.ts";
import type { Path } from "../problem.ts";
import { key, mapping, mustBe } from "../scalar.ts";
import { addressKeys, listGuards, networksUse, statusUse } from "./address-settings.ts";
import { define, places } from "./definition.ts";
import type { IpRulesUse } from "./uses/address.ts";

const settings = mapping({
  allow: key(networkSources(), "Who may come; without it everybody who is not denied."),
  deny: key(networkSources(), "Who may not come, even if `allow` has them."),
  except: key(networkSources(), "For whom `deny` does not count."),
  ...addressKeys,
  missing: key(
    z.enum(["allow", "deny"], { error: mustBe({ what: "allow or deny" }) }),
    "What is done while a URL of `deny` could never be had.",
    "allow",
  ),
});

const lists = ["allow", "deny", "except"] as const;

export const ipRules = define({
  kind: "ipRules",
  summary: "Lets clients in, or keeps them out, by their address.",
  settings,
  place: places.address,
  guarded: listGuards(lists, ["file", "url"]),
  asks: listGuards(lists, ["url"]),
  resolve(input: z.output<typeof settings>, context: Context, path: Path): IpRulesUse | undefined {
    const { allow, deny, except, of = "client", status, missing = "allow" } = input;
    if (allow === undefined && deny === undefined) {
      const remedy = "write allow or deny with a list of networks";
      report(context, path, { message: "keeps nobody out", remedy });
      return undefined;
    }
    if (except !== undefined && deny === undefined) {
      const message = "is for those whom deny has, and there is no deny";
      report(context, [...path, "except"], { message, remedy: "leave it out", at: "key" });
    }
    const documents: DocumentWish[] = [];
    const resolved = (said: NetworkSourcesInput | undefined, name: string) =>
      said === undefined ? undefined : networksUse(context, said, [...path, name], documents);
    return {
      kind: "ipRules",
      allow: resolved(allow, "allow"),
      deny: resolved(deny, "deny"),
      except: resolved(except, "except"),
      ...{ of, status: statusUse(status), missing, documents },
    };
  },
});
