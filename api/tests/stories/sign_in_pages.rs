//! The pages `/sign-in` and `/sign-in/second`; what their script does is tried in a browser (`scripts/openapi`).

use reqwest::Method;
use testkit::{Reply, TestApp};

async fn look(app: &TestApp, path: &str, language: &str) -> Reply {
    let headers = [("accept", "text/html"), ("accept-language", language)];
    app.anonymous().send(Method::GET, path, None, &headers).await
}

#[tokio::test]
async fn strangers_find_every_way_in_in_their_language_and_nothing_from_elsewhere() {
    let app = TestApp::start().await;
    for (path, language, said) in [
        ("/sign-in", "en", "Sign in with a passkey"),
        ("/sign-in", "ru-RU", "Войти с ключом доступа"),
        ("/sign-in/second", "en", "recovery codes"),
        ("/sign-in/second", "ru", "запасных кодов"),
    ] {
        let page = look(&app, path, language).await.expect_status(200);
        assert!(page.text.contains(said), "{}", page.text);
        let policy = page.header("content-security-policy");
        for rule in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(rule) && !policy.contains("unsafe"), "{policy}");
        }
        for inline in ["style=", "<style", "onclick", "<script>", "src=\"http", "href=\"http"] {
            assert!(!page.text.contains(inline), "{inline} in {}", page.text);
        }
        for file in page.text.split('"').filter(|part| part.starts_with("/sign-in/assets/")) {
            look(&app, file, language).await.expect_status(200);
        }
    }
}

#[tokio::test]
async fn they_lead_where_they_may_and_nowhere_else() {
    let app = TestApp::start().await;
    let page = look(&app, "/sign-in?return_to=%2Fconsole%3Fa%3Db%26c", "en").await.expect_status(200);
    assert!(page.text.contains(&format!("data-return-to=\"{}/console?a=b&#38;c\"", app.url)), "{}", page.text);
    for bad in
        ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/%5Cevil.example", "%22%3E%3Cscript%3E"]
    {
        for path in ["/sign-in", "/sign-in/second"] {
            look(&app, &format!("{path}?return_to={bad}"), "en").await.expect_problem(400, "bad-return-to");
        }
    }
}

#[tokio::test]
async fn they_are_switched_off_where_no_console_needs_them() {
    for (has_sign_in_pages, has_console, status) in [(true, false, 200), (false, true, 200), (false, false, 404)] {
        let settings = api::Settings { has_sign_in_pages, has_console, ..TestApp::settings() };
        let app = TestApp::start_with(settings).await;
        look(&app, "/sign-in", "en").await.expect_status(status);
    }
}
