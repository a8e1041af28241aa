// The agent's strip: what is recorded now, what to read, and the buttons. It says "not connected" rather than anything old.

const STATES = {
  capturing: "Recording",
  paused: "Paused: nothing is stored now",
  stopped: "Stopped: nothing is stored",
  never: "Not recorded",
};
const RETRY_MS = 2000;

const given = new URLSearchParams(location.hash.slice(1));
history.replaceState(null, "", location.pathname);
const key = given.get("token") ?? "";
const interaction = given.get("interaction") ?? "";
const language = given.get("language") ?? navigator.language;
const base = `v1/interactions/${encodeURIComponent(interaction)}`;
const element = (id) => document.getElementById(id);
let script = null;
let busy = false;
let asked = 0;

async function ask(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: { Authorization: `Bearer ${key}`, ...(body ? { "Content-Type": "application/json" } : {}) },
    body: body ? JSON.stringify(body) : undefined,
    cache: "no-store",
    referrerPolicy: "no-referrer",
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.code ?? `status ${answer.status}`);
  return told;
}

function show(view) {
  document.body.dataset.state = view.state;
  element("state").textContent = STATES[view.state] ?? view.state;
  element("why").textContent = view.reason;
  element("directives").replaceChildren(
    ...view.directives.map((each) => Object.assign(document.createElement("li"), { textContent: each.text })),
  );
  script = view.script;
  element("script").hidden = script === null;
  element("script-text").textContent = script === null ? "" : script.text;
  element("script-text").lang = script === null ? "" : script.language;
  element("stop").disabled = !view.may.includes("stop");
  element("resume").disabled = !view.may.includes("resume");
}

function lost(error) {
  document.body.dataset.state = "unknown";
  element("state").textContent = "Not connected";
  element("why").textContent = "";
  element("script").hidden = true;
  element("stop").disabled = element("resume").disabled = true;
  element("problem").textContent = error.message;
}

async function refresh() {
  const mine = ++asked;
  const view = await ask("GET", `${base}/strip?language=${encodeURIComponent(language)}`);
  if (mine !== asked) return;
  show(view);
  element("problem").textContent = "";
}

async function tell(...events) {
  if (busy) return;
  busy = true;
  try {
    await ask("POST", `${base}/events`, { events });
    await refresh();
  } catch (error) {
    element("problem").textContent = `Not done: ${error.message}`;
  } finally {
    busy = false;
  }
}

function answered(result) {
  const version = script.prompt_version;
  return tell(
    { type: "prompt_delivered", prompt_version: version, channel: "agent" },
    { type: "consent", result, method: "agent_script", prompt_version: version },
  );
}

async function follow() {
  const path = `v1/events?events=decision,directive&interaction=${encodeURIComponent(interaction)}`;
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${key}` }, cache: "no-store" });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  await refresh();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the server ended the stream");
    if (value.includes("event:")) await refresh();
  }
}

element("stop").addEventListener("click", () => tell({ type: "opt_out", method: "agent_button", reason_code: "asked" }));
element("resume").addEventListener("click", () => tell({ type: "opt_in", method: "verbal" }));
element("agreed").addEventListener("click", () => answered("accepted"));
element("declined").addEventListener("click", () => answered("declined"));

for (;;) {
  try {
    await follow();
  } catch (error) {
    lost(error);
  }
  await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
}
