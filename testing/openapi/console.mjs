// The console in Chromium: node console.mjs URL CHROMIUM NAME PASSWORD [FOLDER FOR PICTURES]
// Signs in as an admin and looks at every page, at those that the lists lead to as well, wide and narrow, light and dark. Fails for
// a message on the console, a request to anywhere else, a breach of the content security policy, and a page that scrolls
// sideways.
import assert from "node:assert/strict";
import puppeteer from "puppeteer-core";
import { code } from "./totp.mjs";

const [url, executablePath, name, password, pictures] = process.argv.slice(2);

async function call(path, body, token) {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const answer = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
    assert.ok(answer.ok, `${path} is ${answer.status}`);
    return answer.json();
}

// Somebody with a second factor, whom the list of people begins with, and who is told something.
const ada = { user_name: "Ada", password };
const { user_id } = await call("/v1/auth/register", { ...ada, email: "ada@example.org" });
const { session_id } = await call("/v1/auth/login", ada);
const { secret } = await call("/v1/me/totp", { password }, session_id);
await call("/v1/me/totp/confirm", { code: code(secret) }, session_id);

// Chromium's sandbox does not work for root.
const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await puppeteer.launch({ executablePath, args, headless: true });
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 360, height: 740 };
/** Pages of one thing, each by the first link of a list that leads to one. */
const LEADS = [
    ["/console/events?type=user.signed_up", "tbody a[href^='/console/events/']", "event"],
    ["/console/streams", "tbody a[href^='/console/streams/']", "stream"],
    ["/console/people", "tbody a", "person"],
    ["/console/chats", "tbody a", "chat"],
    ["/console/templates", "p.pages a", "template"],
];
try {
    const page = await browser.newPage();
    await page.setViewport(WIDE);
    page.setDefaultTimeout(30_000);
    const faults = [];
    let here = "";
    page.on("console", (message) => ["error", "warn"].includes(message.type()) && faults.push(`${here}: ${message.text()}`));
    page.on("pageerror", (error) => faults.push(`${here}: ${error}`));
    page.on("request", (request) => {
        const foreign = !request.url().startsWith(url) && !request.url().startsWith("data:");
        if (foreign) faults.push(`${here}: a request to ${request.url()}`);
    });
    await page.evaluateOnNewDocument(() => {
        document.addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
    });
    const open = async (path) => {
        here = path;
        const answer = await page.goto(`${url}${path}`, { waitUntil: "load" });
        assert.equal(answer.status(), 200, `${path} is ${answer.status()}`);
    };

    // A stranger signs in and gets to where they wanted to go.
    await open("/console/events");
    await page.type("main [name=user_name], form [name=user_name]", name);
    await page.type("form [name=password]", password);
    await Promise.all([page.waitForNavigation({ waitUntil: "load" }), page.keyboard.press("Enter")]);
    await page.waitForSelector("nav a[aria-current]");
    assert.equal(new URL(page.url()).pathname, "/console/events");

    const menu = await page.$$eval("nav a", (entries) => entries.map((entry) => entry.getAttribute("href")));
    const paths = menu.filter((path) => path.startsWith("/console"));
    assert.ok(paths.length >= 10, `${paths}`);
    const named = new Map(paths.map((path) => [path, path.split("/").pop() === "console" ? "overview" : path.split("/").pop()]));
    for (const [list, link, called] of LEADS) {
        if (!paths.includes(list.split("?")[0])) continue;
        await open(list);
        const found = await page.$eval(link, (element) => element.getAttribute("href")).catch(() => undefined);
        assert.ok(found, `${list} leads to nothing`);
        named.set(found, called);
        if (called === "event") named.set(`${found}/trace`, "trace");
    }
    named.set("/console/search?q=the", "search-found");
    // A mailing is drafted by its form; then its pages are looked at like all others.
    if (paths.includes("/console/mailings")) {
        named.set("/console/mailings/new", "mailing-new");
        await open("/console/mailings/new");
        await page.type("main [name=name]", "Spring news");
        await page.type("main [name=subject]", "Spring is here");
        await page.type("main [name=text]", "And so are our new seeds.");
        await page.type("main [name=html]", "<h1>Spring is here</h1><p>And so are our <b>new seeds</b>.</p>");
        await page.click("main [name='channel.inbox']");
        await Promise.all([page.waitForNavigation({ waitUntil: "load" }), page.click("main p.act button")]);
        const mailing = new URL(page.url()).pathname;
        assert.match(mailing, /^\/console\/mailings\/[0-9a-f-]{36}$/);
        for (const [more, called] of [["", "mailing"], ["/edit", "mailing-edit"], ["/preview", "mailing-preview"]]) {
            named.set(`${mailing}${more}`, called);
        }
    }

    for (const [path, called] of named) {
        for (const [size, viewport] of [["wide", WIDE], ["narrow", NARROW]]) {
            await page.setViewport(viewport);
            await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: size === "wide" ? "light" : "dark" }]);
            await open(path);
            const [scrolled, width] = await page.evaluate(() => [document.scrollingElement.scrollWidth, window.innerWidth]);
            assert.ok(scrolled <= width, `${path} scrolls sideways at ${viewport.width}: ${scrolled}`);
            assert.equal(await page.$$eval("h1", (titles) => titles.length), 1, `${path} has a title`);
            if (pictures) await page.screenshot({ path: `${pictures}/console-${called}-${size}.png` });
        }
    }

    // A lost factor is taken away.
    await open(`/console/people/${user_id}`);
    const taken = await page.$("form[action$='/factors/totp/remove'] button");
    await Promise.all([page.waitForNavigation({ waitUntil: "load" }), taken.click()]);
    assert.equal(new URL(page.url()).search, "?done");
    assert.equal(await page.$("form[action$='/factors/totp/remove']"), null);

    // What is marked as live is fetched again.
    await page.setViewport(WIDE);
    await open("/console");
    await page.waitForResponse((answer) => answer.url().endsWith("/console/overview/now") && answer.ok());
    // By keyboard: the menu goes on, and the first field is one key away.
    await page.keyboard.press("]");
    await page.waitForNavigation({ waitUntil: "load" }).catch(() => undefined);
    assert.equal(new URL(page.url()).pathname, "/console/events");
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "INPUT");

    // The same without scripts.
    await page.setJavaScriptEnabled(false);
    for (const path of paths) await open(path);
    assert.deepEqual(faults, []);
    console.log(`console: ${named.size} pages were looked at, wide and narrow`);
} finally {
    await browser.close();
}
