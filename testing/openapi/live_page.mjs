// Live in Chromium, through a restart of the server: node live_page.mjs URL CHROMIUM PORT PAGE
//
// PAGE is docs/examples/live.html, which is served at PORT as somebody's own page: the server must allow http://127.0.0.1:PORT.
// Beside it a page of the server's own origin listens with the cookie, by EventSource and by WebSocket. Says `restart` in a line
// when the server shall be stopped and started again at the same address, and goes on when a line comes back.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

const [url, executablePath, port, example] = process.argv.slice(2);
const PASSWORD = "correct horse battery";
const account = { user_name: "anna", password: PASSWORD };

const elsewhere = createServer((_, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(readFileSync(example));
});
await new Promise((listening) => elsewhere.listen(Number(port), "127.0.0.1", listening));

async function call(method, path, body, token) {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const answer = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
    const told = await answer.json();
    assert.ok(answer.ok, JSON.stringify(told));
    return told;
}
await call("POST", "/v1/auth/register", account);
const { session_id: token } = await call("POST", "/v1/auth/login", account);
const { chat_id: chat } = await call("POST", "/v1/chats", { chat_name: "garden" }, token);
const say = (message) => call("POST", `/v1/chats/${chat}/messages`, { message }, token);

// Chromium's sandbox does not work for root.
const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await puppeteer.launch({ executablePath, args, headless: true });
try {
    const faults = [];
    const opened = async (address) => {
        const page = await browser.newPage();
        page.setDefaultTimeout(30_000);
        page.on("pageerror", (error) => faults.push(String(error)));
        // While something is held, what would be done later waits for release().
        await page.evaluateOnNewDocument(() => {
            const later = window.setTimeout;
            window.setTimeout = (act, ...rest) => (window.held ? window.held.push(act) : later(act, ...rest));
            window.release = () => {
                const held = window.held;
                window.held = undefined;
                held.forEach((act) => act());
            };
        });
        await page.goto(address, { waitUntil: "load" });
        return page;
    };
    // A page behind another one paints nothing: what is waited for is looked for by the clock.
    const until = (page, holds, ...of) => page.waitForFunction(holds, { polling: 50 }, ...of);
    const says = (page, text) => until(page, (text) => document.getElementById("state").textContent === text, text);

    // The example, by a token in the first frame of a WebSocket.
    const theirs = await opened(`http://127.0.0.1:${port}/live.html?server=${url}&chat=${chat}`);
    await theirs.type("[name=user_name]", account.user_name);
    await theirs.type("[name=password]", PASSWORD);
    await theirs.click("#login button");
    await says(theirs, "live");

    // The origin of the server, by the cookie; browsers keep a cookie that is `Secure` for localhost.
    const ours = await opened(`${url.replace("127.0.0.1", "localhost")}/sign-in`);
    const status = await ours.evaluate(async (account) => {
        const headers = { "content-type": "application/json" };
        const body = JSON.stringify({ ...account, cookie: true });
        const { status } = await fetch("/v1/auth/login", { method: "POST", headers, body });
        window.events = [];
        window.frames_ = [];
        window.source = new EventSource("/v1/live");
        window.source.addEventListener("message.posted", ({ data, lastEventId }) =>
            window.events.push([JSON.parse(data).message.text, Number(lastEventId)]),
        );
        window.listen = (from) => {
            const socket = new WebSocket(`ws://${location.host}/v1/ws${from ? `?from=${from}` : ""}`, "letopis.v1");
            socket.onmessage = ({ data }) => {
                const frame = JSON.parse(data);
                window.position = frame.position ?? window.position;
                if (frame.event === "message.posted") window.frames_.push([frame.data.message.text, frame.position]);
            };
            socket.onclose = ({ code }) => (window.code = code);
            return new Promise((open, fail) => ([socket.onopen, socket.onerror] = [() => open(socket.protocol), fail]));
        };
        const live = new Promise((open, fail) => ([window.source.onopen, window.source.onerror] = [open, fail]));
        await live;
        window.source.onerror = undefined;
        window.protocol = await window.listen();
        return status;
    }, account);
    assert.equal(status, 200);
    assert.equal(await ours.evaluate(() => window.protocol), "letopis.v1");
    // A WebSocket is open before it hears: `hello` says from where.
    await until(ours, () => window.position !== undefined);

    const said = [];
    const shown = async (text) => {
        said.push([text, (await say(text)).position]);
    };
    const everywhere = async () => {
        const [last] = said.at(-1);
        await until(theirs, (last) => document.querySelector("#messages li:last-child")?.textContent.endsWith(last), last);
        const lines = await theirs.$$eval("#messages li", (lines) => lines.map((line) => line.textContent));
        assert.deepEqual(lines, said.map(([text]) => `anna${text}`));
        for (const list of ["events", "frames_"]) {
            await until(ours, (list, last) => window[list].at(-1)?.[0] === last, list, last);
            assert.deepEqual(await ours.evaluate((list) => window[list], list), said, list);
        }
    };
    await shown("the roses are out");
    await everywhere();
    await theirs.bringToFront();
    await theirs.type("[name=message]", "by the form");
    const posted = theirs.waitForResponse((answer) => answer.url().endsWith("/messages") && answer.status() === 201);
    await theirs.click("#say button");
    said.push(["by the form", (await (await posted).json()).position]);
    await everywhere();

    // While nobody listens something is said; who comes back with what they heard last is told of it.
    await theirs.evaluate(() => (window.held = []));
    console.log("restart");
    for await (const _ of createInterface({ input: process.stdin })) break;
    process.stdin.destroy();
    await says(theirs, "connecting again");
    await until(ours, () => window.code !== undefined);
    assert.equal(await ours.evaluate(() => window.code), 1001, "going away");
    await shown("what they missed");
    await theirs.evaluate(() => window.release());
    await ours.evaluate(() => window.listen(window.position));
    await everywhere();
    await shown("and what is new");
    await everywhere();
    assert.deepEqual(faults, []);
    console.log("live: heard in Chromium through a restart, each once");
} finally {
    await browser.close();
    elsewhere.close();
}
