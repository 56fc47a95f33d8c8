// The page of the dev mailbox. It asks this server only, every few seconds.
"use strict";

const EVERY_MS = 2500;
const PAGE = 100;
const PARTS = ["html", "text", "links", "headers", "raw", "history"];
const at = (id) => document.getElementById(id);

let mails = [];
let older;
// Ids that were there when the page was opened, or were looked at since.
let seen;
let open;
// What the list shows, so that it is made again only when that changes.
let listed;
let part = "html";

/** Asks the server; a failure says what the server says. */
async function ask(path, method = "GET") {
    const reply = await fetch(`/mailbox/messages${path}`, { method, cache: "no-store" });
    if (!reply.ok) {
        const problem = await reply.json().catch(() => ({}));
        throw new Error(problem.detail ?? reply.statusText);
    }
    return reply;
}

function made(name, properties = {}, ...children) {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
}

function time(text, isShort) {
    const date = new Date(text);
    const isToday = date.toDateString() === new Date().toDateString();
    const style = !isShort ? { dateStyle: "full", timeStyle: "medium" } : isToday ? { timeStyle: "medium" } : { dateStyle: "medium" };
    return made("time", { dateTime: text, title: text, textContent: date.toLocaleString(undefined, style) });
}

function status(name, text) {
    at("live").className = name;
    at("live").querySelector("b").textContent = text;
}

function query(from) {
    const params = new URLSearchParams({ limit: PAGE });
    if (at("to").value.trim()) {
        params.set("to", at("to").value.trim());
    }
    if (from) {
        params.set("from", from);
    }
    return `?${params}`;
}

/** Looks for new mails; those that are listed already stay. */
async function look() {
    const asked = query();
    const page = await (await ask(asked)).json();
    if (asked !== query()) {
        return;
    }
    const newest = new Set(page.messages.map((mail) => mail.id));
    const last = page.messages.at(-1);
    // Behind the first page those that were loaded before follow, unless the mailbox was emptied meanwhile.
    const rest = page.next && last ? mails.filter((mail) => !newest.has(mail.id) && mail.id < last.id) : [];
    if (rest.length === 0) {
        older = page.next?.iterator;
    }
    seen ??= newest;
    mails = [...page.messages, ...rest];
    list();
    status("on", "live");
}

function list() {
    const shown = mails.map((mail) => `${mail.id}${seen.has(mail.id)}`).join() + open?.id + older;
    if (shown === listed) {
        return;
    }
    listed = shown;
    const rows = mails.map((mail) => {
        const to = made("span", { className: "to", textContent: mail.to });
        const attempt = made("span", { className: "attempt", textContent: mail.attempt > 1 ? `attempt ${mail.attempt}` : "" });
        const subject = made("span", { className: "subject", textContent: mail.subject || "(no subject)" });
        const link = made("a", { href: `#${mail.id}`, className: seen.has(mail.id) ? "" : "new" }, subject, time(mail.at, true), to, attempt);
        link.setAttribute("aria-current", String(mail.id === open?.id));
        return made("li", {}, link);
    });
    const focused = document.activeElement?.closest?.("#mails a")?.hash;
    at("mails").replaceChildren(...rows);
    if (focused) {
        [...at("mails").querySelectorAll("a")].find((link) => link.hash === focused)?.focus();
    }
    at("older").hidden = !older;
    at("clear").disabled = mails.length === 0;
    at("empty").hidden = mails.length > 0 || at("to").value.trim() !== "";
    const unseen = mails.filter((mail) => !seen.has(mail.id)).length;
    document.title = `${unseen ? `(${unseen}) ` : ""}Mailbox · Letopis`;
}

/** Shows the mail that the address names, or none. */
async function show() {
    const id = location.hash.slice(1);
    if (id === (open?.id ?? "")) {
        return;
    }
    open = undefined;
    if (id) {
        try {
            open = await (await ask(`/${encodeURIComponent(id)}`)).json();
        } catch (error) {
            status("off", error.message);
        }
    }
    document.body.classList.toggle("reading", Boolean(open));
    at("mail").hidden = !open;
    at("none").hidden = Boolean(open);
    if (open) {
        seen?.add(open.id);
        fill();
    }
    if (seen) {
        list();
    }
}

