// Asks the server. What is wrong comes back as words.
const byId = (id) => document.getElementById(id);
const KEPT = "biogpt-token"; // in this tab
const WORDS = {
  401: "The token is not valid: check it.",
  408: "The text took too long to arrive: try again, or send less.",
  413: "The text is too long for the server: send less.",
  421: "The server does not answer to this name: open it as localhost.",
  429: "The server is busy: try again in a moment.",
  503: "The server is stopping: try again when it is back.",
};

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

// What a person is told.
class Trouble extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

// Private windows may keep nothing.
function kept(change) {
  try {
    return change(sessionStorage);
  } catch {
    return null;
  }
}

let token = kept((store) => store.getItem(KEPT)) ?? "";

function useToken(given) {
  if (!/^[\x21-\x7e]*$/.test(given)) throw new Trouble("A token has only letters, digits and signs of ASCII, and no spaces.");
  token = given;
  kept((store) => (given ? store.setItem(KEPT, given) : store.removeItem(KEPT)));
}

async function call(path, body, signal) {
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...(body && { "Content-Type": "application/json" }) };
  const asked = { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal, credentials: "omit", redirect: "error" };
  const response = await arrives(fetch(path, asked), signal, "The server cannot be reached. It may have stopped: try again when it is back.");
  if (!response.ok) throw await refusal(response);
  return response;
}

async function json(path, body, signal) {
  const response = await call(path, body, signal);
  return arrives(response.json(), signal, "The answer broke off: try again.");
}

// Whatever breaks, but what was stopped, has this message.
async function arrives(promise, signal, message) {
  try {
    return await promise;
  } catch (error) {
    throw signal?.aborted ? error : new Trouble(message);
  }
}

async function refusal(response) {
  const body = await response.json().catch(() => null); // a proxy's answer may be a page
  const words = response.status === 401 ? null : body?.error?.message; // those are for programs
  const said = words ?? WORDS[response.status] ?? `The server answered with the error ${response.status}.`;
  return new Trouble(sentence(said), response.status);
}

// The values of a stream of lines of JSON.
async function* linesOf(response, signal) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let open = "";
  for (;;) {
    const { value, done } = await arrives(reader.read(), signal, "The answer broke off: try again.");
    if (done) return;
    const lines = (open + value).split("\n");
    open = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}
