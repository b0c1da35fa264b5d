// Everything that can be asked of the API, in the order in which it is documented.

import { actionEndpoints } from "./actions.ts";
import type { Endpoint } from "./endpoint.ts";
import { exchangeEndpoints } from "./exchanges.ts";
import { explainEndpoints } from "./explain.ts";
import { historyEndpoints } from "./history.ts";
import { itemEndpoints } from "./items.ts";
import { recordEndpoints } from "./records.ts";
import { rehearsalEndpoints } from "./rehearsal.ts";
import { measureEndpoints } from "./measures.ts";
import { nodeEndpoints } from "./nodes.ts";
import { sessionEndpoints } from "./sessions.ts";
import { stateEndpoints } from "./state.ts";
import { tokenEndpoints } from "./tokens.ts";
import { trafficEndpoints } from "./traffic.ts";
import { transactionEndpoints } from "./transactions.ts";
import { userEndpoints } from "./users.ts";

export const endpoints: readonly Endpoint[] = [
  ...itemEndpoints,
  ...transactionEndpoints,
  ...rehearsalEndpoints,
  ...historyEndpoints,
  ...stateEndpoints,
  ...nodeEndpoints,
  ...explainEndpoints,
  ...measureEndpoints,
  ...trafficEndpoints,
  ...exchangeEndpoints,
  ...recordEndpoints,
  ...actionEndpoints,
  ...sessionEndpoints,
  ...tokenEndpoints,
  ...userEndpoints,
];
