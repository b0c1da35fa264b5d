// Limits of what is asked outside the file, and of what is said there, with their reasons. What they are for
// stands in each comment; all can be found by the name of the platform.

import { defaultSessions } from "./limits.ts";

/** Of discovery. Milliseconds, bytes and counts. */
export const discovery = {
  // Five hundred containers that start at once are a few listings, and a new one is routed without delay.
  quiet: 100,
  // Changes one by one are served at once: so far apart, since workers take some milliseconds to go over …
  gap: 20,
  // … and so many at once, with so many more each second, as people and deployments make them.
  prompt: 50,
  promptPerSecond: 25,
  // Those of a flood come together, after so long for each route: ten thousand keep each process busy for some 20 ms, and every 2 s that is no trouble.
  restPerRoute: 0.2,
  restMost: 5000,
  // Events get lost, by a daemon or on the way; a listing costs it some milliseconds.
  relist: 30_000,
  // A daemon that answers at all does so in milliseconds; one that is starved may need longer.
  answerTimeout: 10_000,
  // Ten thousand containers, with room: whoever sends more is not a daemon.
  answerBytes: 64 * 1024 * 1024,
  // People have hundreds; what is beyond it is named and left alone.
  workloads: 10_000,
  // One container asks for a handful; more is a mistake or malice.
  routesPerWorkload: 100,
  // The first snapshot waits so long for what is found: a restart should not forget routes for a moment.
  firstWord: 2000,
  // A daemon that is started again is back in a second or two, and asking costs one connection.
  restart: { first: 250, longest: 2000, forgottenAfter: 60_000 },
  // What was said is written to disk after the change is served, and seldom: of ten thousand routes that takes a tenth of a second.
  keepAfter: 1000,
  keepEvery: 60_000,
};

/** Of what labels say. Counts and characters. */
export const labelBounds = {
  // The deepest setting there is has three levels; flow YAML could have thousands.
  depth: 8,
  // A long Traefik rule has some hundred.
  text: 16 * 1024,
  // Of one route or service, keys and items of lists together.
  values: 500,
} as const;

/** Looking which daemons there are, at a start without a configuration file. Milliseconds. */
export const daemonSearch = {
  // A daemon of this machine accepts in less than one. Nobody should wait for a start because of those that
  // are not there, and a remote one that takes longer can be configured.
  probeTimeout: 80,
};

/** Of guests that run and have no address yet. Milliseconds. */
export const addressWait = {
  // DHCP answers a container within 100 ms or so of its start.
  first: 100,
  // A virtual machine boots for half a minute; a second more does not matter then.
  longest: 1000,
  // Whoever has no address by then waits for a cable, not for DHCP: the regular listing finds it.
  givenUpAfter: 60_000,
} as const;

/** Of events that platforms tell. Bytes and milliseconds. */
export const platformEvents = {
  // An event names one guest and what became of it: some hundred bytes.
  eventBytes: 1024 * 1024,
  // A platform tells nothing for hours; whoever does not answer a ping for so long hangs.
  pingEvery: 15_000,
} as const;

/** Of Incus and LXD. Milliseconds. */
export const instancePower = {
  // Applications write their files in a few seconds; a database may need longer.
  stopTimeout: 30_000,
  // An answer that the instance was stopped or started comes a moment after that.
  answerTimeout: 40_000,
} as const;

/** Of libvirt. Bytes, counts and milliseconds. */
export const virsh = {
  // A description of a large virtual machine has some 20 kB.
  domainBytes: 1024 * 1024,
  // A connection to the daemon is most of a call's cost, so many are asked for at once; more would not fit
  // into what a program may be called with.
  batch: 100,
  // A guest is told to shut down, and does so in its own time; a start needs its disks.
  powerTimeout: 30_000,
  // The agent inside a guest answers at once, or its owner made it hang.
  agentTimeout: 2000,
  // Guests that do not answer cost two seconds of a listing together, and that not too often.
  agentPause: 60_000,
  agentsAtOnce: 8,
} as const;

/** Of Docker and Podman, beyond what holds for all of discovery. */
export const dockerDiscovery = {
  // Details are asked for one container at a time. More at once only wait for one another in the daemon.
  inspects: 8,
  // One container can be stuck, and its details with it; the others must not wait long for it.
  inspectTimeout: 3000,
  // Of one container. Labels and environment make up most of it: some kilobytes.
  inspectBytes: 8 * 1024 * 1024,
  // Answers take some milliseconds. Whoever takes longer than this is stuck, and the others are not kept waiting.
  patience: 300,
  // Beyond so many that are slow it is the daemon that hangs.
  slowInspects: 8,
  // An event repeats all labels of its container.
  eventBytes: 1024 * 1024,
  // Podman writes down a container's health some milliseconds after the event, on a slow machine later.
  echo: 500,
  // Ranges of ports are published by mistake, and nobody routes to a thousand ports of one container.
  ports: 1000,
  // Longer than nearly every grace period. Who has not ended by then ignores the signal and serves on.
  stoppingFor: 5 * 60_000,
  // `docker stop` answers when the container has ended, or its grace period is over.
  stopTimeout: 5 * 60_000,
} as const;

