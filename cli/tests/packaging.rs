//! What the container is built from, the settings it runs with, and the scripts beside it.
#![allow(clippy::unwrap_used)]

mod common;

use common::Place;
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn the_container_is_built_from_every_member_of_the_workspace() {
    let manifest = read("Cargo.toml").parse::<toml::Table>().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let ignored = read("compose/Dockerfile.dockerignore");
    let let_in = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect::<Vec<_>>();
    for member in members {
        let member = member.as_str().unwrap();
        let is_let_in = let_in.iter().any(|name| Path::new(member).starts_with(name));
        assert!(is_let_in, "compose/Dockerfile.dockerignore keeps {member} out: add !{member}");
    }
    for name in let_in {
        assert!(root().join(name).exists(), "compose/Dockerfile.dockerignore lets {name} in, which is not there");
    }
}

#[test]
fn every_service_of_ours_can_be_built() {
    // The file's own indentation: a service begins at two spaces, an anchor at none.
    let text = read("compose/compose.yaml");
    let blocks = text.split("\n\n").filter(|block| block.contains("image: letopis:")).collect::<Vec<_>>();
    assert!(blocks.len() >= 3, "{blocks:?}");
    assert!(blocks.iter().all(|block| block.contains("build: *build")), "{blocks:?}");
}

/// `${NAME:-default}` as Compose fills it in where nothing is set; the inner ones first.
fn filled(text: &str) -> String {
    let Some(end) = text.find('}') else { return text.to_owned() };
    let Some(begin) = text[..end].rfind("${") else { return text.to_owned() };
    let (_, default) = text[begin + 2..end].split_once(":-").unwrap_or_default();
    filled(&format!("{}{default}{}", &text[..begin], &text[end + 1..]))
}

/// The settings of one service, by the file's own indentation: `      LETOPIS_LOG: info`.
fn settings_of(compose: &str, service: &str) -> BTreeMap<String, String> {
    let block = compose.split_once(&format!("\n  {service}:\n")).unwrap().1.split("\n\n").next().unwrap();
    let lines = block.lines().filter_map(|line| line.strip_prefix("      LETOPIS_"));
    let pairs = lines.map(|line| line.split_once(": ").unwrap());
    pairs.map(|(name, value)| (format!("LETOPIS_{name}"), filled(value))).collect()
}

#[test]
fn the_program_takes_what_the_containers_set() {
    let compose = read("compose/compose.yaml");
    for service in ["letopis", "node-1", "migrate"] {
        let mut settings = settings_of(&compose, service);
        assert!(!settings.is_empty(), "{service}");
        let place = Place::new();
        for (name, value) in &mut settings {
            // What a secret holds, make-secrets tells below.
            if let Some(secret) = value.strip_prefix("/run/secrets/") {
                let held = match secret {
                    "owner_url" | "database_url" => "postgres://letopis_app:0123@postgres:5432/letopis",
                    "smtp_url" => "smtp://mail:1025?tls=none",
                    "master_key" => "00",
                    _ => panic!("{name} names a secret that make-secrets does not make: {secret}"),
                };
                *value = place.file(secret, held);
            }
        }
        if service != "migrate" {
            for needed in ["LETOPIS_PUBLIC_URL", "LETOPIS_TRUSTED_PROXIES", "LETOPIS_METRICS_LISTEN"] {
                assert!(settings.contains_key(needed), "{service} lacks {needed}");
            }
        }
        let place = settings.iter().fold(place, |place, (name, value)| place.with(name, value));
        let shown = place.run(&["config", "show", "-o", "json"]).ok().out;
        assert!(settings.keys().all(|name| shown.contains(name.trim_end_matches("_FILE"))), "{service}: {shown}");
    }
}

