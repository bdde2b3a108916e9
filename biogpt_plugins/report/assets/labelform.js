// The form that mends a relation or adds one. Its ends are typed, or selected in the text.
let writing = null; // what the form writes: { paper, row }, row null for a new relation

const isWritten = (row) => writing?.row && (writing.row === row || (row.given && writing.row.given === row.given));

function relationForm({ paper, row }, shown) {
  const given = row && statedBy(row);
  const taken = { head: given?.head, tail: given?.tail };
  let active = "head";
  const field = (name) =>
    make("input", { value: given?.[name].text ?? "", list: "label-mentions", autocomplete: "off", spellcheck: "false", required: true, focus: () => (active = name) });
  const fields = { head: field("head"), tail: field("tail") };
  const type = typeField(given?.type);
  const fault = make("p", { class: "failure", role: "alert" });
  // The end in a field: what was taken from the text, or the first mention of what was typed.
  const end = (name) => {
    const { value } = fields[name];
    const known = endIn(paper, value, LABEL[name]);
    return taken[name]?.text === value ? { ...taken[name], type: LABEL[name], id: known.id } : known;
  };
  const keep = (event) => {
    event.preventDefault();
    const relation = { head: end("head"), type: type.value.trim(), tail: end("tail") };
    fault.textContent = faultOf(relation, row, paper, fields) ?? "";
    if (fault.textContent) return;
    keepRelation(relation, row, paper);
    closeForm();
  };
  const take = ({ target }) => {
    const found = selected(paper, shown.element, target);
    fault.textContent = found?.fault ?? "";
    if (!found || found.fault) return;
    taken[active] = found;
    fields[active].value = found.text;
    getSelection().removeAllRanges();
    (active === "head" && !fields.tail.value ? fields.tail : type).focus({ preventScroll: true });
  };
  fill(shown.element, { mouseup: take }, []);
  shown.element.classList.add("taking");
  const options = (id, names) => make("datalist", { id }, [...new Set(names)].map((value) => make("option", { value })));
  const mentions = [...paper.entities, ...paper.annotated].filter((one) => one.start !== undefined).map((one) => one.text);
  return make(
    "form",
    { class: "label-form", submit: keep, keydown: ({ key }) => key === "Escape" && closeForm(), "aria-label": row ? "Edit the relation" : "Add a relation" },
    make("p", { class: "quiet" }, "Type a name, or select it in the text: it goes to the field that you were in."),
    make("label", null, `Head (${LABEL.head})`, fields.head),
    make("label", null, "Relation", type),
    make("label", null, `Tail (${LABEL.tail})`, fields.tail),
    options("label-mentions", mentions),
    options("label-types", [...LABEL.types, ...ROWS.map((one) => one.relation.type)]),
    fault,
    make("div", { class: "verdict" }, make("button", { type: "submit" }, "Keep"), button("Cancel", closeForm)),
  );
}

// A choice of the task's types; free text if the task has others too.
function typeField(given) {
  if (!LABEL.closed) return make("input", { value: given ?? "", list: "label-types", required: true, "aria-label": "Relation" });
  const choose = given && !LABEL.types.includes(given) && make("option", { value: "" }, "choose");
  return make("select", { "aria-label": "Relation" }, choose, LABEL.types.map((one) => make("option", { selected: one === given }, one)));
}

function faultOf({ head, type, tail }, row, paper, fields) {
  const missing = [head ? null : fields.head.value, tail ? null : fields.tail.value].filter((one) => one !== null);
  if (missing.length) return `The text does not contain “${missing.join("” or “")}”: select a piece of it.`;
  if (!type) return "Name the relation.";
  if (head.text.toLowerCase() === tail.text.toLowerCase()) return "Head and tail are the same: choose two names.";
  const asked = ASKED.get(paper.id).filter((one) => one !== (row?.base ?? row)).map(statedBy);
  const others = [...asked, ...labelsOf(paper).added.filter((one) => one !== row?.given)];
  const same = others.some((one) => keyOf(one) === keyOf({ head, type, tail }));
  return same ? "The paper has this relation already: accept it there." : null;
}

function keepRelation(relation, row, paper) {
  const { added } = labelsOf(paper);
  const shown = row?.given ? row.base : row;
  if (shown) setVerdict(shown, keyOf(relation) === keyOf(statedBy(shown)) ? "accept" : relation);
  else setLabels(paper, { added: row ? added.map((one) => (one === row.given ? relation : one)) : [...added, relation] });
}

// The piece of a paper's text that is selected, or the mention that was clicked; null if neither.
function selected(paper, passage, target) {
  const selection = getSelection();
  const mention = selection.isCollapsed ? target.closest("mark, .again") : null;
  if (selection.isCollapsed && !mention) return null;
  const range = mention ? document.createRange() : selection.getRangeAt(0);
  if (mention) range.selectNodeContents(mention);
  const holders = [...passage.querySelectorAll("h3, p")];
  const place = holders.findIndex((one) => one.contains(range.startContainer));
  if (place < 0) return null;
  const whole = document.createRange();
  whole.selectNodeContents(holders[place]);
  const before = whole.cloneRange();
  before.setEnd(range.startContainer, range.startOffset);
  const piece = range.cloneRange();
  if (!holders[place].contains(range.endContainer)) {
    // A triple click selects up to the beginning of the next paragraph.
    const rest = range.cloneRange();
    rest.setStart(whole.endContainer, whole.endOffset);
    if (rest.toString().trim()) return { fault: "Select within one paragraph." };
    piece.setEnd(whole.endContainer, whole.endOffset);
  }
  const said = piece.toString();
  const from = before.toString().length + said.length - said.trimStart().length;
  return said.trim() ? endAt(paper.segments[place], from, from + said.trim().length, "") : null;
}
