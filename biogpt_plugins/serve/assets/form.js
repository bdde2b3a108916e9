// The form: what is asked, how it goes on, and what went wrong.
const HOWS = {
  usual: () => ({}),
  grounded: () => ({ decoding: "grounded" }),
  rank: () => ({ method: "rank", least: Number(byId("least").value) }),
  decoded: () => ({ method: "rank", entities: "decoded", least: Number(byId("least").value) }),
};
let tasks = [];
let running = null; // what stops the work in progress
let read = null; // the text and the format that the results are of

const say = (text) => (byId("said").textContent = text);

// Does one thing at a time; a new one stops the one before.
async function run(work, back) {
  running?.abort();
  const control = (running = new AbortController());
  byId("problem").textContent = "";
  byId("stop").hidden = false;
  let said = "";
  try {
    said = await work(control.signal);
  } catch (error) {
    said = control.signal.aborted ? "Stopped." : "";
    if (!control.signal.aborted) tell(error);
  }
  if (running !== control) return;
  running = null;
  say(said);
  if (document.activeElement === byId("stop")) back.focus();
  byId("stop").hidden = true;
}

function tell(error) {
  if (!(error instanceof Trouble)) console.error(error);
  const asksFirst = error.status === 401 && !token;
  byId("problem").textContent = asksFirst ? "" : error instanceof Trouble ? error.message : `This page has a fault: ${error.message}`;
  byId("problem").scrollIntoView({ block: "nearest" });
  if (error.status !== 401) return;
  byId("access").hidden = false;
  byId("token").focus();
}

// The papers of the text, which the server reads once.
async function papers(signal) {
  const asked = { text: byId("text").value, format: byId("format").value };
  if (!asked.text.trim()) {
    byId("text").focus();
    throw new Trouble("There is no text: paste one, or take the example.");
  }
  if (read !== JSON.stringify(asked)) {
    say("Reading the text …");
    const found = await json("v1/papers", asked, signal);
    showPapers(found.papers, found.faults);
    read = JSON.stringify(asked);
  }
  return entries;
}

const relations = () => entries.reduce((sum, { paper }) => sum + (paper.found[0]?.relations?.length ?? 0), 0);

async function find(signal) {
  const wanted = { task: byId("task").value, ...(byId("how").disabled ? {} : HOWS[byId("how").value]()) };
  const all = await papers(signal);
  byId("results").scrollIntoView({ block: "nearest" });
  const where = (place) => (all.length > 1 ? `paper ${place + 1} of ${all.length}` : "the paper");
  for (const [place, entry] of all.entries()) {
    const told = () => say(`Reading ${where(place)}: ${plural(relations(), "relation")} so far`);
    say(`Reading ${where(place)} …`);
    await watch(entry, wanted, signal, told);
  }
  const failed = all.filter(({ paper }) => paper.found[0]?.error).length;
  const labels = all.flatMap(({ paper }) => paper.found[0]?.labels ?? []);
  const found = taskNamed(wanted.task)?.kind === "labels" ? plural(labels.length, "hallmark") : plural(relations(), "relation");
  return `Done: ${found} in ${plural(all.length, "paper")}${failed ? `; ${counted(failed)} could not be read` : ""}.`;
}

async function ask(signal) {
  const question = filled("question", "There is no question: write one.");
  const all = await papers(signal);
  say("Asking …");
  const questions = all.map(({ record: { id, title, abstract } }) => ({ id, question, context: [title, abstract].filter(Boolean).join(" ") }));
  const found = await json("v1/answer", { questions }, signal);
  found.predictions.forEach((one, place) => addAnswer(all[place], question, one, found.warnings));
  byId("results").scrollIntoView({ block: "nearest" });
  const labels = found.predictions.map(({ result }) => result?.label ?? "no answer");
  return `Answered: ${labels.join(", ")}.`;
}

async function describe(signal) {
  const term = filled("term", "There is no term: write one.");
  say("Describing …");
  const found = await json("v1/describe", { terms: [term] }, signal);
  addDescription(term, found.predictions[0], found.warnings);
  return `Described: ${term}.`;
}

function filled(id, trouble) {
  const text = byId(id).value.trim();
  if (text) return text;
  byId(id).focus();
  throw new Trouble(trouble);
}

const taskNamed = (name) => tasks.find((one) => one.name === name);

async function begin(signal) {
  const served = await json("v1/tasks", null, signal);
  tasks = served.data;
  byId("access").hidden = true;
  byId("asking").hidden = false;
  byId("note").hidden = !served.note;
  byId("note").textContent = served.note ? sentence(served.note) : "";
  byId("summary").textContent = `Relations and answers from biomedical papers, by the model ${served.model} on this server.`;
  const found = tasks.filter(({ kind }) => kind === "relations" || kind === "labels");
  const option = ({ name }) => make("option", null, name);
  const group = (label, some) => some.length > 0 && make("optgroup", { label }, some.map(option));
  const groups = [group("The model was trained for", found.filter((one) => one.trained)), group("Not trained for", found.filter((one) => !one.trained))];
  byId("task").replaceChildren(...groups.filter(Boolean));
  byId("find").hidden = !found.length;
  byId("answer").hidden = !tasks.some(({ kind }) => kind === "answer");
  byId("describe").hidden = !tasks.some(({ name, warnings }) => name === "describe" && !warnings.length);
  byId("task").dispatchEvent(new Event("change"));
  return "";
}

function taskChosen() {
  const task = taskNamed(byId("task").value);
  const warnings = (task?.warnings ?? []).map((one) => make("span", { class: "untrained" }, ` ${sentence(one)}`));
  byId("task-help").replaceChildren(task ? sentence(task.summary) : "", ...warnings);
  byId("how").disabled = task?.kind === "labels";
  howChosen();
}

function howChosen() {
  const ranks = ["rank", "decoded"].includes(byId("how").value) && !byId("how").disabled;
  byId("least-label").hidden = !ranks;
  byId("least").disabled = !ranks;
}

for (const [id, work] of Object.entries({ find, answer: ask, describe }))
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    run(work, event.submitter ?? byId(id).querySelector("button"));
  });
byId("access").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = byId("token").value.trim();
  byId("token").value = "";
  run((signal) => {
    useToken(given);
    return begin(signal);
  }, byId("text"));
});
byId("task").addEventListener("change", taskChosen);
byId("how").addEventListener("change", howChosen);
byId("stop").addEventListener("click", () => running?.abort());
byId("clear").addEventListener("click", () => {
  byId("text").value = "";
  byId("text").focus();
});
byId("example").addEventListener("click", () => {
  for (const name of ["text", "question", "term"]) byId(name).value = EXAMPLE[name];
  byId("format").value = "auto";
  byId("text").focus();
  byId("text").setSelectionRange(0, 0);
  byId("text").scrollTop = 0;
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape") running?.abort();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target === byId("text")) byId("find").requestSubmit();
});
run(begin, byId("text"));
