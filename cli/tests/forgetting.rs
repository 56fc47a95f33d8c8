//! Forgetting a person, beside a server and without one.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, fixture};

#[test]
fn an_operator_forgets_people_beside_a_server_and_without_one() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let people = place.run(&["users", "ls"]).ok().lines();
    let name = |at: usize| people[at]["user_name"].as_str().unwrap().to_owned();
    let (first, second) = (name(0), name(1));
    let id = people[0]["user_id"].as_str().unwrap();

    let counted = place.run(&["users", "erase", &first, "--dry-run"]).ok().json();
    assert_eq!(counted["user_name"], first);
    assert!(
        counted["sealed_parts"].as_u64() > Some(0) && counted["events"].as_u64() >= counted["sealed_parts"].as_u64()
    );
    assert_eq!(place.run(&["users", "erase", &first]).code, 2, "nobody can be asked");
    assert_eq!(place.run(&["users", "erase", "nobody", "--yes"]).code, 3);
    assert_eq!(place.run(&["users", "show", &first]).ok().json()["user_id"], id);

    let server = place.serve();
    let erased = place.run(&["users", "erase", &first, "--yes"]).ok().json();
    assert_eq!(erased["user_id"], id);
    assert_eq!(place.run(&["users", "show", &first]).code, 3);
    assert_eq!(server.stop(), 0);
    place.run(&["users", "erase", &second, "--yes"]).ok();
    assert_eq!(place.run(&["users", "show", &second]).code, 3);
    let list = std::fs::read_to_string(place.data().join("erased")).unwrap();
    assert_eq!(list.lines().count(), 2);
    assert!(list.starts_with(id));
    place.run(&["events", "verify"]).ok();
    place.run(&["projections", "verify", "--all"]).ok();
    // What was imported once is not brought back.
    place.run(&["import", &fixture()]).ok();
    assert_eq!(place.run(&["users", "show", &first]).code, 3);
    assert_eq!(place.run(&["users", "show", id]).code, 3);
    place.run(&["projections", "verify", "--all"]).ok();
}

/// What somebody asked of a search task is stored beside the read models, and in their write-ahead logs after a crash.
#[test]
fn what_somebody_asked_is_in_no_file_after_kill_9_either() {
    const QUESTION: &str = "whereabouts of xylophones";
    let asked = |place: &Place, name: &str| {
        let password = place.file("password", "a long enough passphrase");
        place.run(&["users", "create", name, "--password-file", &password]).ok();
        let server = place.serve();
        let (status, session) = server.log_in(name, "a long enough passphrase");
        assert_eq!(status, 200, "{session}");
        // It waits for a position that the log never has: for two seconds the question is kept.
        let url = format!("{}/v1/chats/search?min_position=9000000000", server.url);
        let request = reqwest::Client::new().post(url).bearer_auth(session["session_id"].as_str().unwrap());
        let request = request.json(&serde_json::json!({"message": QUESTION}));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        assert_eq!(runtime.block_on(request.send()).unwrap().status(), 201);
        server
    };
    let kill = |mut server: common::Server| {
        server.child.kill().unwrap();
        server.child.wait().unwrap();
    };
    // Erased beside the server, which is killed right behind that.
    let place = Place::new();
    let server = asked(&place, "zuleika");
    assert!(!holding(&place.data(), QUESTION).is_empty(), "the test looks in the right place");
    place.run(&["users", "erase", "zuleika", "--yes"]).ok();
    kill(server);
    assert_eq!(holding(&place.data(), QUESTION), [""; 0]);
    assert_eq!(place.serve().stop(), 0);
    assert_eq!(holding(&place.data(), QUESTION), [""; 0]);
    // Killed right behind the question, and erased when no server runs.
    let place = Place::new();
    kill(asked(&place, "zuleika"));
    assert!(!holding(&place.data(), QUESTION).is_empty(), "it lies in the write-ahead log");
    place.run(&["users", "erase", "zuleika", "--yes"]).ok();
    assert_eq!(holding(&place.data(), QUESTION), [""; 0]);
    assert_eq!(place.serve().stop(), 0);
    assert_eq!(holding(&place.data(), QUESTION), [""; 0]);
}

/// The files below that folder that hold this text.
fn holding(folder: &std::path::Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(holding(&entry.path(), text));
        } else if let Ok(bytes) = std::fs::read(entry.path())
            && bytes.windows(text.len()).any(|window| window == text.as_bytes())
        {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

#[test]
fn the_list_of_the_erased_can_lie_elsewhere() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let people = place.run(&["users", "ls"]).ok().lines();
    let id = people[0]["user_id"].as_str().unwrap();
    let list = place.file("list", "");
    let erase = place.command(&["users", "erase", id, "--yes"]).env("LETOPIS_ERASED_LIST", &list).output().unwrap();
    assert!(erase.status.success(), "{erase:?}");
    assert!(std::fs::read_to_string(&list).unwrap().starts_with(id));
    std::fs::write(&list, "no list\n").unwrap();
    let refused =
        place.command(&["users", "set-role", "x", "admin"]).env("LETOPIS_ERASED_LIST", &list).output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("list of the erased"), "{refused:?}");
}
