//! One server's process: in a group of its own, its output in a file, ended by its own pid.

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

const READY_WITHIN: Duration = Duration::from_secs(30);
const STOPPED_WITHIN: Duration = Duration::from_secs(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOG_SHOWN_BYTES: i64 = 4096;
const AGAIN_EVERY: Duration = Duration::from_millis(100);
const PORT_TRIES: usize = 5;
/// Below the ports that systems give to outgoing connections, so that none of those takes the port of a server that
/// is just being restarted.
const PORTS: Range<u16> = 15_000..32_000;
const FREE_PORT_TRIES: usize = 200;

/// A running server, killed when it is dropped.
pub(super) struct Process {
    name: &'static str,
    child: Child,
    ended: Option<ExitStatus>,
    log: PathBuf,
}

impl Process {
    /// Starts `command` and waits until it `answers`. What an earlier one wrote to the log stays there.
    pub fn start(
        name: &'static str,
        mut command: Command,
        log: &Path,
        answers: impl Fn(u32) -> anyhow::Result<()>,
    ) -> anyhow::Result<Process> {
        let output =
            File::options().create(true).append(true).open(log).context("the server's log cannot be written")?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = spawn(command).with_context(|| format!("{name} cannot be started"))?;
        let mut process = Process { name, child, ended: None, log: log.to_owned() };
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(status) = process.child.try_wait()? {
                process.ended = Some(status);
                bail!("{name} ended at once ({status}). Its log ends with:\n{}", tail(log));
            }
            let Err(why) = answers(process.child.id()) else { return Ok(process) };
            if Instant::now() > deadline {
                bail!("{name} does not answer within {READY_WITHIN:?}: {why:#}. Its log ends with:\n{}", tail(log));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Tells it to end and waits; kills it when it takes longer than 10 s.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended.is_some() {
            return;
        }
        let _ = kill_process(self.pid(), signal);
        let deadline = Instant::now() + STOPPED_WITHIN;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                self.ended = Some(status);
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        self.kill();
    }

    /// `kill -9` for it and its process group, and waits until it is gone.
    pub fn kill(&mut self) {
        if self.ended.is_none() {
            let _ = kill_process_group(self.pid(), Signal::KILL);
            self.ended = self.child.wait().ok();
        }
    }

    /// Its number, that of a process which was not waited for yet and so is nobody else's.
    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("the log of {} ends with:\n{}", self.name, tail(&self.log));
        }
    }
}

/// A command that gets this signal (`KILL`, `QUIT` …) when the process that starts it dies, where `setpriv` of
/// util-linux is there to arrange it: a test that is killed leaves no server behind.
pub(super) fn command(program: &Path, when_orphaned: &str) -> Command {
    static SETPRIV: OnceLock<bool> = OnceLock::new();
    let works = || Command::new("setpriv").args(["--pdeathsig", "KILL", "true"]).stderr(Stdio::null()).status();
    if !SETPRIV.get_or_init(|| works().is_ok_and(|status| status.success())) {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig").arg(when_orphaned).arg("--").arg(program);
    command
}

/// Linux takes the death of the *thread* that started a process for the death of the parent: this thread lives as
/// long as the process does.
fn spawn(command: Command) -> anyhow::Result<Child> {
    type Order = (Command, SyncSender<std::io::Result<Child>>);
    static STARTER: OnceLock<SyncSender<Order>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (orders, ordered) = sync_channel::<Order>(1);
        std::thread::spawn(move || {
            for (mut command, reply) in ordered {
                let _ = reply.send(command.spawn());
            }
        });
        orders
    });
    let (reply, answer) = sync_channel(1);
    starter.send((command, reply)).context("the thread that starts servers is gone")?;
    Ok(answer.recv().context("the thread that starts servers is gone")??)
}

/// Starts something on a free port, on another one when somebody was quicker.
pub(super) fn on_a_free_port<T>(start: impl Fn(u16) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let taken = |error: &anyhow::Error| format!("{error:#}").to_lowercase().contains("address already in use");
    for _ in 1..PORT_TRIES {
        match start(free_port()?) {
            Err(error) if taken(&error) => {}
            started => return started,
        }
    }
    start(free_port()?)
}

