// Bounds of what the nodes of a fleet tell each other, each with its reason. Milliseconds, bytes and counts.

/** Of several programs that share what they know over an etcd. Milliseconds, bytes and counts. */
export const fleetLimits = {
  // How long a node that is gone is still listed. Shorter, and one that is busy for some seconds leaves and comes.
  ttl: 10_000,
  // etcd has no shorter leases by default: half as long again as its election takes.
  leastTtl: 3000,
  longestTtl: 600_000,
  // Of one answer: without a leader it says so itself after some seven seconds.
  answerTimeout: 8000,
  // Leaving, which has to wait for etcd when that hangs: the lease runs out anyway.
  leaveTimeout: 1000,
  // A member that does not answer is asked again so soon at first, and so late when it is away for long.
  retry: { first: 250, longest: 5000, forgottenAfter: 10_000 },
  // Everything is read again: what got lost, by whatever mistake, comes back.
  verify: 5 * 60_000,
  // All nodes, marks and orders: a bad day of a large fleet has some thousand marks.
  keys: 20_000,
  bytes: 8 * 1024 * 1024,
  // Of one value of ours. What is longer is none of ours.
  valueBytes: 16 * 1024,
  // Marks that wait for etcd. They run out by themselves, and the oldest are worth least.
  marks: 1000,
  // Marks that end so soon after each other are one.
  sameMark: 1000,
  // That a backend was found dead here counts for so long when nobody asks for it again.
  findingFor: 5 * 60_000,
  // Whoever is contradicted by another node does not tell of that backend for so long: each of the two may be
  // right about its own way there, and nobody is helped when they say it in turns.
  disputedFor: 5 * 60_000,
  // Orders that wait for etcd; operators give them one by one.
  orders: 10_000,
  // That an order was taken back is known for so long: a node that was away for longer may tell the old one again.
  takenBack: 7 * 86_400_000,
  // Nodes that left, which are still shown.
  gone: 50,
  // Of a reason, in characters; people read one line.
  why: 300,
  // Of a fleet; more than that is a mistake with names.
  nodes: 500,
} as const;

/** Of what nodes of a fleet share of their certificates. Milliseconds, bytes and counts. */
export const sharedShelfLimits = {
  // Ten thousand certificates, each with what its authority says of it, and as many accounts and orders as there are.
  keys: 50_000,
  // As many certificates have 50 MB with their keys.
  bytes: 128 * 1024 * 1024,
  // Until the other nodes show what proves a name. Whoever does not answer by then may be gone; the authority comes to whom it finds.
  acknowledged: 10_000,
} as const;
