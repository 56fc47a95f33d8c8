//! A sign-in by another service that goes over two nodes, and what both are asked at once: there is one winner.

use crate::nodes::{Cluster, Node, ask, log_in, register};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use serde_json::json;
use servers::{CLIENT, Provider, ProviderUser};

/// A browser's answer: its status, and where it is led.
struct Led {
    status: u16,
    to: String,
    cookie: Option<String>,
}

async fn get(url: &str, cookie: Option<&str>, session: Option<&str>) -> Led {
    let client = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    let mut request = client.get(url);
    if let Some(cookie) = cookie {
        request = request.header(COOKIE, cookie);
    }
    if let Some(session) = session {
        request = request.bearer_auth(session);
    }
    let response = request.send().await.unwrap();
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let cookie = text(SET_COOKIE).and_then(|line| line.split(';').next().map(str::to_owned));
    Led { status: response.status().as_u16(), to: text(LOCATION).unwrap_or_default(), cookie }
}

/// Begins on a node, and asks the provider: the path that leads back, and the cookie.
async fn led_back(node: &Node, query: &str, session: Option<&str>) -> (String, String) {
    let begun = get(&format!("{}/v1/auth/external/acme?return_to=/{query}", node.url()), None, session).await;
    assert_eq!(begun.status, 302, "{}", begun.to);
    let back = get(&begun.to, None, None).await;
    let path = back.to.find("/v1/auth/").map(|at| back.to[at..].to_owned());
    (path.expect("it leads back"), begun.cookie.expect("the browser is known again"))
}

fn told(led: &Led, name: &str) -> Option<String> {
    let (_, fragment) = led.to.split_once('#')?;
    let pairs = fragment.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_a_code_and_an_identity_have_one_winner_on_two_nodes() {
    let Some(cluster) = Cluster::new().await else { return };
    let provider = Provider::start().await;
    let settings = format!(
        "outbound_allow = '127.0.0.1'\nrate_limits = 'off'\n[oidc.acme]\nissuer = '{}'\nclient_id = '{}'\nclient_secret = '{}'",
        provider.issuer, CLIENT.0, CLIENT.1
    );
    let nodes = [(); 2].map(|()| cluster.node_by(&cluster.url, &settings));
    let urls = [nodes[0].url(), nodes[1].url()];
    for round in 0..3 {
        provider.sign_in_as(ProviderUser::new(&format!("somebody {round}"), &format!("{round}@example.org")));
        let (back, cookie) = led_back(&nodes[0], "", None).await;
        let [one, other] = [format!("{}{back}", urls[0]), format!("{}{back}", urls[1])];
        let (one, other) = tokio::join!(get(&one, Some(&cookie), None), get(&other, Some(&cookie), None));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 400], "a state is good once");
        let code = told(&one, "code").or_else(|| told(&other, "code")).expect("one of them has it");
        let exchange =
            |node: &str| ask("POST", format!("{node}/v1/auth/external/exchange"), None, Some(json!({"code": code})));
        let (one, other) = tokio::join!(exchange(urls[0]), exchange(urls[1]));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401], "a code is good once");

        provider.sign_in_as(ProviderUser::new(&format!("wanted {round}"), &format!("wanted{round}@example.org")));
        let mut sessions = Vec::new();
        for (name, url) in [("anna", urls[0]), ("boris", urls[1])] {
            register(url, &format!("{name}{round}")).await;
            sessions.push(log_in(url, &format!("{name}{round}")).await);
        }
        let (of_anna, anna) = led_back(&nodes[0], "&link=true", Some(&sessions[0])).await;
        let (of_boris, boris) = led_back(&nodes[1], "&link=true", Some(&sessions[1])).await;
        // Each comes back to the other node.
        let [of_anna, of_boris] = [format!("{}{of_anna}", urls[1]), format!("{}{of_boris}", urls[0])];
        let (one, other) = tokio::join!(get(&of_anna, Some(&anna), None), get(&of_boris, Some(&boris), None));
        let linked = [&one, &other].into_iter().filter(|led| told(led, "linked").is_some()).count();
        let taken = [&one, &other].into_iter().filter(|led| told(led, "error").as_deref() == Some("identity-taken"));
        assert_eq!((linked, taken.count()), (1, 1), "{} {}", one.to, other.to);
    }
}