function fill() {
    const base = `/mailbox/messages/${open.id}`;
    at("subject").textContent = open.subject || "(no subject)";
    at("from").textContent = open.from;
    at("recipient").textContent = open.to;
    at("at").replaceChildren(time(open.at, false));
    at("delivery").textContent = open.attempt > 1 ? `${open.delivery_id}, attempt ${open.attempt}` : open.delivery_id;
    at("text").textContent = open.text || "This mail has no text.";
    at("links-count").textContent = open.links.length || "";
    const links = open.links.map((link) => made("li", {}, made("a", { href: link, target: "_blank", rel: "noreferrer noopener", textContent: link })));
    at("links").replaceChildren(...(links.length ? links : [made("li", { textContent: "No links." })]));
    const headers = Object.entries(open.headers).flatMap(([name, value]) => [made("dt", { textContent: name }), made("dd", { textContent: value })]);
    at("headers").replaceChildren(...headers);
    at("download").href = `${base}/raw`;
    at("download").download = `${open.id}.eml`;
    at("tab-html").disabled = open.html === undefined;
    if (open.html === undefined) {
        at("page").removeAttribute("src");
    } else {
        at("page").src = `${base}/html`;
    }
    at("raw").textContent = "";
    at("history").replaceChildren();
    choose(part === "html" && open.html === undefined ? "text" : part);
}

function choose(name) {
    for (const known of PARTS) {
        const isChosen = known === name;
        at(`tab-${known}`).setAttribute("aria-selected", String(isChosen));
        at(`tab-${known}`).tabIndex = isChosen ? 0 : -1;
        at(`panel-${known}`).hidden = !isChosen;
    }
    const mail = open;
    const load = { raw, history }[name];
    load?.(mail).catch((error) => status("off", error.message));
}

async function raw(mail) {
    const text = await (await ask(`/${mail.id}/raw`)).text();
    if (mail === open) {
        at("raw").textContent = text;
    }
}

async function history(mail) {
    const { cause, events } = await (await ask(`/${mail.id}/history`)).json();
    if (mail !== open) {
        return;
    }
    const step = (event, className) => {
        const payload = Object.entries(event.payload ?? {}).map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`);
        const where = made("p", { textContent: `${event.stream} · position ${event.position}` });
        const rest = payload.length ? [made("p", { textContent: payload.join(" · ") })] : [];
        return made("li", { className }, made("h3", { textContent: event.type }), made("p", {}, time(event.recorded_at, false)), where, ...rest);
    };
    const steps = events.map((event) => step(event, ""));
    if (cause) {
        steps.unshift(step(cause, "cause"));
    }
    if (steps.length === 0) {
        steps.push(made("li", { className: "note", textContent: `The log has no stream delivery-${mail.delivery_id}.` }));
    }
    at("history").replaceChildren(...steps);
}

async function every() {
    try {
        if (!document.hidden) {
            await look();
            if (open && at("tab-history").getAttribute("aria-selected") === "true") {
                await history(open);
            }
        }
    } catch (error) {
        status("off", error instanceof TypeError ? "the server does not answer" : error.message);
    }
    setTimeout(every, EVERY_MS);
}

PARTS.forEach((name) => at(`tab-${name}`).addEventListener("click", () => choose((part = name))));
document.querySelector('[role="tablist"]').addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) {
        return;
    }
    const usable = PARTS.filter((name) => !at(`tab-${name}`).disabled);
    const now = usable.findIndex((name) => at(`tab-${name}`).getAttribute("aria-selected") === "true");
    part = usable[(now + step + usable.length) % usable.length];
    choose(part);
    at(`tab-${part}`).focus();
});
at("back").addEventListener("click", () => (location.hash = ""));
at("to").addEventListener("input", () => {
    mails = [];
    look().catch((error) => status("off", error.message));
});
at("older").addEventListener("click", async () => {
    const page = await (await ask(query(older))).json();
    page.messages.forEach((mail) => seen.add(mail.id));
    mails = [...mails, ...page.messages];
    older = page.next?.iterator;
    list();
});
at("clear").addEventListener("click", () => at("sure").showModal());
at("sure").addEventListener("close", async () => {
    if (at("sure").returnValue !== "yes") {
        return;
    }
    try {
        await ask("", "DELETE");
        mails = [];
        location.hash = "";
        await look();
    } catch (error) {
        status("off", error.message);
    }
});
window.addEventListener("hashchange", show);
document.addEventListener("visibilitychange", () => document.hidden || look().catch(() => {}));
every();
show();
