//! A proxy before PostgreSQL that counts round trips, or loses the answer to a commit.

use anyhow::Context;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// While round trips are counted, nobody is answered before they have said nothing for so long: whatever they send after
/// an answer is then another round trip.
const QUIET: Duration = Duration::from_millis(150);

/// What becomes of the next commit that was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is answered.
    Answered = 0,
    /// The server does it, and the connection is cut before the answer.
    Cut = 1,
    /// The server does it; a pooler says in place of the answer that it lost the server.
    Disowned = 2,
}

/// A proxy; it passes everything on for as long as the process lives.
pub struct Proxy {
    state: Arc<State>,
    url: String,
}

struct State {
    marker: &'static str,
    fate: AtomicU8,
    is_cutting: AtomicBool,
    is_counting: AtomicBool,
    trips: AtomicU64,
    was_answered: AtomicBool,
    last_said: Mutex<Instant>,
}

impl Proxy {
    /// Starts one before the database at `url` (`postgres://user:password@host:port/database`). A statement that
    /// contains `marker` announces the commits that [`Proxy::next_commit`] means. Fails when no port is free.
    pub fn before(url: &str, marker: &'static str) -> anyhow::Result<Proxy> {
        let (who, place) = url.split_once('@').context("the address names no user")?;
        let (server, database) = place.split_once('/').context("the address names no database")?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("{who}@{}/{database}", listener.local_addr()?);
        let state = Arc::new(State {
            marker,
            fate: AtomicU8::new(Fate::Answered as u8),
            is_cutting: AtomicBool::new(false),
            is_counting: AtomicBool::new(false),
            trips: AtomicU64::new(0),
            was_answered: AtomicBool::new(false),
            last_said: Mutex::new(Instant::now()),
        });
        let (shared, server) = (Arc::clone(&state), server.to_owned());
        std::thread::spawn(move || {
            for node in listener.incoming() {
                // Whoever cannot be passed on sees their connection end.
                if let (Ok(node), Ok(server)) = (node, TcpStream::connect(&server)) {
                    let _ = pass(node, server, &shared);
                }
            }
        });
        Ok(Proxy { state, url })
    }

    /// The same database behind the proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Decides what becomes of the next commit that is announced.
    pub fn next_commit(&self, fate: Fate) {
        self.state.fate.store(fate as u8, Ordering::SeqCst);
    }

    /// Ends the connection on which something is said next, before the server hears of it.
    pub fn cut_next(&self) {
        self.state.is_cutting.store(true, Ordering::SeqCst);
    }

    /// How many round trips something takes, whatever the machine is busy with.
    pub fn trips<T>(&self, work: impl FnOnce() -> T) -> (T, u64) {
        self.state.trips.store(0, Ordering::SeqCst);
        self.state.was_answered.store(true, Ordering::SeqCst);
        self.state.is_counting.store(true, Ordering::SeqCst);
        let done = work();
        self.state.is_counting.store(false, Ordering::SeqCst);
        (done, self.state.trips.load(Ordering::SeqCst))
    }
}

fn pass(node: TcpStream, server: TcpStream, state: &Arc<State>) -> std::io::Result<()> {
    for stream in [&node, &server] {
        stream.set_nodelay(true)?;
    }
    // Set when the commit whose answer is to be lost went by on this connection.
    let doomed = Arc::new(AtomicBool::new(false));
    let (from_node, to_server) = (node.try_clone()?, server.try_clone()?);
    let (asking, doom) = (Arc::clone(state), Arc::clone(&doomed));
    std::thread::spawn(move || ask(from_node, to_server, &asking, &doom));
    let answering = Arc::clone(state);
    std::thread::spawn(move || answer(server, node, &answering, &doomed));
    Ok(())
}

impl State {
    fn last_said(&self) -> MutexGuard<'_, Instant> {
        self.last_said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ask(mut node: TcpStream, mut server: TcpStream, state: &State, doomed: &AtomicBool) {
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = node.read(&mut buffer) {
        if state.is_cutting.swap(false, Ordering::SeqCst) {
            break;
        }
        let said = &buffer[..read];
        *state.last_said() = Instant::now();
        if state.was_answered.swap(false, Ordering::SeqCst) {
            state.trips.fetch_add(1, Ordering::SeqCst);
        }
        if state.fate.load(Ordering::SeqCst) != Fate::Answered as u8 && contains(said, state.marker.as_bytes()) {
            doomed.store(true, Ordering::SeqCst);
        }
        if server.write_all(said).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
}

fn answer(mut server: TcpStream, mut node: TcpStream, state: &State, doomed: &AtomicBool) {
    let (mut buffer, mut lost) = (vec![0; 65_536], Vec::new());
    while let Ok(read @ 1..) = server.read(&mut buffer) {
        if doomed.load(Ordering::SeqCst) {
            lost.extend_from_slice(&buffer[..read]);
            if !contains(&lost, b"COMMIT\0") {
                continue;
            }
            if state.fate.swap(Fate::Answered as u8, Ordering::SeqCst) == Fate::Disowned as u8 {
                let fields = b"SFATAL\0VFATAL\0C08P01\0Mserver conn crashed?\0\0";
                let length = u32::try_from(fields.len() + 4).unwrap_or(u32::MAX).to_be_bytes();
                let _ = node.write_all(&[b"E", &length[..], fields].concat());
            }
            break;
        }
        while state.is_counting.load(Ordering::SeqCst) && state.last_said().elapsed() < QUIET {
            std::thread::sleep(QUIET / 10);
        }
        if node.write_all(&buffer[..read]).is_err() {
            break;
        }
        state.was_answered.store(true, Ordering::SeqCst);
    }
    let _ = node.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
