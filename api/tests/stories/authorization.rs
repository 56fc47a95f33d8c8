//! Who may do what: every operation of the document, asked by everybody, and by service tokens of each scope. An
//! operation without a row fails.

use api::Access;
use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeSet;
use testkit::{Actor, Reply, TestApp};

/// Who asks. The author is a member who has posted the message that the row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Anonymous,
    Stranger,
    Muted,
    Member,
    Admin,
    Owner,
    Author,
}

const ROLES: [Role; 7] =
    [Role::Anonymous, Role::Stranger, Role::Muted, Role::Member, Role::Admin, Role::Owner, Role::Author];

/// Whose user or session the address or the body names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// It names none.
    Nobodys,
    /// The one's who asks; where nobody is logged in, somebody else's.
    Own,
    /// A plain member's; they have posted the message where who asks has not.
    Others,
}

/// What may ask, when it is not a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// Anything, also nothing.
    Anything,
    /// A session only: it secures the account, or tells what an application's backend has no business with.
    Login,
    /// A service token with the scope `read`.
    Read,
    /// A service token with the scope `write`.
    Write,
    /// A service token with the scope `notify`, of somebody who has the role; nobody in the house has.
    Notify,
    /// As `Write`, of somebody who has the role; nobody in the house has.
    Moderate,
    /// The same as `Read`.
    ModerateRead,
    /// As `Write`, of an admin; nobody in the house is one.
    Administer,
    /// The same as `Read`.
    AdministerRead,
}

/// Every scope that a service token can have.
const SCOPES: [&str; 3] = ["read", "write", "notify"];

struct Row {
    method: &'static str,
    path: &'static str,
    takes: Takes,
    whose: Whose,
    body: &'static str,
    /// In the order of [`ROLES`].
    statuses: [u16; 7],
}

type Words = &'static str;

const fn row(method: Words, path: Words, takes: Takes, whose: Whose, body: Words, statuses: [u16; 7]) -> Row {
    Row { method, path, takes, whose, body, statuses }
}

use Takes::{Administer, AdministerRead, Anything, Login, Moderate, ModerateRead, Notify, Read, Write};
use Whose::{Nobodys, Others, Own};

/// What anybody may ask.
const fn open(path: Words) -> Row {
    row("get", path, Anything, Nobodys, "", [200; 7])
}

/// What only admins may do.
const fn admins(method: Words, path: Words, takes: Takes, body: Words) -> Row {
    row(method, path, takes, Nobodys, body, [401, 403, 403, 403, 403, 403, 403])
}

/// What anybody with a session may do, about themselves.
const fn mine(method: Words, path: Words, takes: Takes, body: Words) -> Row {
    row(method, path, takes, Own, body, [401, 200, 200, 200, 200, 200, 200])
}

/// What only notifiers and admins may do: nobody in the house is one.
const fn notifiers(method: Words, path: Words, body: Words) -> Row {
    row(method, path, Notify, Nobodys, body, [401, 403, 403, 403, 403, 403, 403])
}

const TEMPLATES: &str = "/v1/templates";
const ONE_TEMPLATE: &str = "/v1/templates/{id}";
const TEMPLATE_BODY: &str =
    r#"{"key": "a", "category": "transactional", "variables": {}, "locales": {"en": {"subject": "x", "text": "y"}}}"#;
