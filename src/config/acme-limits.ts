// What bounds talking to a certificate authority (ACME), each with its reason. Milliseconds, bytes and counts.

export const acmeClientLimits = {
  // Authorities take some seconds for a certificate when they are busy.
  answerTimeout: 30_000,
  // An order of a hundred names has 10 kB, a chain of certificates 10 more.
  answerBytes: 1024 * 1024,
  // Addresses that authorities make up are some hundred characters.
  url: 2048,
  // The addresses of its services: they change once in years.
  directoryAge: 86_400_000,
  // Kept for the questions to come. Old ones are refused, which costs one question each.
  nonces: 10,
  // Authorities have hundreds of doors, of which some do not know yet what another one gave out. A test server
  // that refuses every second one lets one question in a million fail.
  nonceTries: 20,
  // After the third refusal in a row, times their number: an authority that refuses all of them is not stormed.
  noncePause: 20,
  // Names of one certificate. Let's Encrypt takes 100.
  names: 100,
  // Kinds of proof that it offers for one name; there are some five.
  challenges: 20,
  // Further chains of a certificate; Let's Encrypt has had two.
  alternates: 5,
  // Of a token, in characters; 43 in practice. It becomes a path and a file name.
  token: 256,
  // Of what the authority says of a failure: people read two lines.
  detail: 500,
  // Of failures that are listed.
  failures: 20,
  // Asking how far it is: at once, as tests and small authorities are, then ever more rarely.
  poll: { first: 250, longest: 10_000, forgottenAfter: Number.POSITIVE_INFINITY },
  // An authority that looks at a name for longer does not come to an end.
  pollTimeout: 5 * 60_000,
  // Authorizations that are asked for at the same time.
  atOnce: 8,
  // When the authority says to come later, and does not say when.
  rateLimited: 60 * 60_000,
  // Let's Encrypt's longest window is a week; a year would be a mistake that stops everything.
  longestWait: 8 * 86_400_000,
  // Of renewal windows (RFC 9773 section 4.3): at least once a day, and never in a loop.
  renewalInfo: { shortest: 60_000, usual: 6 * 60 * 60_000, longest: 86_400_000 },
} as const;

/** Of keeping certificates that are had by themselves. Milliseconds, bytes and counts. */
export const acmeLimits = {
  // Orders under way: an authority is asked by all the world, and each order holds a snapshot up.
  orders: 5,
  // Of these at most so many for labels and clients, whose names may never be proven: operators' own do not wait for them.
  ordersOfOthers: 3,
  // First certificates for labels: Let's Encrypt grants 300 orders in that time, and some are left for operators.
  firstsOfLabels: { count: 200, within: 3 * 60 * 60_000 },
  // A start with fifty names has them within a minute; whoever has ten thousand waits for an hour.
  wanted: 20_000,
  // After a failure: short, since it may have been the network; then ever longer. Let's Encrypt grants five failed
  // proofs of a name in an hour.
  retry: { first: 60_000, longest: 86_400_000 },
  // Failures in a row after which the next authority is asked.
  failures: 3,
  // A certificate is renewed after this part of its life, less a random part of that, so that what was had together is
  // not renewed together.
  renewAfter: 2 / 3,
  spread: 1 / 30,
  // Clocks of machines that are looked after differ by less, and authorities date back by an hour.
  clockError: 60 * 60_000,
  // Some date back to the beginning of the day. What began longer before it came to us was made by another clock than ours.
  datedBack: 86_400_000,
  // What would have to be renewed so soon after it was made is no good: a clock is wrong, or the authority.
  atOnce: 5000,
  // A renewal so soon after the one before, or after a twelfth of a shorter life, is a loop unless a person wanted it.
  renewedAgain: 86_400_000,
  // A clock that was set, or a machine that slept, is noticed after so long.
  look: 60_000,
  // Files of one kind in its folder, and the longest one: a chain of five has 15 kB.
  files: 50_000,
  fileBytes: 512 * 1024,
  // Read in a row, before others get their turn.
  filesAtOnce: 100,
  // Of an external account's key: some hundred bytes.
  keyFileBytes: 4096,
  // A hook changes the DNS by some company's API.
  hook: 120_000,
  // At the end of the program: what is left is a record that nobody looks at.
  hookAtEnd: 5000,
  // Of what it says when it fails: people read two lines.
  hookOutput: 500,
  // Name servers of a zone copy from each other within so long.
  dnsWait: 120_000,
  // One question to a name server, and the pause before it is asked again.
  dnsTimeout: 5000,
  dnsPause: 2000,
  // Names that only lead to another one, in a row.
  aliases: 8,
  // Name servers of one zone that are asked.
  dnsServers: 8,
  // Authorities forget an order after a week; a container that comes back after a day may as well begin anew.
  orderAge: 86_400_000,
  // Names on demand: one that nobody asked for in so long is not renewed, and that somebody did is noted so often.
  askedAge: 30 * 86_400_000,
  askedKept: 86_400_000,
  // So many at most, of which those nobody asked for for longest go.
  askedNames: 10_000,
  // New ones in a minute, and questions to the operator's program at a time: anybody can ask for any name.
  askedPerMinute: 60,
  askedAtOnce: 20,
  // One that may have none is not asked about again so soon.
  askedAgain: 5 * 60_000,
  // The operator's program looks into a database. Only its status counts.
  ask: 10_000,
  askBytes: 64 * 1024,
  // The whole of one order; the longest part is the authority's look at the proofs, and the DNS.
  order: 15 * 60_000,
} as const;

/** Of changing the DNS by the protocol or by an API. Milliseconds, bytes and counts. */
export const dnsChangeLimits = {
  // A service that is restarted is back within seconds; what goes on for longer is the next order's matter.
  tries: 3,
  // Before the second one, and twice as long before each further one; or what the service says, within reason.
  pause: 1000,
  longestPause: 30_000,
  // One question. Big services answer within a second, and take ten at bad times.
  timeout: 10_000,
  // All the tries, with their questions: as long as a hook may take.
  total: acmeLimits.hook,
  // An old PowerDNS answers with its whole zone: a hundred thousand records.
  answerBytes: 32 * 1024 * 1024,
  // Names above a name that are looked for as a zone, the longest first: each is a question.
  zones: 12,
  // Records of one name, of which two are ours: as many as all services give at once.
  texts: 100,
  // Seconds that others may remember a record: the least that all services take.
  ttl: 60,
  // A service that does it later is asked whether it did.
  poll: 500,
  // Of a token or a key.
  secretBytes: 4096,
  // Seconds that clocks may differ by (RFC 8945 section 10 recommends it).
  fudge: 300,
  // Parts of a message, of which ours have four.
  records: 200,
} as const;