#[test]
fn the_example_of_an_environment_is_taken_and_names_what_compose_reads() {
    let example = read("compose/.env.example");
    let lines = example.lines().map(|line| line.trim_start_matches('#')).filter(|line| !line.starts_with(' '));
    let pairs = lines.filter_map(|line| line.split_once('=')).collect::<Vec<_>>();
    let ours = pairs.iter().filter(|(name, _)| name.starts_with("LETOPIS_"));
    ours.fold(Place::new(), |place, (name, value)| place.with(name, value)).run(&["config", "show"]).ok();
    let compose = read("compose/compose.yaml");
    let mut read_names = compose.split("${").skip(1).map(|rest| rest.split(':').next().unwrap()).collect::<Vec<_>>();
    read_names.sort_unstable();
    read_names.dedup();
    for name in read_names.iter().filter(|name| !name.starts_with("LETOPIS_")) {
        assert!(pairs.iter().any(|(known, _)| known == name), "compose/.env.example lacks {name}");
    }
    for (name, _) in pairs.iter().filter(|(name, _)| !name.starts_with("LETOPIS_")) {
        assert!(read_names.contains(name), "compose.yaml does not read {name}");
    }
}

/// A copy of a script, with these commands in place of those of the system; each is a line of shell.
struct Trial {
    place: TempDir,
    script: PathBuf,
}

impl Trial {
    fn of(script: &str, commands: &[(&str, &str)]) -> Trial {
        let place = tempfile::tempdir().unwrap();
        let put = |path: &Path, text: &str| {
            std::fs::write(path, text).unwrap();
            std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        };
        let path = place.path().join(script);
        put(&path, &read(&format!("compose/{script}")));
        std::fs::create_dir(place.path().join("bin")).unwrap();
        for (name, line) in commands {
            put(&place.path().join("bin").join(name), &format!("#!/bin/sh\n{line}\n"));
        }
        Trial { place, script: path }
    }

    fn run(&self) -> Output {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(&self.script);
        command.env("PATH", path).env("CALLED", self.path("called")).env("POSTGRES_USER", "o").env("POSTGRES_DB", "d");
        command.output().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

#[test]
fn each_secret_belongs_to_who_reads_it() {
    let trial = Trial::of("make-secrets", &[("chown", "echo \"$@\" >> \"$CALLED\"")]);
    let ran = trial.run();
    assert!(ran.status.success(), "{ran:?}");
    let called = trial.text("called");
    for wanted in [
        "65532:65532 secrets/master_key",
        "65532:65532 secrets/database_url",
        "65532:65532 secrets/smtp_url",
        "999:999 secrets/app_password",
    ] {
        assert!(called.lines().any(|line| line == wanted), "{wanted}: {called}");
    }
    for secret in ["owner_password", "app_password", "master_key", "owner_url", "database_url", "smtp_url"] {
        let path = trial.path("secrets").join(secret);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{secret}");
    }
    let password = trial.text("secrets/app_password");
    assert_eq!(password.len(), 64);
    assert!(trial.text("secrets/database_url").contains(&format!("letopis_app:{password}@")));
    // What is there stays.
    assert!(trial.run().status.success());
    assert_eq!(trial.text("secrets/app_password"), password);
}

#[test]
fn a_password_that_cannot_be_read_makes_no_address_and_no_role() {
    let trial = Trial::of("make-secrets", &[("chown", "true"), ("cat", "exit 1")]);
    assert!(!trial.run().status.success());
    assert_eq!(trial.text("secrets/owner_url"), "");
    // There is no /run/secrets here either.
    let trial = Trial::of("postgres-roles.sh", &[("psql", "echo \"$@\" > \"$CALLED\""), ("cat", "exit 1")]);
    assert!(!trial.run().status.success());
    assert_eq!(trial.text("called"), "");
    let trial = Trial::of("postgres-roles.sh", &[("psql", "echo \"$@\" > \"$CALLED\""), ("cat", "echo secret")]);
    assert!(trial.run().status.success());
    assert!(trial.text("called").contains("--set password=secret"), "{}", trial.text("called"));
}
