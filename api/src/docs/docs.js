// The page of the API: Swagger UI with signing in on top. It asks this server only.
"use strict";

const root = new URL("..", location.href);
const bar = Object.fromEntries(
    ["version", "sign-in", "by-token", "signed-in", "who", "said"].map((id) => [id, document.getElementById(id)]),
);
// Whether the browser holds a session in a cookie, which scripts cannot see.
const BY_COOKIE = "letopis: signed in by cookie";
let ui;
let token;

/** Asks the API; what went wrong is shown in the bar. */
async function ask(method, path, body) {
    const headers = { ...(body && { "Content-Type": "application/json" }), ...(token && { Authorization: `Bearer ${token}` }) };
    const reply = await fetch(new URL(path, root), { method, headers, body: body && JSON.stringify(body) });
    const answer = await reply.json();
    if (!reply.ok) {
        throw new Error(answer.detail ?? reply.statusText);
    }
    return answer;
}

/** Runs what a form is for, and says why where it fails. */
function on(form, act) {
    bar[form].addEventListener("submit", async (event) => {
        event.preventDefault();
        bar.said.textContent = "";
        try {
            await act(Object.fromEntries(new FormData(bar[form])), event.submitter);
        } catch (error) {
            bar.said.textContent = error.message;
        }
    });
}

/** Shows who is signed in, and sends their token with what is tried out; without a name, nobody is. */
function show(name) {
    const scheme = ui.specSelectors.specJson().getIn(["components", "securitySchemes", "bearer"]);
    if (name && token) {
        ui.authActions.authorize({ bearer: { name: "bearer", schema: scheme, value: token } });
    } else if (ui.authSelectors.authorized()?.has("bearer")) {
        ui.authActions.logout(["bearer"]);
    }
    bar.who.textContent = name ?? "";
    bar["sign-in"].hidden = bar["by-token"].hidden = Boolean(name);
    bar["signed-in"].hidden = !name;
}

async function showMe() {
    try {
        show((await ask("GET", "v1/me")).user_name);
    } catch (error) {
        token = undefined;
        sessionStorage.removeItem(BY_COOKIE);
        throw error;
    }
}

on("sign-in", async ({ user_name, password, cookie }, button) => {
    if (button?.name === "register") {
        await ask("POST", "v1/auth/register", { user_name, password });
    }
    token = (await ask("POST", "v1/auth/login", { user_name, password, cookie: cookie === "on" })).session_id;
    if (!token) {
        sessionStorage.setItem(BY_COOKIE, "yes");
    }
    bar["sign-in"].reset();
    await showMe();
});

on("by-token", async (sent) => {
    token = sent.token.trim();
    bar["by-token"].reset();
    await showMe();
});

on("signed-in", async () => {
    await ask("POST", "v1/auth/logout");
    token = undefined;
    sessionStorage.removeItem(BY_COOKIE);
    show();
});

/** Finds operations by any of their words; Swagger UI's own filter knows tags only. */
function filterOperations(tags, phrase) {
    const wanted = phrase.toLowerCase().split(/\s+/);
    const fits = (one) => {
        const operation = one.get("operation");
        const words = [one.get("method"), one.get("path"), operation.get("summary"), operation.get("description")];
        const text = words.concat(operation.get("tags").toJS()).join(" ").toLowerCase();
        return wanted.every((word) => text.includes(word));
    };
    return tags
        .map((tag) => tag.update("operations", (operations) => operations.filter(fits)))
        .filter((tag) => tag.get("operations").size > 0);
}

/** The place of an operation in the order in which one would use them. */
function place(one) {
    return one.getIn(["operation", "x-order"]);
}

async function open() {
    const spec = await (await fetch(new URL("openapi.json", root))).json();
    bar.version.textContent = spec.info.version;
    // What is tried out goes to the server that this page came from, whatever it is called elsewhere.
    spec.servers = [{ url: root.href }];
    // A script cannot set the cookie: the bar does it by signing in.
    delete spec.components.securitySchemes.cookie;
    for (const operation of Object.values(spec.paths).flatMap((item) => Object.values(item))) {
        operation.security = operation.security.filter((scheme) => !("cookie" in scheme));
    }
    await new Promise((onComplete) => {
        ui = SwaggerUIBundle({
            spec,
            dom_id: "#operations",
            layout: "BaseLayout",
            presets: [SwaggerUIBundle.presets.apis],
            plugins: [{ fn: { opsFilter: filterOperations } }],
            filter: true,
            operationsSorter: (one, other) => place(one) - place(other),
            deepLinking: true,
            docExpansion: "list",
            defaultModelsExpandDepth: 0,
            displayRequestDuration: true,
            tryItOutEnabled: true,
            validatorUrl: null,
            onComplete,
        });
    });
    if (sessionStorage.getItem(BY_COOKIE)) {
        await showMe();
    }
}

open().catch((error) => {
    bar.said.textContent = error.message;
});
