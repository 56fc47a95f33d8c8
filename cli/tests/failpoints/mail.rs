//! Mail: wherever it is cut off, nobody is skipped, and what nobody can know has its name.

use super::assert_fired;
use crate::common::{Place, Server};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub const POINTS: &[(&str, u32)] = &[("notices-requested", 1), ("mail-intended", 1), ("mail-handed-over", 1)];

const ADDRESS: &str = "anna@example.org";
const WITHIN: Duration = Duration::from_secs(20);

#[test]
fn a_mail_that_is_cut_off_is_told_once_or_has_its_name() {
    for (name, nth) in POINTS {
        let place = Place::new();
        let mut server = place.serve_until(&format!("{name}=crash@{nth}")).unwrap();
        sign_up(&server);
        assert_fired(server.ended(), &place.said(), name);

        let server = place.serve();
        let delivery = until(&place, |delivery| delivery["state"] != "requested" && delivery["state"] != "sending");
        let states = states(&place, &delivery);
        let mails = mails(&server);
        let in_doubt = ["requested", "sending", "unknown", "deferred"].as_slice();
        let (expected, left) = match *name {
            // Asked for again after the start, and found to be there.
            "notices-requested" => (["requested", "sending", "accepted"].as_slice(), 1),
            // Nobody knows: that is said, and it is tried once more later, as the category wants it.
            "mail-intended" => (in_doubt, 0),
            _ => (in_doubt, 1),
        };
        assert_eq!((states, mails), (expected.iter().map(ToString::to_string).collect(), left), "{name}");
        assert_eq!(server.stop(), 0);
        place.run(&["events", "verify"]).ok();
        place.run(&["projections", "verify", "--all"]).ok();
    }
}

fn sign_up(server: &Server) {
    let body = json!({"user_name": "Anna", "password": "a long enough passphrase", "email": ADDRESS});
    super::runtime().block_on(async {
        let request = reqwest::Client::new().post(format!("{}/v1/auth/register", server.url)).json(&body);
        // It may end before it answers: what is told follows from what is in the log.
        if let Ok(answer) = request.send().await {
            answer.error_for_status().unwrap();
        }
    });
}

/// The one delivery by mail, as soon as it is so.
fn until(place: &Place, is_so: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let list = place.run(&["notifications", "ls", "-o", "json"]).ok().json();
        let mails = list.as_array().unwrap().iter().filter(|one| one["channel"] == "email").cloned();
        let mails = mails.collect::<Vec<_>>();
        assert!(mails.len() <= 1, "it is asked for once: {mails:?}");
        if let Some(mail) = mails.into_iter().find(&is_so) {
            return mail;
        }
        assert!(began.elapsed() < WITHIN, "{list} {}", place.said());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn states(place: &Place, delivery: &Value) -> Vec<String> {
    let shown =
        place.run(&["notifications", "show", delivery["delivery_id"].as_str().unwrap(), "-o", "json"]).ok().json();
    shown["history"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap().to_owned()).collect()
}

fn mails(server: &Server) -> usize {
    super::runtime().block_on(async {
        let list = reqwest::get(format!("{}/mailbox/messages?to={ADDRESS}", server.url)).await.unwrap();
        list.json::<Value>().await.unwrap()["messages"].as_array().unwrap().len()
    })
}
