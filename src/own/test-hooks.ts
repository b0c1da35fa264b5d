// Loaded before tests of middlewares of somebody's own: they find what they import from us, whether or not the package is
// installed beside them.

import { hookOwn } from "./module.ts";

hookOwn();
