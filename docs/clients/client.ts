// Signs up, opens a chat, posts, reads back and searches; `fetch` is enough.
//
// Usage (Node 22.18 or newer; Deno and Bun in the same way): node docs/clients/client.ts http://127.0.0.1:8080 NAME
declare const process: { argv: string[] };
const [api = "http://127.0.0.1:8080", name = "anna"] = process.argv.slice(2);
const password = "correct horse battery";
let token: string | undefined;

interface Page {
  messages: { message_id: string; user_name: string; text: string }[];
  next?: { iterator: string };
}

async function call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  headers = { "Content-Type": "application/json", ...headers };
  if (token) headers["Authorization"] = `Bearer ${token}`;
  const signal = AbortSignal.timeout(10_000);
  const answer = await fetch(api + path, { method, headers, signal, ...(body ? { body: JSON.stringify(body) } : {}) });
  const json = await answer.json(); // an error is a problem of RFC 9457: `code` is stable, `detail` is for people
  if (!answer.ok) throw new Error(`${json.code}: ${json.detail ?? json.title} (request ${json.request_id})`);
  return json as T;
}

await call("POST", "/v1/auth/register", { user_name: name, password });
token = (await call<{ session_id: string }>("POST", "/v1/auth/login", { user_name: name, password })).session_id;
const { chat_id } = await call<{ chat_id: string }>("POST", "/v1/chats", { chat_name: `garden of ${name}` });

// With a key a message may be sent again after a time-out: it is posted once, and answered the same.
const key = { "Idempotency-Key": crypto.randomUUID() };
for (let attempt = 0; attempt < 2; attempt++)
  await call("POST", `/v1/chats/${chat_id}/messages`, { message: "the roses are out" }, key);

for (let query: string | undefined = "order=newest-first&limit=50"; query; ) { // newest first, a page at a time
  const page: Page = await call<Page>("GET", `/v1/chats/${chat_id}/messages?${query}`);
  page.messages.forEach((message) => console.log(message.text));
  query = page.next && `order=newest-first&limit=50&from=${page.next.iterator}`;
}
console.log(JSON.stringify(await call("GET", "/v1/search?q=rose")));
