// Signs in by the calls under /v1/auth, with the session in the cookie. A second factor is asked for on a page of its own; what
// that must know is kept for this tab, and never in an address.
"use strict";

const main = document.querySelector("main");
const alert = main.querySelector("[role=alert]");
const KEPT = "letopis-second";

class Refused extends Error {
  constructor(problem) {
    super(problem.code);
    this.problem = problem;
  }
}

async function post(path, body) {
  let answer;
  try {
    const headers = { "content-type": "application/json" };
    answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  } catch {
    throw new Refused({ code: "not-reached" });
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused({ code: "failed", ...said });
  return said;
}

/** Where the sign-in leads: the server has looked at the address. */
function leave() {
  const { returnTo, signedIn } = main.dataset;
  if (returnTo) return location.assign(returnTo);
  const said = document.createElement("p");
  said.setAttribute("role", "status");
  said.textContent = signedIn;
  main.replaceChildren(main.querySelector("h1"), said);
}

function tell(code) {
  const word = code.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
  alert.textContent = alert.dataset[word] ?? alert.dataset.failed;
  alert.hidden = false;
}

/** Does something that ends with a session, or says what is wrong. */
async function attempt(work) {
  alert.hidden = true;
  main.querySelectorAll("button").forEach((button) => (button.disabled = true));
  try {
    await work();
  } catch (error) {
    // Whoever closes their device's window has changed their mind.
    if (error.name === "NotAllowedError" || error.name === "AbortError") return;
    if (!(error instanceof Refused)) return tell("failed");
    const { code, challenge } = error.problem;
    if (code !== "second-factor-needed") return tell(code);
    sessionStorage.setItem(KEPT, challenge);
    location.assign(`/sign-in/second${location.search}`);
  } finally {
    main.querySelectorAll("button").forEach((button) => (button.disabled = false));
  }
}

const ways = {
  async password(form) {
    await post("/v1/auth/login", { user_name: form.user_name.value, password: form.password.value, cookie: true });
    leave();
  },
  async mail(form) {
    await post("/v1/auth/code", { email: form.email.value });
    const code = main.querySelector("[data-way=code]");
    code.hidden = false;
    code.code.focus();
  },
  async code(form) {
    const email = main.querySelector("[data-way=mail]").email.value;
    await post("/v1/auth/code/verify", { email, code: form.code.value.replaceAll(" ", ""), cookie: true });
    leave();
  },
  async second(form) {
    const challenge = sessionStorage.getItem(KEPT) ?? "";
    await post("/v1/auth/login/second", { challenge, code: form.code.value.trim() });
    sessionStorage.removeItem(KEPT);
    leave();
  },
  async passkey() {
    const { publicKey } = await post("/v1/auth/passkey/begin", {});
    const options = PublicKeyCredential.parseRequestOptionsFromJSON(publicKey);
    const credential = await navigator.credentials.get({ publicKey: options });
    await post("/v1/auth/passkey/finish", { credential: credential.toJSON(), cookie: true });
    leave();
  },
};

main.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(() => ways[event.target.dataset.way](event.target));
});

const passkey = main.querySelector("button[data-way=passkey]");
if (passkey && window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  passkey.hidden = false;
  passkey.addEventListener("click", () => attempt(ways.passkey));
}

if (main.querySelector("[data-way=second]") && !sessionStorage.getItem(KEPT)) {
  main.querySelector("[data-way=second]").hidden = true;
  main.querySelector("[data-lost]").hidden = false;
}

// Another service has led back here.
const told = new URLSearchParams(location.hash.slice(1));
if (told.size) history.replaceState(null, "", location.pathname + location.search);
if (told.has("code")) attempt(async () => {
  await post("/v1/auth/external/exchange", { code: told.get("code"), cookie: true });
  leave();
});
else if (told.has("error")) tell(told.get("error"));