const SUPPRESSIONS: &str = "/v1/suppressions";
const ONE_SUPPRESSION: &str = "/v1/suppressions/{address}";
const SUSPENSION: &str = "/v1/users/{user_id}/suspension";
const CHAT: &str = "/v1/chats/{chat_id}";
const USERS: &str = "/v1/chats/{chat_id}/users";
const ONE_USER: &str = "/v1/chats/{chat_id}/users/{user_id}";
const BANS: &str = "/v1/chats/{chat_id}/bans";
const ONE_BAN: &str = "/v1/chats/{chat_id}/bans/{user_id}";
const INVITATIONS: &str = "/v1/chats/{chat_id}/invitations";
const ONE_INVITATION: &str = "/v1/chats/{chat_id}/invitations/{invitation_id}";
const REPORTS_OF_MESSAGE: &str = "/v1/chats/{chat_id}/messages/{message_id}/reports";
const REPORTS_OF_CHAT: &str = "/v1/chats/{chat_id}/reports";
const MESSAGES: &str = "/v1/chats/{chat_id}/messages";
const ONE_MESSAGE: &str = "/v1/chats/{chat_id}/messages/{message_id}";
const ONE_REACTION: &str = "/v1/chats/{chat_id}/messages/{message_id}/reactions/{emoji}";
const EDITS: &str = "/v1/chats/{chat_id}/messages/{message_id}/edits";
const PINS: &str = "/v1/chats/{chat_id}/pins";
const ONE_PIN: &str = "/v1/chats/{chat_id}/pins/{message_id}";
const READ: &str = "/v1/chats/{chat_id}/read";
const EXPORT: &str = "/v1/chats/{chat_id}/export";
const FACTOR: &str = r#"{"password": "a long enough passphrase", "code": "123456"}"#;
const LIVE: &str = "/v1/live";
const ONE_SESSION: &str = "/v1/me/sessions/{id}";
const ONE_TOKEN: &str = "/v1/me/tokens/{id}";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    open("/ping"),
    open("/ping_db"),
    open("/livez"),
    open("/readyz"),
    open("/metrics"),
    row("post", "/v1/links", Write, Nobodys, r#"{"url": "https://elsewhere.example/"}"#, [401, 400, 400, 400, 400, 400, 400]),
    row("post", "/v1/webhooks/sendgrid", Anything, Nobodys, "", [404; 7]),
    row("get", "/s/{code}", Anything, Nobodys, "", [404; 7]),
    // For who is on this machine, as everybody is here; who else may is told in `mailbox`.
    open("/mailbox/messages"),
    row("delete", "/mailbox/messages", Anything, Nobodys, "", [200; 7]),
    row("get", "/mailbox/messages/{id}", Anything, Nobodys, "", [404; 7]),
    row("get", "/mailbox/messages/{id}/raw", Anything, Nobodys, "", [404; 7]),
    row("get", "/mailbox/messages/{id}/html", Anything, Nobodys, "", [404; 7]),
    row("get", "/mailbox/messages/{id}/history", Anything, Nobodys, "", [404; 7]),
    row("post", "/v1/auth/register", Anything, Nobodys, r#"{"user_name": "{fresh}", "password": "a long enough passphrase"}"#, [201; 7]),
    row("post", "/v1/auth/login", Anything, Nobodys, r#"{"user_name": "Vera", "password": "a long enough passphrase"}"#, [200; 7]),
    row("post", "/v1/auth/login/second", Anything, Nobodys, r#"{"challenge": "nonsense", "code": "123456"}"#, [401; 7]),
    row("post", "/v1/auth/logout", Anything, Nobodys, "", [200; 7]),
    row("post", "/v1/auth/password/forgot", Anything, Nobodys, r#"{"email": "nobody@example.org"}"#, [202; 7]),
    row("post", "/v1/auth/password/reset", Anything, Nobodys, r#"{"token": "nonsense", "new_password": "another long passphrase"}"#, [410; 7]),
    row("post", "/v1/auth/code", Anything, Nobodys, r#"{"email": "nobody@example.org"}"#, [202; 7]),
    row("post", "/v1/auth/passkey/begin", Anything, Nobodys, "", [200; 7]),
    row("post", "/v1/auth/passkey/finish", Anything, Nobodys, r#"{"credential": {}}"#, [400; 7]),
    row("post", "/v1/auth/code/verify", Anything, Nobodys, r#"{"email": "none@example.org", "code": "123456"}"#, [401; 7]),
    open("/v1/auth/providers"),
    row("get", "/v1/auth/external/{provider}", Anything, Nobodys, "", [404; 7]),
    row("get", "/v1/auth/external/{provider}/callback", Anything, Nobodys, "", [404; 7]),
    row("post", "/v1/auth/external/exchange", Anything, Nobodys, r#"{"code": "nonsense"}"#, [401; 7]),
    mine("get", "/v1/me/identities", Login, ""),
    row("post", "/v1/me/identities/begin", Login, Own, r#"{"provider": "nobody"}"#, [401, 404, 404, 404, 404, 404, 404]),
    row("post", "/v1/me/identities/finish", Login, Own, r#"{"code": "nonsense"}"#, [401; 7]),
    row("delete", "/v1/me/identities/{id}", Login, Own, "", [401, 404, 404, 404, 404, 404, 404]),
    row("get", "/c/{token}", Anything, Nobodys, "", [410; 7]),
    row("post", "/c/{token}", Anything, Nobodys, "", [410; 7]),
    row("get", "/r/{token}", Anything, Nobodys, "", [410; 7]),
    row("get", "/m/{token}", Anything, Nobodys, "", [410; 7]),
    row("post", "/m/{token}", Anything, Nobodys, "", [410; 7]),
    row("put", "/v1/me/email", Login, Own, r#"{"email": "anna@example.org"}"#, [401, 202, 202, 202, 202, 202, 202]),
    mine("get", "/v1/me", Read, ""),
    mine("patch", "/v1/me", Write, r#"{"locale": "ru"}"#),
    mine("delete", "/v1/me", Login, r#"{"password": "a long enough passphrase"}"#),
    mine("get", "/v1/me/export", Login, ""),
    mine("put", "/v1/me/password", Login, r#"{"old_password": "a long enough passphrase", "new_password": "another long passphrase"}"#),
    mine("get", "/v1/me/totp", Login, ""),
    row("post", "/v1/me/totp", Login, Own, r#"{"password": "a long enough passphrase"}"#, [401, 201, 201, 201, 201, 201, 201]),
    row("post", "/v1/me/totp/confirm", Login, Own, r#"{"code": "123456"}"#, [401, 404, 404, 404, 404, 404, 404]),
    row("delete", "/v1/me/totp", Login, Own, FACTOR, [401, 404, 404, 404, 404, 404, 404]),
    row("post", "/v1/me/totp/recovery-codes", Login, Own, FACTOR, [401, 404, 404, 404, 404, 404, 404]),
    mine("get", "/v1/me/sign-ins", Login, ""),
    mine("get", "/v1/me/sessions", Login, ""),
    mine("delete", "/v1/me/sessions", Login, ""),
    mine("delete", ONE_SESSION, Login, ""),
    row("delete", ONE_SESSION, Login, Others, "", [401, 404, 404, 404, 404, 404, 404]),
    mine("get", "/v1/me/passkeys", Login, ""),
    mine("post", "/v1/me/passkeys/begin", Login, "{}"),
    row("post", "/v1/me/passkeys/finish", Login, Nobodys, r#"{"credential": {}}"#, [401, 400, 400, 400, 400, 400, 400]),
    row("delete", "/v1/me/passkeys/{id}", Login, Nobodys, "", [401, 404, 404, 404, 404, 404, 404]),
    mine("get", "/v1/me/tokens", Login, ""),
    row("post", "/v1/me/tokens", Login, Own, r#"{"name": "shop", "scopes": ["read"]}"#, [401, 201, 201, 201, 201, 201, 201]),
    mine("delete", ONE_TOKEN, Login, ""),
    row("delete", ONE_TOKEN, Login, Others, "", [401, 404, 404, 404, 404, 404, 404]),
    open("/u/{token}"),
    row("post", "/u/{token}", Anything, Nobodys, "", [200; 7]),
    mine("get", "/v1/me/preferences", Read, ""),
    mine("put", "/v1/me/preferences", Write, "{}"),
    mine("get", "/v1/notification-categories", Read, ""),
    notifiers("post", "/v1/notifications", r#"{"content": {"subject": "s", "text": "t"}, "to": {"all": true}, "category": "transactional"}"#),
    notifiers("get", "/v1/notifications", ""),
    notifiers("get", "/v1/notifications/{id}", ""),
    notifiers("delete", "/v1/notifications/{id}", ""),
    notifiers("get", "/v1/notifications/{id}/deliveries", ""),
    notifiers("post", "/v1/deliveries/{id}/retry", ""),
    notifiers("post", "/v1/deliveries/{id}/cancel", ""),
    notifiers("post", "/v1/mailings", r#"{"name": "n", "content": {"subject": "s", "text": "t"}, "category": "marketing", "audience": {"all": true}}"#),
    notifiers("get", "/v1/mailings", ""),
    notifiers("get", "/v1/mailings/{id}", ""),
    notifiers("patch", "/v1/mailings/{id}", r#"{"name": "m"}"#),
    notifiers("delete", "/v1/mailings/{id}", ""),
    notifiers("post", "/v1/mailings/{id}/preview", ""),
    notifiers("post", "/v1/mailings/{id}/start", ""),
    notifiers("post", "/v1/mailings/{id}/pause", ""),
    notifiers("post", "/v1/mailings/{id}/resume", ""),
    notifiers("post", "/v1/mailings/{id}/cancel", ""),
    notifiers("get", "/v1/mailings/{id}/runs", ""),
    notifiers("get", "/v1/mailings/{id}/deliveries", ""),
    notifiers("get", "/v1/mailings/{id}/deliveries.csv", ""),
    row("get", LIVE, Read, Nobodys, "", [401, 400, 400, 400, 400, 400, 400]),
    // Without a handshake; who asks may also say so later.
    row("get", "/v1/ws", Anything, Nobodys, "", [400; 7]),
    row("post", "/v1/chats/{chat_id}/typing", Write, Nobodys, "", [401, 403, 403, 204, 204, 204, 204]),
    mine("get", "/v1/inbox", Read, ""),
    mine("post", "/v1/inbox/read-all", Write, ""),
    row("post", "/v1/inbox/{id}/read", Write, Own, "", [401, 404, 404, 404, 404, 404, 404]),
    row("post", "/v1/inbox/{id}/archive", Write, Own, "", [401, 404, 404, 404, 404, 404, 404]),
    notifiers("get", SUPPRESSIONS, ""),
    notifiers("get", ONE_SUPPRESSION, ""),
    notifiers("put", ONE_SUPPRESSION, r#"{"reason": "manual"}"#),
    notifiers("delete", ONE_SUPPRESSION, ""),
    notifiers("get", TEMPLATES, ""),
    notifiers("post", TEMPLATES, TEMPLATE_BODY),
    notifiers("get", ONE_TEMPLATE, ""),
    notifiers("put", ONE_TEMPLATE, TEMPLATE_BODY),
    notifiers("delete", ONE_TEMPLATE, ""),
    notifiers("post", "/v1/templates/{id}/preview", "{}"),
    notifiers("post", "/v1/templates/{id}/test", "{}"),
    mine("get", "/v1/users", Read, ""),
    row("get", "/v1/users/{user_id}", Read, Others, "", [401, 200, 200, 200, 200, 200, 200]),
    row("put", SUSPENSION, Moderate, Others, r#"{"reason": "x"}"#, [401, 403, 403, 403, 403, 403, 403]),
    row("delete", SUSPENSION, Moderate, Others, "", [401, 403, 403, 403, 403, 403, 403]),
    mine("get", "/v1/chats", Read, ""),
    row("post", "/v1/chats", Write, Nobodys, r#"{"chat_name": "yard"}"#, [401, 201, 201, 201, 201, 201, 201]),
    row("put", "/v1/direct/{user_id}", Write, Others, "", [401, 201, 201, 201, 201, 201, 201]),
    row("put", "/v1/direct/{user_id}", Write, Own, "", [401, 400, 400, 400, 400, 400, 400]),
    //                                                                       anon stra mute memb admi owne auth
    row("get", CHAT, Read, Nobodys, "",                                     [401, 403, 200, 200, 200, 200, 200]),
    row("patch", CHAT, Write, Nobodys, r#"{"chat_name": "yard"}"#,          [401, 403, 403, 403, 200, 200, 403]),
    row("patch", CHAT, Write, Nobodys, r#"{"archived": true}"#,             [401, 403, 403, 403, 200, 200, 403]),
    row("delete", CHAT, Write, Nobodys, "",                                 [401, 403, 403, 403, 403, 200, 403]),
    row("post", USERS, Write, Nobodys, "{}",                                [401, 403, 200, 200, 200, 200, 200]),
    row("post", USERS, Write, Others, r#"{"user_id": "{outsider}"}"#,       [401, 403, 403, 403, 201, 201, 403]),
    row("get", USERS, Read, Nobodys, "",                                    [401, 403, 200, 200, 200, 200, 200]),
    row("patch", ONE_USER, Write, Own, r#"{"role": "admin"}"#,              [401, 403, 403, 403, 403, 403, 403]),
    row("patch", ONE_USER, Write, Others, r#"{"role": "muted"}"#,           [401, 403, 403, 403, 200, 200, 403]),
    row("patch", ONE_USER, Write, Others, r#"{"role": "admin"}"#,           [401, 403, 403, 403, 403, 200, 403]),
    row("patch", ONE_USER, Write, Others, r#"{"role": "owner"}"#,           [401, 403, 403, 403, 403, 200, 403]),
    row("patch", ONE_USER, Write, Own, r#"{"user_name": "other {fresh}"}"#, [401, 403, 200, 200, 200, 200, 200]),
    row("patch", ONE_USER, Write, Others, r#"{"user_name": "other"}"#,      [401, 403, 403, 403, 403, 403, 403]),
    row("delete", ONE_USER, Write, Own, "",                                 [401, 403, 200, 200, 200, 409, 200]),
    row("delete", ONE_USER, Write, Others, "",                              [401, 403, 403, 403, 200, 200, 403]),
    row("get", BANS, Read, Nobodys, "",                                     [401, 403, 403, 403, 200, 200, 403]),
    row("put", ONE_BAN, Write, Others, r#"{"reason": "spam"}"#,             [401, 403, 403, 403, 200, 200, 403]),
    row("put", ONE_BAN, Write, Own, "{}",                                   [401, 403, 403, 403, 403, 403, 403]),
    row("delete", ONE_BAN, Write, Others, "",                               [401, 403, 403, 403, 200, 200, 403]),
    row("get", INVITATIONS, Read, Nobodys, "",                              [401, 403, 403, 403, 200, 200, 403]),
    row("post", INVITATIONS, Write, Nobodys, "{}",                          [401, 403, 403, 403, 201, 201, 403]),
    row("delete", ONE_INVITATION, Write, Nobodys, "",                       [401, 403, 403, 403, 404, 404, 403]),
    row("post", "/v1/invitations/{code}", Write, Nobodys, "{}",             [401, 201, 200, 200, 200, 200, 200]),
    row("get", "/i/{code}", Anything, Nobodys, "", [200; 7]),
    row("post", REPORTS_OF_MESSAGE, Write, Others, r#"{"reason": "spam"}"#, [401, 403, 201, 201, 201, 201, 403]),
    row("get", REPORTS_OF_CHAT, Read, Nobodys, "",                          [401, 403, 403, 403, 200, 200, 403]),
    admins("get", "/v1/admin/overview", AdministerRead, ""),
    admins("get", "/v1/admin/events", AdministerRead, ""),
    admins("get", "/v1/admin/events/{event}", AdministerRead, ""),
    admins("get", "/v1/admin/events/{event}/trace", AdministerRead, ""),
    admins("post", "/v1/admin/events/{event}/unseal", Administer, "{}"),
    admins("get", "/v1/admin/streams", AdministerRead, ""),
    admins("get", "/v1/admin/streams/{stream}", AdministerRead, ""),
    admins("get", "/v1/admin/projections", AdministerRead, ""),
    admins("post", "/v1/admin/projections/{name}/rebuild", Administer, ""),
    admins("post", "/v1/admin/projections/{name}/verify", Administer, ""),
    admins("post", "/v1/admin/projections/{name}/pause", Administer, "{}"),
    admins("post", "/v1/admin/projections/{name}/resume", Administer, "{}"),
    admins("post", "/v1/admin/projections/{name}/skip", Administer, r#"{"reason": "x"}"#),
    admins("get", "/v1/admin/tasks", AdministerRead, ""),
    admins("get", "/v1/admin/tasks/{task_id}", AdministerRead, ""),
    admins("get", "/v1/admin/users", AdministerRead, ""),
    admins("get", "/v1/admin/users/{user}", AdministerRead, ""),
    admins("get", "/v1/admin/users/{user}/sessions", AdministerRead, ""),
    admins("get", "/v1/admin/users/{user}/sign-ins", AdministerRead, ""),
    admins("get", "/v1/admin/users/{user}/factors", AdministerRead, ""),
    admins("delete", "/v1/admin/users/{user}/factors/{which}", Administer, ""),
    admins("post", "/v1/admin/users/{user}/role", Administer, r#"{"role": "user"}"#),
    admins("delete", "/v1/admin/users/{user}/sessions", Administer, ""),
    admins("delete", "/v1/admin/users/{user}/sessions/{id}", Administer, ""),
    admins("post", "/v1/admin/users/{user}/erase", Administer, r#"{"user_name": "x"}"#),
    admins("get", "/v1/admin/chats", AdministerRead, ""),
    admins("get", "/v1/admin/chats/{chat_id}", AdministerRead, ""),
    admins("get", "/v1/admin/search", AdministerRead, ""),
    admins("get", "/v1/admin/deliveries", AdministerRead, ""),
    admins("get", "/v1/admin/deliveries/{id}", AdministerRead, ""),
    admins("get", "/v1/admin/schedules", AdministerRead, ""),
    admins("get", "/v1/admin/figures", AdministerRead, ""),
    admins("get", "/v1/admin/settings", AdministerRead, ""),
    admins("get", "/v1/admin/doctor", AdministerRead, ""),
    row("get", "/v1/reports", ModerateRead, Nobodys, "",                    [401, 403, 403, 403, 403, 403, 403]),
    // What each may resolve is told in `reports`.
    row("post", "/v1/reports/{report_id}/resolve", Write, Nobodys, r#"{"action": "hide"}"#, [401, 404, 404, 404, 404, 404, 404]),
    row("get", MESSAGES, Read, Nobodys, "",                                 [401, 403, 200, 200, 200, 200, 200]),
    row("post", MESSAGES, Write, Nobodys, r#"{"message": "hello"}"#,        [401, 403, 403, 201, 201, 201, 201]),
    row("get", ONE_MESSAGE, Read, Others, "",                               [401, 403, 200, 200, 200, 200, 200]),
    row("patch", ONE_MESSAGE, Write, Others, r#"{"message": "changed"}"#,   [401, 403, 403, 403, 403, 403, 200]),
    row("delete", ONE_MESSAGE, Write, Others, "",                           [401, 403, 403, 403, 200, 200, 200]),
    row("put", ONE_REACTION, Write, Others, "",                             [401, 403, 403, 200, 200, 200, 200]),
    row("delete", ONE_REACTION, Write, Others, "",                          [401, 403, 403, 200, 200, 200, 200]),
    row("get", EDITS, Read, Others, "",                                     [401, 403, 200, 200, 200, 200, 200]),
    row("get", PINS, Read, Nobodys, "",                                     [401, 403, 200, 200, 200, 200, 200]),
    row("put", ONE_PIN, Write, Others, "",                                  [401, 403, 403, 403, 200, 200, 403]),
    row("delete", ONE_PIN, Write, Others, "",                               [401, 403, 403, 403, 200, 200, 403]),
    row("put", READ, Write, Others, r#"{"message_id": "{message_id}"}"#,     [401, 403, 200, 200, 200, 200, 200]),
    row("get", EXPORT, Read, Nobodys, "",                                   [401, 403, 403, 403, 403, 200, 403]),
    // Without a question; what each may find is told in `search` and `search_tasks`.
    row("get", "/v1/search", Read, Nobodys, "",                             [401, 400, 400, 400, 400, 400, 400]),
    row("post", "/v1/chats/search", Write, Nobodys, r#"{"message": "hello"}"#, [401, 201, 201, 201, 201, 201, 201]),
    row("get", "/v1/chats/search/status/{task_id}", Read, Nobodys, "",      [401, 404, 404, 404, 404, 404, 404]),
    row("get", "/v1/chats/search/{task_id}/messages", Read, Nobodys, "",    [401, 404, 404, 404, 404, 404, 404]),
];

#[test]
fn every_operation_has_a_row() {
    let document = api::document();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| ["get", "post", "put", "patch", "delete"].contains(&key.as_str()));
        documented.extend(methods.map(|method| format!("{method} {path}")));
    }
    let tried = ROWS.iter().map(|row| format!("{} {}", row.method, row.path)).collect::<BTreeSet<_>>();
    let missing = documented.difference(&tried).collect::<Vec<_>>();
    assert!(missing.is_empty(), "say in the table above who may do these: {missing:?}");
    let gone = tried.difference(&documented).collect::<Vec<_>>();
    assert!(gone.is_empty(), "these are not in the document: {gone:?}");
}

#[test]
fn every_route_states_whom_it_serves() {
    let document = api::document();
    let operations = api::operations();
    for row in ROWS {
        let is_it = |operation: &&api::Operation| {
            operation.path == row.path && operation.method.as_str().eq_ignore_ascii_case(row.method)
        };
        let stated = operations.iter().find(is_it).unwrap_or_else(|| panic!("{row} is no route")).spec.access;
        let tried = match row.takes {
            Anything => Access::Anyone,
            Login => Access::Person,
            Read | Write => Access::Caller,
            Notify => Access::Notifier,
            Moderate | ModerateRead => Access::Moderator,
            Administer | AdministerRead => Access::Admin,
        };
        assert_eq!(stated, tried, "{row}");
        // An empty list, or an empty requirement in it, is: without credentials.
        let security = document["paths"][row.path][row.method]["security"].as_array().expect("it is always said");
        let secured =
            !security.is_empty() && security.iter().all(|one| one.as_object().is_some_and(|of| !of.is_empty()));
        assert_eq!(secured, stated != Access::Anyone, "{row}");
    }
}

#[tokio::test]
async fn everybody_may_do_what_the_table_says_and_nothing_else() {
    let app = TestApp::start().await;
    let house = House::of(&app).await;
    let mut wrong = Vec::new();
    for (number, row) in ROWS.iter().enumerate() {
        for (role, expected) in ROLES.into_iter().zip(row.statuses) {
            let (answered, _) = house.ask(&app, row, role, None, &format!("{role:?} {number}")).await;
            if answered != expected {
                wrong.push(format!("{row}: {role:?} got {answered}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_service_token_may_do_what_its_scope_and_the_table_say_and_nothing_else() {
    const OWNER: usize = 5;
    assert_eq!(ROLES[OWNER], Role::Owner);
    let app = TestApp::start().await;
    let house = House::of(&app).await;
    let mut wrong = Vec::new();
    for (number, row) in ROWS.iter().enumerate() {
        for scope in SCOPES {
            let missing = (403, "scope-missing".to_owned());
            let answered = house.ask(&app, row, Role::Owner, Some(scope), &format!("{scope} {number}")).await;
            let right = match row.takes {
                Login => answered == (403, "session-required".to_owned()),
                Read if scope != "read" => answered == missing,
                ModerateRead | AdministerRead if scope != "read" => answered == missing,
                Moderate | Administer if scope != "write" => answered == missing,
                Write if scope != "write" => answered == missing,
                Notify if scope != "notify" => answered == missing,
                Anything | Read | Write | Notify | Moderate | ModerateRead | Administer | AdministerRead => {
                    answered.0 == row.statuses[OWNER]
                }
            };
            if !right {
                wrong.push(format!("{row}: a token with {scope} got {answered:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

impl std::fmt::Display for Row {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Row { method, path, takes, whose, body, .. } = self;
        write!(out, "{method} {path} ({whose:?}, {takes:?}) {body}")
    }
}

/// Where people read what is tried here.
const PAPER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/who-may-do-what.md");

/// The account roles, and who of them may what an ordinary user may not.
#[tokio::test]
async fn account_roles_may_do_what_the_paper_says_and_nothing_else() {
    let app = TestApp::start().await;
    let mut asking = Vec::new();
    for role in domain::user::Role::ALL {
        asking.push(app.with_role(&format!("the {}", role.name()), role).await);
    }
    let vera = app.user("Vera").await;
    let mut table = String::from("| call | user | notifier | moderator | admin |\n|---|---|---|---|---|\n");
    for row in
        ROWS.iter().filter(|row| matches!(row.takes, Notify | Moderate | ModerateRead | Administer | AdministerRead))
    {
        let path = row.path.replace("{user_id}", &vera.user_id).replace("{address}", "anna@example.org");
        let path = path.replace("{id}", &vera.user_id);
        let mut cells = Vec::new();
        for actor in &asking {
            let body = Some(row.body).filter(|body| !body.is_empty()).map(|body| body.parse::<Value>().unwrap());
            let method = Method::from_bytes(row.method.to_uppercase().as_bytes()).unwrap();
            let reply = actor.send(method, &path, body, &[]).await;
            cells.push(if reply.body["code"] == "not-allowed" { "–" } else { "yes" });
        }
        table.push_str(&format!("| `{} {}` | {} |\n", row.method.to_uppercase(), row.path, cells.join(" | ")));
    }
    assert_in_paper(&table);
}

/// What is tried above of every role in a chat, as a table for people.
#[test]
fn roles_in_a_chat_may_do_what_the_paper_says() {
    let mut table = String::from(
        "| call | body | about | stranger | muted | member | admin | owner | author |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    let is_in_chat = |row: &&Row| row.path.contains("{chat_id}") && !row.path.starts_with("/v1/admin");
    for row in ROWS.iter().filter(|row| is_in_chat(row) || row.path.contains("/v1/invitations/")) {
        let cells = row.statuses[1..].iter().map(|status| if *status < 300 { "yes" } else { "–" });
        let about = match row.whose {
            Nobodys => "",
            Own => "oneself",
            Others => "another",
        };
        let body = if row.body.is_empty() { String::new() } else { format!("`{}`", row.body) };
        let cells = cells.collect::<Vec<_>>().join(" | ");
        table.push_str(&format!("| `{} {}` | {body} | {about} | {cells} |\n", row.method.to_uppercase(), row.path));
    }
    assert_in_paper(&table);
}

/// With `UPDATE_PAPER` set the paper gets the table in place of the one that begins as it does.
#[track_caller]
fn assert_in_paper(table: &str) {
    let paper = std::fs::read_to_string(PAPER).unwrap();
    if paper.contains(table) {
        return;
    }
    if std::env::var_os("UPDATE_PAPER").is_some() {
        let heading = table.lines().next().unwrap();
        let begin = paper.find(heading).expect("the table stands in the paper");
        let behind = paper[begin..].find("\n\n").map_or(paper.len(), |end| begin + end + 1);
        std::fs::write(PAPER, [&paper[..begin], table, &paper[behind..]].concat()).unwrap();
    }
    panic!("docs/who-may-do-what.md says something else; run this once more with UPDATE_PAPER=1:\n{table}");
}

/// Who is there in every chat.
struct House {
    founder: Actor,
    other: Actor,
    outsider: Actor,
}

impl House {
    async fn of(app: &TestApp) -> House {
        House { founder: app.user("Boris").await, other: app.user("Vera").await, outsider: app.user("Galja").await }
    }

    /// Lets somebody new of that role ask, about a private chat of their own: by their session, or by a service token
    /// with that scope. The status of the answer, and its code where it has one.
    async fn ask(&self, app: &TestApp, row: &Row, role: Role, scope: Option<&str>, name: &str) -> (u16, String) {
        let asking = if role == Role::Anonymous { app.anonymous() } else { app.user(name).await };
        let owner = if role == Role::Owner { &asking } else { &self.founder };
        let chat = owner.post("/v1/chats", serde_json::json!({"chat_name": name, "private": true})).await.id("chat_id");
        add(owner, &chat, &self.other, "member").await;
        match role {
            Role::Anonymous | Role::Stranger | Role::Owner => {}
            Role::Member | Role::Author => add(owner, &chat, &asking, "member").await,
            Role::Muted => add(owner, &chat, &asking, "muted").await,
            Role::Admin => add(owner, &chat, &asking, "admin").await,
        }
        let author = if role == Role::Author { &asking } else { &self.other };
        let message = author.say(&chat, "hello").await;
        let named = if row.whose == Own && role != Role::Anonymous { &asking } else { &self.other };
        let id = if row.path == ONE_TOKEN { token(named, "read").await.id("id") } else { session(named).await };
        // Short links have codes as well.
        let code = if row.path.contains("/s/") { "{code}".to_owned() } else { invitation(owner, &chat).await };
        let path = row
            .path
            .replace("{chat_id}", &chat)
            .replace("{message_id}", &message)
            .replace("{user_id}", &named.user_id)
            .replace("{invitation_id}", &message)
            .replace("{code}", &code)
            .replace("{address}", "anna@example.org")
            .replace("{emoji}", "%F0%9F%91%8D")
            .replace("{id}", &id);
        let body = row
            .body
            .replace("{message_id}", &message)
            .replace("{fresh}", &format!("fresh {name}"))
            .replace("{outsider}", &self.outsider.user_id);
        let body = Some(body).filter(|body| !body.is_empty()).map(|body| body.parse::<Value>().unwrap());
        let method = Method::from_bytes(row.method.to_uppercase().as_bytes()).unwrap();
        let mut by = asking.clone();
        if let Some(scope) = scope {
            by.token = Some(token(&asking, scope).await.id("token"));
        }
        // A stream would go on: where it is to begin is what is wrong with it.
        let headers = if row.path == LIVE { &[("last-event-id", "nowhere")][..] } else { &[] };
        let reply = by.send(method, &path, body, headers).await;
        (reply.status.as_u16(), reply.body["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// A new service token of theirs with that scope.
async fn token(whose: &Actor, scope: &str) -> Reply {
    let body = serde_json::json!({"name": scope, "scopes": [scope]});
    whose.post("/v1/me/tokens", body).await.expect_status(201)
}

async fn add(owner: &Actor, chat: &str, whom: &Actor, role: &str) {
    let path = format!("/v1/chats/{chat}/users");
    owner.post(&path, serde_json::json!({"user_id": whom.user_id})).await.expect_status(201);
    if role != "member" {
        let path = format!("{path}/{}", whom.user_id);
        owner.patch(&path, serde_json::json!({"role": role})).await.expect_status(200);
    }
}

/// The code of an invitation of theirs.
async fn invitation(owner: &Actor, chat: &str) -> String {
    let path = format!("/v1/chats/{chat}/invitations");
    owner.post(&path, serde_json::json!({})).await.expect_status(201).id("code")
}

/// The session that they ask by.
async fn session(whose: &Actor) -> String {
    let sessions = whose.get("/v1/me/sessions").await.expect_status(200).body["sessions"].clone();
    let current = sessions.as_array().unwrap().iter().find(|session| session["current"] == true);
    current.and_then(|session| session["id"].as_str()).expect("the session that asks is in the list").to_owned()
}
