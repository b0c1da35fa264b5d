// Where the console begins.

import { render } from "preact";
import { beginSession } from "./api/session.ts";
import { App } from "./app.tsx";
import { beginTheme } from "./theme.ts";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/kit.css";
import "./styles/shell.css";
import "./styles/pages.css";

beginTheme();
void beginSession();
const root = document.getElementById("app");
if (root !== null) render(<App />, root);