/// Starts something again on the port that it had, while that is still taken: by connections of the one before, or
/// because the children of a killed one have not noticed yet.
pub(super) fn again(start: impl Fn() -> anyhow::Result<Process>) -> anyhow::Result<Process> {
    let deadline = Instant::now() + STOPPED_WITHIN;
    loop {
        match start() {
            Err(_) if Instant::now() < deadline => std::thread::sleep(AGAIN_EVERY),
            started => return started,
        }
    }
}

/// A port that nobody listens on, at this moment.
pub(super) fn free_port() -> anyhow::Result<u16> {
    let ports = (0..FREE_PORT_TRIES).map(|_| rand::random_range(PORTS));
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.into_iter().find(free).with_context(|| format!("no free port of 127.0.0.1 in {PORTS:?}"))
}

/// A program in `$PATH`, else in one of these folders.
pub(super) fn find(program: &'static str, folders: &[PathBuf]) -> Option<PathBuf> {
    candidates(program, folders).next()
}

/// Every program of this name in `$PATH` and then in these folders.
pub(super) fn candidates(program: &'static str, folders: &[PathBuf]) -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::env::split_paths(&path).chain(folders.iter().cloned()).collect::<Vec<_>>();
    all.into_iter().map(move |folder| folder.join(program)).filter(|file| file.is_file())
}

/// The first number with a point in what `program --version` says, such as 15.18 or 2.10.27.
pub(super) fn version(program: &Path) -> anyhow::Result<(u32, u32)> {
    let output = Command::new(program).arg("--version").output().with_context(|| program.display().to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.').find(|word| !word.is_empty());
    let mut parts = numbers.unwrap_or_default().split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        (Some(Ok(major)), _) => Ok((major, 0)),
        _ => bail!("{} --version says no version: {text:?}", program.display()),
    }
}

/// One line to a server that speaks in lines, and what it answers: `lines` of them at most.
pub(super) fn ask(port: u16, question: &str, lines: usize) -> anyhow::Result<Vec<String>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    stream.write_all(question.as_bytes())?;
    Ok(BufReader::new(stream).lines().take(lines).collect::<Result<Vec<_>, _>>()?)
}

fn tail(log: &Path) -> String {
    let read = || {
        let mut file = File::open(log)?;
        let from = i64::try_from(file.metadata()?.len()).unwrap_or(i64::MAX).min(LOG_SHOWN_BYTES);
        file.seek(SeekFrom::End(-from))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_else(|error: std::io::Error| format!("(it cannot be read: {error})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn sh(script: &str) -> Command {
        let mut command = command(Path::new("/bin/sh"), "KILL");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_server_that_ends_at_once_shows_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let script = sh("echo the disk is made of cheese >&2; exit 3");
        let Err(error) = Process::start("Camembert", script, &folder.path().join("log"), |_| bail!("no")) else {
            panic!("nothing runs")
        };
        let said = error.to_string();
        assert!(said.contains("Camembert ended at once (exit status: 3)"), "{said}");
        assert!(said.contains("the disk is made of cheese"), "{said}");
    }

    #[test]
    fn its_whole_process_group_is_killed_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let child = folder.path().join("child");
        let script = sh(&format!("sleep 60 & echo $! > {0}.new; mv {0}.new {0}; wait", child.display()));
        let process =
            Process::start("sh", script, &folder.path().join("log"), |_| Ok(std::fs::metadata(&child).map(drop)?));
        drop(process.unwrap());
        let pid = std::fs::read_to_string(&child).unwrap();
        let ended = || {
            let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
            state.map_or(true, |stat| stat.contains(") Z "))
        };
        // It was told to end; on a busy machine that takes a moment.
        assert!((0..200).any(|_| ended() || (std::thread::sleep(Duration::from_millis(10)), false).1));
    }

    #[test]
    fn a_taken_port_is_given_up_for_another() {
        let tried = Cell::new(0);
        let started = on_a_free_port(|port| {
            tried.set(tried.get() + 1);
            if tried.get() < PORT_TRIES { bail!("bind: Address already in use") } else { Ok(port) }
        });
        assert!(PORTS.contains(&started.unwrap()));
        let other = on_a_free_port(|_| -> anyhow::Result<()> {
            tried.set(tried.get() + 1);
            bail!("no such file")
        });
        assert_eq!((other.is_err(), tried.get()), (true, PORT_TRIES + 1), "other errors are not tried again");
    }
}
