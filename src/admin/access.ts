// Whether anybody can log in: users are kept in the store, and there may be none.

import type { Accounts } from "./accounts.ts";
import type { AccountsEntry } from "./accounts-entry.ts";

export type Access =
  | { readonly kind: "open"; readonly accounts: Accounts; readonly entry: AccountsEntry }
  /** Why; a sentence. */
  | { readonly kind: "closed"; readonly why: string };
