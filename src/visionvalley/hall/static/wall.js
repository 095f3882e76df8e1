// SPDX-License-Identifier: Apache-2.0
// Draws what the welcome says: greeting, programme, results. Each text in its own language and direction.

const SIGNS = {
  pass: ["pass", "M4 13l5 5L20 6"],
  fail: ["fail", "M5 5l14 14M19 5L5 19"],
  "cannot say": ["unsure", "M7.5 8.5a4.5 4.5 0 1 1 6.6 4c-1.4.8-2.1 1.6-2.1 3.2M12 19.6v.4"],
};
const SVG = "http://www.w3.org/2000/svg";
const HELLO = [13, 12.5, 12, 10, 8.4, 8.4, 7]; // sizes by how many languages greet
const LATER = 2;

function made(tag, name, ...inside) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...inside.filter((one) => one !== null));
  return element;
}

function spoken(element, language) {
  element.lang = language.tag;
  element.dir = language.direction;
  return element;
}

const isolated = (text, direction = "auto") => Object.assign(made("bdi", "", text), { dir: direction });

/** A word in one or two languages, each in its own direction. */
function words(name, codes, languages, name_class = "") {
  const told = codes.map((code) => {
    const one = spoken(made("span", "", languages[code].words[name]), languages[code]);
    return one;
  });
  const line = made("span", name_class);
  told.forEach((one, i) => line.append(...(i && one.textContent !== told[0].textContent ? [" · ", one] : i ? [] : [one])));
  return line;
}

const time = (at, zone, language, options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }) =>
  new Intl.DateTimeFormat(`${language.locale}-u-nu-latn`, { ...options, timeZone: zone }).format(at);

export function showGreeting(visit, languages) {
  const place = document.getElementById("greeting");
  const title = made("h1", visit.languages.length > 4 ? "many" : "");
  visit.languages.forEach((code, i) => {
    const own = i === visit.languages.length - 1;
    title.append(spoken(made("span", own ? "hello own" : "hello", languages[code].words.welcome), languages[code]));
  });
  place.style.setProperty("--hello", HELLO[Math.min(visit.languages.length, HELLO.length) - 1]);
  const first = languages[visit.languages[0]];
  const who = made("div", "who", Object.assign(made("p", "delegation", visit.delegation), { dir: "auto" }));
  if (visit.organisation && visit.organisation !== visit.delegation) {
    who.append(Object.assign(made("p", "organisation", visit.organisation), { dir: "auto" }));
  }
  if (visit.guests.length) {
    const list = made("ul", "guests");
    for (const { name, title: office } of visit.guests) {
      list.append(Object.assign(made("li", "", isolated(name), office ? Object.assign(isolated(office), { className: "quiet" }) : null), { dir: "auto" }));
    }
    list.append(spoken(made("li", "more quiet"), first));
    who.append(list);
    list.lastChild.dataset.words = first.words.more;
  }
  place.replaceChildren(title, who);
}

export function showIdea(code, house, languages) {
  const place = document.getElementById("greeting");
  const idea = spoken(made("h1", "idea", languages[code].words.idea), languages[code]);
  const dots = made("p", "dots");
  dots.setAttribute("aria-hidden", "true");
  for (const one of house) {
    const dot = spoken(made("span", "", languages[one].words.welcome), languages[one]);
    if (one === code) dot.dataset.on = "";
    dots.append(dot);
  }
  const more = spoken(made("p", "idea-more", languages[code].words["more idea"]), languages[code]);
  place.replaceChildren(idea, more, dots);
}

export function showPlan(visit, at, told, codes) {
  const main = told.languages[codes[0]];
  const plan = document.getElementById("plan");
  spoken(plan, main);
  const zone = visit?.zone ?? told.coming?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const clocks = [clock(at, zone, main, visit?.here[codes[0]] ?? time(at, zone, main, { weekday: "long", day: "numeric", month: "long" }), "")];
  if (visit && time(at, visit.home_zone, main) !== time(at, visit.zone, main)) {
    clocks.push(clock(at, visit.home_zone, main, visit.home[codes[0]], "home"));
  }
  document.getElementById("clocks").replaceChildren(...clocks);
  const entries = visit ? programme(visit, at, told, codes) : coming(at, told, codes);
  document.getElementById("entries").replaceChildren(...entries);
}

function clock(at, zone, language, place, name) {
  const shown = made("time", "", isolated(time(at, zone, language), "ltr"));
  return made("div", name, shown, made("span", "", place));
}

function programme(visit, at, told, codes) {
  const today = visit.programme.filter((one) => Date.parse(one.ends) > at && Date.parse(one.begins) - at < 20 * 3600e3);
  const running = today.filter((one) => Date.parse(one.begins) <= at);
  const ahead = today.filter((one) => Date.parse(one.begins) > at);
  const first = ahead.filter((one) => one.begins === ahead[0].begins);
  const later = ahead.slice(first.length, first.length + LATER);
  const shown = [
    ...running.map((one) => entry("now", one, visit, told, codes, at)),
    ...first.map((one) => entry("next", one, visit, told, codes, at)),
    ...later.map((one) => entry("later", one, visit, told, codes, at)),
  ];
  if (!shown.length) shown.push(made("p", "quiet", words("over", codes.slice(0, 1), told.languages)));
  return shown;
}

