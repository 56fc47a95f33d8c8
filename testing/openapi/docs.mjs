// The pages in Chromium: node docs.mjs URL CHROMIUM [FOLDER FOR PICTURES]
// Fails for a message on the console, a request to anywhere else, or an operation that cannot be tried out.
import assert from "node:assert/strict";
import puppeteer from "puppeteer-core";

const [url, executablePath, pictures] = process.argv.slice(2);
// Chromium's sandbox does not work for root.
const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await puppeteer.launch({ executablePath, args, headless: true });
try {
    const page = await browser.newPage();
    await page.setViewport({ width: 1280, height: 900 });
    page.setDefaultTimeout(30_000);
    const faults = [];
    page.on("console", (message) => ["error", "warn"].includes(message.type()) && faults.push(message.text()));
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("requestfailed", (request) => faults.push(`${request.url()} failed`));
    page.on("request", (request) => {
        const foreign = !request.url().startsWith(url) && !request.url().startsWith("data:");
        if (foreign) faults.push(`a request to ${request.url()}`);
    });
    const picture = async (name) => pictures && (await page.screenshot({ path: `${pictures}/${name}.png` }));
    const text = (selector) => page.$eval(selector, (element) => element.textContent);
    const visible = (selector) => page.waitForSelector(selector, { visible: true });

    await page.goto(`${url}/docs`, { waitUntil: "networkidle0" });
    await visible(".opblock");
    assert.match(await page.title(), /Letopis/);
    assert.match(await text(".name"), /Letopis \d+\.\d+\.\d+/);
    await picture("opened");

    // The first operation works as it is: nothing to fill in.
    await page.click(".opblock-summary-control");
    await page.click(await execute(".opblock.is-open"));
    await visible(".opblock.is-open .live-responses-table");
    assert.equal((await text(".live-responses-table tbody .response-col_status")).trim().slice(0, 3), "201");
    await picture("tried");

    // Signing in takes a name and a press.
    await page.type("#sign-in [name=user_name]", "docs");
    await page.type("#sign-in [name=password]", "correct horse battery");
    await page.click("#sign-in [name=register]");
    await visible("#signed-in");
    assert.equal(await text("#who"), "docs");
    await tryMe("docs");
    await page.click("#signed-in button");
    await visible("#sign-in");

    // The same with a cookie, which outlives a reload.
    await page.type("#sign-in [name=user_name]", "docs");
    await page.type("#sign-in [name=password]", "correct horse battery");
    await page.click("#sign-in [name=cookie]");
    await page.click("#sign-in button:not([name])");
    await visible("#signed-in");
    await page.reload({ waitUntil: "networkidle0" });
    await visible("#signed-in");
    await tryMe("docs");
    await picture("signed-in");

    await page.type(".operation-filter-input", "/v1/me/sign-ins");
    await page.waitForFunction(() => document.querySelectorAll(".opblock").length === 1);
    await picture("found");
    assert.deepEqual(faults, []);
    console.log("docs: an operation was tried, signed in by token and by cookie");

    /** The button of an opened operation that sends it. */
    async function execute(block) {
        await visible(`${block} .execute`);
        return `${block} .execute`;
    }

    async function tryMe(name) {
        const block = "#operations-accounts-readMyProfile";
        await page.click(`${block} .opblock-summary-control`);
        await page.click(await execute(block));
        await visible(`${block} .live-responses-table tbody .response-col_description pre`);
        assert.match(await text(`${block} .live-responses-table tbody .response-col_description`), new RegExp(`"user_name": "${name}"`));
    }
} finally {
    await browser.close();
}
