// A provider of OpenID Connect that nobody here wrote, and a browser that signs in by it: from the begin to a session.
//
//   node provider.mjs URL PORT     the server at URL knows http://127.0.0.1:PORT as its provider `foreign`

import { createServer } from "node:http";
import Provider from "oidc-provider";

const [url, port] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const account = { sub: "foreign-1", email: "anna@example.org", email_verified: true, name: "Anna of elsewhere" };

const provider = new Provider(issuer, {
    clients: [
        {
            client_id: "letopis",
            client_secret: "a secret: with + signs & spaces",
            redirect_uris: [`${url}/v1/auth/external/foreign/callback`],
            response_types: ["code"],
            grant_types: ["authorization_code"],
        },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    cookies: { keys: ["of this test"] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_, id) => ({ accountId: id, claims: () => account }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
});

const serve = provider.callback();

/** Says yes to everything that a person would be asked. */
async function interact(request, response) {
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    if (prompt.name === "login") {
        return provider.interactionFinished(request, response, { login: { accountId: account.sub } });
    }
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    const consent = { grantId: await grant.save() };
    return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

const server = createServer((request, response) => {
    if (!request.url.startsWith("/interaction/")) return serve(request, response);
    interact(request, response).catch((error) => {
        response.statusCode = 500;
        response.end(String(error));
    });
});

/** What the browser keeps, for each host. */
const jar = new Map();

async function get(address) {
    const { origin } = new URL(address);
    const kept = jar.get(origin) ?? new Map();
    const cookie = [...kept].map(([name, value]) => `${name}=${value}`).join("; ");
    const reply = await fetch(address, { redirect: "manual", headers: cookie ? { cookie } : {} });
    for (const line of reply.headers.getSetCookie()) {
        const [pair] = line.split(";");
        const at = pair.indexOf("=");
        kept.set(pair.slice(0, at), pair.slice(at + 1));
    }
    jar.set(origin, kept);
    return reply;
}

async function run() {
    let address = `${url}/v1/auth/external/foreign?return_to=%2F`;
    const back = new URL("/", url).href;
    for (let step = 0; step < 12 && !address.startsWith(`${back}#`); step += 1) {
        const reply = await get(address);
        const location = reply.headers.get("location");
        if (!location) throw new Error(`${address} answers ${reply.status}: ${await reply.text()}`);
        address = new URL(location, address).href;
    }
    const told = new URLSearchParams(new URL(address).hash.slice(1));
    if (!told.has("code")) throw new Error(`no code: ${address}`);
    const exchanged = await fetch(`${url}/v1/auth/external/exchange`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ code: told.get("code") }),
    });
    const session = await exchanged.json();
    if (exchanged.status !== 200) throw new Error(JSON.stringify(session));
    const me = await fetch(`${url}/v1/me`, { headers: { authorization: `Bearer ${session.session_id}` } });
    const { email, email_confirmed, display_name } = await me.json();
    if (email !== account.email || !email_confirmed || display_name !== account.name) {
        throw new Error(`somebody else: ${email} ${email_confirmed} ${display_name}`);
    }
    console.log(`signed in by a foreign provider as ${display_name}`);
}

server.listen(Number(port), "127.0.0.1", () => {
    run().then(
        () => process.exit(0),
        (error) => {
            console.error(error);
            process.exit(1);
        },
    );
});
