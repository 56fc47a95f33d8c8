//! What a person sees: tables that fit, in a terminal of so many columns.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Place, Ran};
use serde_json::json;

/// Runs it as on a terminal of so many columns.
fn on_a_screen(place: &Place, columns: usize, arguments: &[&str]) -> Ran {
    let arguments = [arguments, &["-o", "table"]].concat();
    let mut command = place.command(&arguments);
    command.env("COLUMNS", columns.to_string());
    Ran::of(command)
}

fn filled() -> Place {
    let place = Place::new();
    let line = |n: u8| {
        json!({"room": "garden", "at": "2026-01-31T12:00:00Z", "author": if n.is_multiple_of(2) { "anna" } else { "boris" },
            "text": format!("message {n}: {}", "the roses are out ".repeat(9))})
    };
    let log = place.file("log.ndjson", &(0..60).map(|n| format!("{}\n", line(n))).collect::<String>());
    place.run(&["import", &log, "--as-of-file-times"]).ok();
    place
}

#[test]
fn tables_fit_the_terminal_and_wide_ones_show_everything() {
    let place = filled();
    for verb in [["events", "ls"], ["streams", "ls"], ["users", "ls"], ["projections", "ls"], ["config", "show"]] {
        for columns in [80, 120] {
            let shown = on_a_screen(&place, columns, &verb).ok();
            assert!(shown.out.lines().count() > 1, "{verb:?}: {}", shown.out);
            let widest = shown.out.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= columns, "{verb:?}: {}", shown.out);
        }
    }
    let narrow = on_a_screen(&place, 80, &["users", "ls"]).ok();
    assert!(narrow.out.contains('…') && !narrow.out.contains('\u{1b}'), "{}", narrow.out);
    let wide = on_a_screen(&place, 40, &["users", "ls", "--wide"]).ok();
    let anna = place.run(&["users", "ls", "--limit", "1"]).ok().lines().remove(0);
    assert!(wide.out.contains(anna["user_id"].as_str().unwrap()), "{}", wide.out);
    assert!(wide.out.contains(anna["created_at"].as_str().unwrap()), "{}", wide.out);
}

#[test]
fn a_person_gets_the_last_events_and_a_script_all_of_them() {
    let place = filled();
    let all = place.run(&["events", "ls"]).ok().lines();
    let shown = on_a_screen(&place, 100, &["events", "ls"]).ok();
    assert!(all.len() > 50, "{}", all.len());
    assert_eq!(shown.out.lines().count(), 51);
    assert!(shown.err.contains("the last 50 events") && shown.err.contains("--limit"), "{}", shown.err);
    let last = shown.out.lines().last().unwrap().trim_start();
    assert!(last.starts_with(&all.last().unwrap()["position"].to_string()), "{last}");
    let streams = on_a_screen(&place, 100, &["streams", "ls", "--limit", "3"]).ok();
    assert_eq!((streams.out.lines().count(), streams.err.as_str()), (4, ""));
    assert_eq!(
        on_a_screen(&place, 100, &["events", "ls", "--from", "1", "--limit", "60"]).ok().out.lines().count(),
        61
    );
}

#[test]
fn a_filter_that_nothing_can_match_says_so() {
    let place = filled();
    let posted = place.run(&["events", "ls", "--type", "message.posted.v1"]).ok().lines().len();
    assert_eq!(place.run(&["events", "ls", "--type", "message.posted"]).ok().lines().len(), posted);
    let unknown = place.run(&["events", "ls", "--type", "mesage.posted"]).ok();
    assert!(unknown.out.is_empty() && unknown.err.contains("message.posted.v1"), "{}", unknown.err);
    assert!(place.run(&["events", "tail", "--type", "cat.*"]).ok().err.contains("no event of this log"));
    let nobody = place.run(&["events", "ls", "--type", "message.posted", "--since", "1s"]).ok();
    assert!(nobody.err.is_empty(), "the type is known: {}", nobody.err);
    let reversed = place.run(&["events", "ls", "--from", "9", "--to", "3"]);
    assert_eq!((reversed.code, reversed.out.as_str()), (2, ""), "{}", reversed.err);
    let short = place.run(&["users", "show", "…12345678"]);
    assert!(short.code == 3 && short.err.contains("--wide"), "{}", short.err);
}

#[test]
fn one_thing_is_laid_out_and_never_json_in_a_cell() {
    let place = filled();
    let event = on_a_screen(&place, 80, &["events", "show", "1"]).ok().out;
    assert!(event.lines().any(|line| line.starts_with("  ")) && !event.contains("{\""), "{event}");
    let server = place.serve();
    let status = place.run(&["status", "--url", &server.url]).ok();
    assert!(status.out.lines().any(|line| line.starts_with("ready")) && !status.out.contains('{'), "{}", status.out);
    assert_eq!(place.run(&["status", "--url", &server.url, "-o", "json"]).ok().json()["ready"], true);
    assert_eq!(server.stop(), 0);
    assert_eq!(place.run(&["status", "--url", "http://127.0.0.1:1"]).code, 7);
    assert!(place.run(&["version"]).ok().json()["version"].is_string());
}

#[test]
fn what_is_found_is_in_view_with_its_chat_and_the_total() {
    let place = filled();
    let server = place.serve();
    let found = on_a_screen(&place, 60, &["search", "rose", "--limit", "3"]).ok().out;
    let lines = found.lines().collect::<Vec<_>>();
    assert_eq!((lines.len(), *lines.last().unwrap()), (7, "3 of 60"), "{found}");
    assert!(lines[0].starts_with("#garden  boris  ") && lines[1].contains("message 59: the roses"), "{found}");
    assert!(lines.iter().all(|line| !line.starts_with("  ") || line.chars().count() <= 60), "{found}");
    assert_eq!(place.run(&["search", "rose"]).ok().lines().len(), 20);
    assert_eq!(server.stop(), 0);
}
