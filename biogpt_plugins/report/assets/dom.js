// Builds elements. Data becomes text nodes and attribute values, never markup.
const SVG = "http://www.w3.org/2000/svg";

function make(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function draw(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  const missing = [null, undefined, false];
  element.append(...children.flat(Infinity).filter((one) => !missing.includes(one)));
  return element;
}

function button(label, click, attributes) {
  return make("button", { type: "button", click, ...attributes }, label);
}

// Every caller starts the address with a fixed string, so that no text can choose its scheme.
function link(address, label) {
  return make("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label);
}

function bar(share, name) {
  const inner = make("span", { class: "share" });
  inner.style.width = `${Math.round(share * 1000) / 10}%`;
  return make("span", { class: `bar ${name ?? ""}`, "aria-hidden": "true" }, inner);
}

// Saves a text as a file.
function download(parts, type, name) {
  const address = URL.createObjectURL(new Blob(parts, { type }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

const counted = (number) => number.toLocaleString("en");
const percent = (share) => `${(share * 100).toFixed(1)}%`;
const plural = (number, word) => `${counted(number)} ${word}${number === 1 ? "" : "s"}`;

// A list in pages.
function paged({ size, item, list, after, nothing }) {
  const element = make("div", { class: "paged" });
  let items = [];
  let first = 0;
  function show() {
    const shown = items.slice(first, first + size);
    const holder = list(shown.map(item));
    element.replaceChildren(shown.length ? holder : make("p", { class: "none" }, nothing), ...pager());
    if (after) after(shown, holder);
  }
  function go(to) {
    first = to;
    show();
    element.tabIndex = -1;
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "start" });
  }
  function turn(by) {
    const to = first + by * size;
    if (to >= 0 && to < items.length) go(to);
    return to >= 0 && to < items.length;
  }
  function reach(item) {
    const to = Math.floor(items.indexOf(item) / size) * size;
    if (to !== first) go(to);
  }
  function pager() {
    if (items.length <= size) return [];
    const last = Math.floor((items.length - 1) / size) * size;
    const step = (label, to, possible) => button(label, () => go(to), { disabled: !possible });
    return [
      make(
        "nav",
        { class: "pager", "aria-label": "Pages" },
        step("« First", 0, first > 0),
        step("‹ Previous", first - size, first > 0),
        make(
          "span",
          null,
          `${counted(first + 1)}–${counted(Math.min(first + size, items.length))} of ${counted(items.length)}`,
        ),
        step("Next ›", first + size, first < last),
        step("Last »", last, first < last),
      ),
    ];
  }
  return {
    element,
    turn,
    reach,
    show(given) {
      items = given;
      first = 0;
      show();
    },
  };
}
