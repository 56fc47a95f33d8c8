// The pages for signing in, in Chromium: node sign_in.mjs URL CHROMIUM [FOLDER FOR PICTURES]
// With a virtual authenticator (WebAuthn level 3, 11): a password, a passkey that is made and signs in, a second factor. Fails for
// a request to anywhere else, a breach of the content security policy, and a page that scrolls sideways.
import assert from "node:assert/strict";
import puppeteer from "puppeteer-core";
import { code } from "./totp.mjs";

const [given, executablePath, pictures] = process.argv.slice(2);
// Browsers make no passkeys for an address of IP.
const url = given.replace("127.0.0.1", "localhost");
const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await puppeteer.launch({ executablePath, args, headless: true });
const PASSWORD = "correct horse battery";
try {
    const page = await browser.newPage();
    page.setDefaultTimeout(30_000);
    const faults = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("request", (request) => {
        if (!request.url().startsWith(url)) faults.push(`a request to ${request.url()}`);
    });
    page.on("console", (message) => message.text().startsWith("CSP") && faults.push(message.text()));
    await page.evaluateOnNewDocument(() => {
        document.addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective}`));
    });
    const devtools = await page.createCDPSession();
    await devtools.send("WebAuthn.enable");
    await devtools.send("WebAuthn.addVirtualAuthenticator", {
        options: {
            protocol: "ctap2",
            transport: "internal",
            hasResidentKey: true,
            hasUserVerification: true,
            isUserVerified: true,
            automaticPresenceSimulation: true,
        },
    });
    const call = (method, path, body) =>
        page.evaluate(
            async (method, path, body) => {
                const headers = { "content-type": "application/json" };
                const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
                return { status: answer.status, body: await answer.json() };
            },
            method,
            path,
            body,
        );
    const me = async () => (await call("GET", "/v1/me")).body.user_name;
    const signedIn = () => page.waitForSelector("main [role=status]:not([data-way] *)", { visible: true });
    const open = async (path) => {
        await page.goto(`${url}${path}`, { waitUntil: "networkidle0" });
        for (const width of [1280, 360]) {
            await page.setViewport({ width, height: 800 });
            const wide = await page.evaluate(() => document.documentElement.scrollWidth);
            assert.ok(wide <= width, `${path} is ${wide} wide in ${width}`);
        }
    };

    // A password, first a wrong one.
    await open("/sign-in");
    await call("POST", "/v1/auth/register", { user_name: "anna", password: PASSWORD });
    if (pictures) await page.screenshot({ path: `${pictures}/sign-in.png` });
    await page.type("[name=user_name]", "anna");
    await page.type("[name=password]", "a wrong guess");
    await page.click("[data-way=password] button");
    await page.waitForSelector("[role=alert]:not([hidden])");
    await page.$eval("[name=password]", (field) => (field.value = ""));
    await page.type("[name=password]", PASSWORD);
    await page.click("[data-way=password] button");
    await signedIn();
    assert.equal(await me(), "anna");

    // A passkey.
    const made = await page.evaluate(async () => {
        const post = async (path, body) => {
            const headers = { "content-type": "application/json" };
            const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
            return answer.json();
        };
        const { publicKey } = await post("/v1/me/passkeys/begin", { name: "laptop" });
        const options = PublicKeyCredential.parseCreationOptionsFromJSON(publicKey);
        const credential = await navigator.credentials.create({ publicKey: options });
        return post("/v1/me/passkeys/finish", { credential: credential.toJSON() });
    });
    assert.equal(made.name, "laptop", JSON.stringify(made));
    await call("POST", "/v1/auth/logout", {});
    await open("/sign-in");
    await page.click("button[data-way=passkey]");
    await signedIn();
    assert.equal(await me(), "anna");

    // A second factor.
    const { body: begun } = await call("POST", "/v1/me/totp", { password: PASSWORD });
    const confirmed = await call("POST", "/v1/me/totp/confirm", { code: code(begun.secret) });
    assert.equal(confirmed.status, 200, JSON.stringify(confirmed));
    await call("POST", "/v1/auth/logout", {});
    await open("/sign-in?return_to=/docs/");
    await page.type("[name=user_name]", "anna");
    await page.type("[name=password]", PASSWORD);
    await Promise.all([page.waitForNavigation(), page.click("[data-way=password] button")]);
    assert.equal(new URL(page.url()).pathname, "/sign-in/second");
    if (pictures) await page.screenshot({ path: `${pictures}/sign-in-second.png` });
    await page.type("[name=code]", confirmed.body.recovery_codes[0]);
    await Promise.all([page.waitForNavigation(), page.click("[data-way=second] button")]);
    assert.equal(new URL(page.url()).pathname, "/docs/");
    assert.equal(await me(), "anna");
    // With a passkey no code is asked for.
    await call("POST", "/v1/auth/logout", {});
    await open("/sign-in");
    await page.click("button[data-way=passkey]");
    await signedIn();
    assert.deepEqual(faults, []);
    console.log("sign-in: by password, passkey and second factor");
} finally {
    await browser.close();
}