/** Of one container or VM. Counts and characters. */
export const wishBounds = {
  // Compose files with dozens of labels exist, and tools add their own; a thousand is a mistake.
  labels: 500,
  // The longest that mean something name a middleware, a router and a key.
  labelName: 512,
  // Whoever has more faults than this reads the first ones, and comes back for the rest.
  notes: 50,
} as const;

/** Of a container's configuration in LXC. Bytes and counts. */
export const lxcConfig = {
  // They have about 2 kB; the templates that they include, 3 kB.
  bytes: 256 * 1024,
  // A distribution's template includes the common one, which includes a folder: three.
  depth: 8,
  files: 50,
  // A container has one or two interfaces, a router a handful, with an address or two each.
  nics: 50,
  addresses: 50,
  // More of them help nobody.
  notes: 20,
} as const;

/** Of following LXC. Milliseconds and counts. */
export const lxcDiscovery = {
  // Several programs write a file in steps. Until so long after the last one the former reading counts …
  settle: 200,
  // … but not for ever: a file that something writes all the time is read all the same.
  settleAtMost: 2000,
  // A reboot is a stop and a start some 150 ms later. Nothing is torn down for it.
  reboot: 400,
  // DHCP takes up to four seconds. Until then it is about to have an address; then there is something wrong.
  addressWithin: 30_000,
  // lxc-info answers in 10 ms.
  infoTimeout: 3000,
  // Whoever cannot be asked so quickly is told of later, and keeps nobody waiting.
  infoPatience: 250,
  // A program that did not answer may do so later; another try costs a process.
  infoAgain: 30_000,
  // A program may leave a daemon behind that holds its output open; what it wrote is there by then.
  lastOutput: 100,
  // What a network has is read again after so long when nothing was heard of the container.
  seenFor: 2000,
  // A state that cannot last is looked up again.
  passing: 1000,
  // Of a folder: every container of ten thousand, and as many things beside them. A listing costs 30 ms then.
  entries: 20_000,
  // Programs of LXC at once: each is mostly work of the processor.
  programs: 4,
  // A container starts within a second, and has to be told to stop, and then ends by itself or is killed.
  startTimeout: 30_000,
  stopWait: 10_000,
  stopTimeout: 25_000,
  // Who runs is looked up so often while lxc-monitor does not tell; it costs some 100 µs.
  poll: 1000,
  // Looked at for a container's first process where LXC does not answer us: as many as a machine has by default.
  processes: 32_768,
  // lxc-monitor says nothing when it has begun to listen; it does so within some 100 ms.
  monitorBegins: 3000,
  // A monitor that ends at once will do so again.
  monitorRestart: { first: 500, longest: 60_000, forgottenAfter: 10_000 },
} as const;

/** Of labels of Traefik. */
export const traefikBounds = {
  // A router names a handful; chains of chains could make any number of them.
  middlewares: 50,
} as const;

/** Of places outside the file where operators keep routes. Counts, bytes and levels. */
export const sources = {
  // Ten times what a large host has. Each costs every worker memory.
  items: 100_000,
  // A service with a thousand backends.
  itemBytes: 256 * 1024,
  // The deepest setting there is has five.
  depth: 12,
  // Of one item. Whoever has more faults reads the first ones, and comes back for the rest.
  notes: 20,
  // Of one note, in characters: it repeats what was written, which may be long.
  note: 500,
  // Items with something to tell of; a program that writes rubbish writes it thousands of times.
  findings: 1000,
} as const;

/** What labels may say of a service at most: each is memory, sockets or work of a process that all share. */
export const labelService = {
  // Held for every request that is being carried: sixteen times the usual.
  replayBody: 1024 * 1024,
  // In each worker, see `defaultSessions`; the usual number is as much as one container may have.
  sessions: defaultSessions.sessions,
  // Open connections that nobody uses. Eight times the usual, and a fortieth of what the program has files for.
  maxIdle: 1024,
  // Of `check.interval` and `fastInterval`, least, in milliseconds. A container may have a hundred services.
  checkInterval: 1000,
} as const;