function entry(kind, one, visit, told, codes, at) {
  const main = told.languages[codes[0]];
  const shown = made("article", `entry ${kind}`);
  const begin = isolated(time(Date.parse(one.begins), visit.zone, main), "ltr");
  const end = time(Date.parse(one.ends), visit.zone, main);
  if (kind === "later") {
    shown.append(Object.assign(made("h3", "", begin, " ", isolated(one.title)), { dir: main.direction }));
    return shown;
  }
  const label = made("h2", "", words(kind, codes, told.languages), " ");
  if (kind === "next") label.append(begin);
  shown.append(label, Object.assign(made("h3", "", one.title), { dir: "auto" }));
  const line = made("p", "");
  if (one.where) line.append(Object.assign(isolated(one.where), { className: "where" }));
  if (kind === "now") {
    const [before, after] = main.words.until.split("%(time)s");
    line.append(one.where ? " · " : "", before, isolated(end, "ltr"), after);
  }
  shown.append(line);
  if (kind === "now") shown.append(bar((at - Date.parse(one.begins)) / (Date.parse(one.ends) - Date.parse(one.begins)), main));
  return shown;
}

function bar(share, language) {
  const inside = made("i", "");
  inside.style.transform = `scaleX(${Math.min(1, Math.max(0, share)).toFixed(3)})`;
  inside.style.transformOrigin = language.direction === "rtl" ? "right" : "left";
  const whole = made("div", "bar", inside);
  whole.setAttribute("aria-hidden", "true");
  return whole;
}

function coming(at, told, codes) {
  if (!told.coming) return [];
  const main = told.languages[codes[0]];
  const begins = Date.parse(told.coming.begins);
  const near = time(begins, told.coming.zone, main, { dateStyle: "short" }) === time(at, told.coming.zone, main, { dateStyle: "short" });
  const options = near ? undefined : { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return [made("article", "entry next", made("h2", "", words("coming", codes, told.languages)), made("h3", "", isolated(time(begins, told.coming.zone, main, options))))];
}

export function showResults(latest, codes, told) {
  const foot = document.getElementById("measured");
  const main = told.languages[codes[0]];
  spoken(foot, main);
  foot.hidden = latest.length === 0;
  foot.style.setProperty("--tiles", Math.max(2, latest.length));
  foot.replaceChildren(...latest.map((one) => tile(one[codes[0]], main)));
}

function tile(one, language) {
  const shown = made("article", "tile");
  if (one.picture) shown.append(Object.assign(made("img", ""), { src: one.picture, alt: "", decoding: "async" }));
  const inside = made("div", "", made("h3", "", isolated(one.title)));
  const number = one.numbers[0];
  if (number) inside.append(made("p", "quiet name", isolated(number.name)), made("p", "value", isolated(number.text, "ltr")));
  const line = made("p", "");
  if (one.verdict) {
    const [name, path] = SIGNS[one.verdict];
    const sign = document.createElementNS(SVG, "svg");
    sign.setAttribute("viewBox", "0 0 24 24");
    sign.setAttribute("aria-hidden", "true");
    sign.append(document.createElementNS(SVG, "path"));
    sign.firstChild.setAttribute("d", path);
    line.append(made("span", `verdict ${name}`, sign, language.words[one.verdict]));
  }
  if (one.simulated) line.append(one.verdict ? " · " : "", made("span", "simulated", language.words.simulated));
  inside.append(line);
  shown.append(inside);
  return shown;
}

/** Make the greeting as large as there is room for; then leave out persons at the end, and say how many. */
export function fit() {
  const place = document.getElementById("greeting");
  const over = () => place.scrollHeight > place.clientHeight + 1 || place.scrollWidth > place.clientWidth + 1;
  const guests = [...place.querySelectorAll(".guests > li:not(.more)")];
  const more = place.querySelector(".more");
  guests.forEach((one) => { one.hidden = false; });
  if (more) more.hidden = true;
  let size = 1;
  const shrink = (least) => {
    for (; over() && size > least; size -= 0.05) place.style.setProperty("--fit", size.toFixed(2));
  };
  place.style.setProperty("--fit", size);
  shrink(0.66);
  for (let left = guests.length - 1; left >= 0 && over(); left--) {
    guests[left].hidden = true;
    more.hidden = false;
    more.textContent = more.dataset.words.replace("%(count)s", guests.length - left);
  }
  shrink(0.3);
  const entries = document.getElementById("entries");
  const plan = document.getElementById("plan");
  for (const one of entries.children) one.hidden = false;
  for (const one of [...entries.children].reverse().slice(0, -1)) {
    if (plan.scrollHeight <= plan.clientHeight + 1) break;
    one.hidden = true;
  }
}
