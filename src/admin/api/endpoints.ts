// Everything that can be asked of the API, in the order in which it is documented.

import { actionEndpoints } from "./actions.ts";
import type { Endpoint } from "./endpoint.ts";
import { historyEndpoints } from "./history.ts";
import { itemEndpoints } from "./items.ts";
import { sessionEndpoints } from "./sessions.ts";
import { stateEndpoints } from "./state.ts";
import { tokenEndpoints } from "./tokens.ts";
import { transactionEndpoints } from "./transactions.ts";
import { userEndpoints } from "./users.ts";

export const endpoints: readonly Endpoint[] = [
  ...itemEndpoints,
  ...transactionEndpoints,
  ...historyEndpoints,
  ...stateEndpoints,
  ...actionEndpoints,
  ...sessionEndpoints,
  ...tokenEndpoints,
  ...userEndpoints,
];
