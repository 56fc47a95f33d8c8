// A round trip with the client that openapi-typescript and openapi-fetch make of the document: node round_trip.js URL
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Problem = components["schemas"]["Problem"];

const client = createClient<paths>({ baseUrl: process.argv[2] ?? "" });
const account = { user_name: "typescript", password: "correct horse battery" };

/** What a call has answered; a failure ends the run. */
function answer<T>(reply: { data?: T; error?: unknown }): T {
    assert.ok(reply.data !== undefined, JSON.stringify(reply.error));
    return reply.data;
}

const user = answer(await client.POST("/v1/auth/register", { body: account }));
const session = answer(await client.POST("/v1/auth/login", { body: account }));
assert.equal(session.user_id, user.user_id);
client.use({
    onRequest({ request }) {
        request.headers.set("Authorization", `Bearer ${session.session_id}`);
    },
});
assert.equal(answer(await client.GET("/v1/me")).role, "user");

const chat = answer(await client.POST("/v1/chats", { body: { chat_name: "Garden" } }));
const path = { chat_id: chat.chat_id };
for (const message of ["The tomatoes are ripe.", "And the beans?", "Not yet."]) {
    const header = { "Idempotency-Key": message };
    const posted = await client.POST("/v1/chats/{chat_id}/messages", { params: { path, header }, body: { message } });
    assert.match(answer(posted).message_id, /^[0-9a-f-]{36}$/);
    const again = await client.POST("/v1/chats/{chat_id}/messages", { params: { path, header }, body: { message } });
    assert.equal(answer(again).message_id, answer(posted).message_id);
    assert.equal(again.response.headers.get("Idempotency-Replayed"), "true");
}

const texts: string[] = [];
let from: string | undefined;
do {
    const query = { limit: 2, order: "newest-first" as const, ...(from && { from }) };
    const page = answer(await client.GET("/v1/chats/{chat_id}/messages", { params: { path, query } }));
    texts.push(...page.messages.map((message) => message.text ?? "(hidden)"));
    from = page.next?.iterator;
} while (from);
assert.deepEqual(texts, ["Not yet.", "And the beans?", "The tomatoes are ripe."]);

const found = answer(await client.GET("/v1/search", { params: { query: { q: "tomato" } } }));
assert.deepEqual(found.hits.map((hit) => hit.text), ["The tomatoes are ripe."]);

const refused = await client.GET("/v1/chats/{chat_id}", { params: { path: { chat_id: user.user_id } } });
const problem: Problem | undefined = refused.error;
assert.equal(problem?.code, "chat-not-found");
assert.equal(refused.response.status, 404);
console.log("typescript: round trip done");