/** Of etcd as a place of routes. Milliseconds, bytes and counts. */
export const etcdSource = {
  // A member answers in milliseconds; without a leader it says so itself after some seven seconds.
  answerTimeout: 10_000,
  // Of one page of keys. What is larger is asked for in smaller pages.
  answerBytes: 16 * 1024 * 1024,
  page: 1000,
  // Of one message of changes: etcd cuts them at 1.5 MiB, and base64 makes a third more of it.
  messageBytes: 8 * 1024 * 1024,
  // Under the prefix: every item, and each of ten thousand services has ten backends.
  keys: 200_000,
  // For one service, and the characters of all their URLs: it stays shorter than an item may be.
  registered: 1000,
  registeredText: 100 * 1024,
  // Of keys and values together; a large host has some 20 MiB.
  bytes: 256 * 1024 * 1024,
  // Whoever has not changed anything says nothing: a question shows whether the member still lives.
  heartbeat: 5000,
  heartbeatTimeout: 5000,
  // So often it is compared whether there were changes that the watch might have told of.
  beatsPerCheck: 3,
  // Everything is read again: what got lost, by whatever mistake, comes back.
  verify: 5 * 60_000,
  // A session that lasted so long was a good one: what comes after it is a new trouble.
  steadyAfter: 10_000,
  // History can be taken away between listing and watching; again and again it is not that.
  compactions: 5,
  // Of keys that mean nothing here. The first ones say what kind of mistake it is.
  notes: 20,
} as const;

/** Of documents fetched over HTTP. Milliseconds, bytes and counts. */
export const httpSource = {
  every: 30_000,
  // More often is asking for a push; that is what etcd and Redis are for.
  leastEvery: 1000,
  // A document of some MiB from another continent.
  timeout: 20_000,
  // Of JSON. 10,000 routes make about 2 MiB.
  jsonBytes: 32 * 1024 * 1024,
  // Reading YAML takes half a second for each MiB, and the program does nothing else meanwhile.
  yamlBytes: 4 * 1024 * 1024,
  // Of an ETag or a date, in characters. A hash has some 70, and servers take fields of a few kilobytes.
  validator: 300,
  // Of one server: a trailing slash, a moved document.
  redirects: 3,
  // Of keys that mean nothing here.
  notes: 20,
} as const;

/** What Hipache does unless it is told otherwise, as its users know it. Milliseconds and counts. */
export const hipacheUsual = {
  deadTtl: 30_000,
  retries: 3,
} as const;

/** Of Redis. Milliseconds, counts and characters. */
export const redisLimits = {
  // It answers in less than one; a machine that swaps, or a large command of somebody else, may take longer.
  connectTimeout: 5000,
  answerTimeout: 5000,
  // A Redis that hangs is found out within this and a time limit; routes go on meanwhile.
  pingEvery: 5000,
  // Where it does not tell of changes it is asked whether there were any; a question costs it some 50 µs.
  pollEvery: 1000,
  // Of the time that listing takes when it has to be done over and over: a large one must not keep it busy.
  restAfterPolled: 10,
  // Between readings, so that a burst is a few: as many times as long as the last one took, at least and at most so long.
  restShare: 10,
  rest: 10,
  restMost: 300,
  // Of keys and values together. A large host has some 20 MiB; Redis itself may have more than we have memory.
  bytes: 256 * 1024 * 1024,
  // Of one key, in characters: the longest host name has 253, and there may be a prefix.
  keyLength: 1024,
  // Keys looked at by one SCAN: some 0.3 ms during which nobody else is answered.
  scanCount: 1000,
  // Questions on their way at once.
  readsAtOnce: 500,
  // Changed keys that are read one by one; beyond it everything is listed.
  hints: 10_000,
  // Masters of one cluster.
  nodes: 1000,
  // Of what it says in an error.
  faultText: 200,
  // Keys that are named because they look like ours and are not.
  strangers: 20,
} as const;

/** Of Hipache's lists and sets. Milliseconds and counts. */
export const hipacheLimits = {
  // Of one list. A service with a thousand of them is the largest that is known.
  backends: 1000,
  // `hchecker` says so often that it is there; Hipache believes it for as long.
  checkerFresh: 30_000,
  // A mark that says no end is taken for so long, and anew when half of it is over.
  endless: 86_400_000,
  // Remaining times are read in whole milliseconds on their way: less than this is no change.
  sameUntil: 1000,
  // Marks that wait for a slow Redis. They are worth nothing when they are old.
  untold: 1000,
  // Of one list; whoever has more faults than this reads the first ones.
  notes: 20,
  // Of an identifier, which each worker keeps and each line of the log shows. The longest host name, in characters.
  site: 253,
} as const;
