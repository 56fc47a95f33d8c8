//! Inputs that nobody thought of: what is well formed, mutated at random, a hundred thousand times for each target.
//!
//! A target is a test that is beside what it tests. It gets an input, asserts what must hold of it, and says
//! whether it was accepted; an input that was accepted is mutated further. What it starts from must be accepted, and
//! something must be refused, so that a target which looks at nothing fails. `FUZZ_INPUTS` and `FUZZ_SEED` ask for
//! more inputs and for other ones (`scripts/fuzz`). The same seed and number give the same inputs again.

mod mutate;

use mutate::Mutator;
use rustix::time::{ClockId, clock_gettime};
use std::fmt::Write;
use std::time::Duration;

/// Inputs for each target, unless `FUZZ_INPUTS` says otherwise.
const INPUTS: u64 = 100_000;
/// The seed, unless `FUZZ_SEED` says otherwise.
const SEED: u64 = 1;
/// No input may take longer than this: of the thread's own time, so that a busy machine fails no test.
const CPU_MAX: Duration = Duration::from_millis(100);
/// Bytes of an input that a failure shows.
const SHOWN_BYTES_MAX: usize = 2_048;

/// What a target did with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Accepted,
    /// It was refused, in an orderly way.
    Refused,
}

impl From<bool> for Verdict {
    fn from(accepted: bool) -> Verdict {
        if accepted { Verdict::Accepted } else { Verdict::Refused }
    }
}

impl<T, E> From<&Result<T, E>> for Verdict {
    fn from(result: &Result<T, E>) -> Verdict {
        Verdict::from(result.is_ok())
    }
}

impl<T> From<&Option<T>> for Verdict {
    fn from(option: &Option<T>) -> Verdict {
        Verdict::from(option.is_some())
    }
}

/// Gives a target its inputs: first the seeds as they are, then mutations of them.
///
/// # Panics
/// When the target panics, when it refuses a seed or refuses nothing at all, when an input takes more than 100 ms.
/// Which input it was, and how to meet it again, goes to standard error.
pub fn bytes(seeds: &[&[u8]], mut target: impl FnMut(&[u8]) -> Verdict) {
    let (seed, inputs) = (setting("FUZZ_SEED", SEED), setting("FUZZ_INPUTS", INPUTS));
    let mut mutator = Mutator::new(seed, seeds);
    let (mut accepted, mut refused, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
    for number in 0..inputs.max(seeds.len() as u64 + 1) {
        let given = usize::try_from(number).ok().and_then(|number| seeds.get(number));
        let input = given.map_or_else(|| mutator.next(), |seed| seed.to_vec());
        let shown = Shown { seed, number, input: &input };
        let began = cpu_time();
        let verdict = target(&input);
        let took = cpu_time().saturating_sub(began);
        assert!(took <= CPU_MAX, "an input took {took:?}");
        slowest = slowest.max(took);
        match verdict {
            Verdict::Accepted => accepted += 1,
            Verdict::Refused => refused += 1,
        }
        assert!(given.is_none() || verdict == Verdict::Accepted, "a seed is refused");
        drop(shown);
        if given.is_none() && verdict == Verdict::Accepted {
            mutator.keep(input);
        }
    }
    println!("fuzz: seed {seed}, {accepted} inputs accepted, {refused} refused, the slowest took {slowest:?}");
    assert!(refused > 0, "nothing was refused: the target looks at nothing");
}

/// The same for a target that reads text: what is not UTF-8 any more is replaced.
///
/// # Panics
/// As [`bytes`] does.
pub fn text(seeds: &[&str], mut target: impl FnMut(&str) -> Verdict) {
    let seeds = seeds.iter().map(|seed| seed.as_bytes()).collect::<Vec<_>>();
    bytes(&seeds, |input| target(&String::from_utf8_lossy(input)));
}

fn setting(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not {text:?}")),
        Err(_) => otherwise,
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("a thread's time is not negative")
}

/// Says which input it was when a test fails at it.
struct Shown<'a> {
    seed: u64,
    number: u64,
    input: &'a [u8],
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut text = String::new();
            for part in self.input[..self.input.len().min(SHOWN_BYTES_MAX)].utf8_chunks() {
                let bad = part.invalid().iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
                // Writing into a string does not fail.
                let _ = write!(text, "{}{bad}", part.valid().escape_debug());
            }
            let (seed, number, length) = (self.seed, self.number, self.input.len());
            eprintln!("fuzz: FUZZ_SEED={seed}, input {number} of {length} bytes: \"{text}\"");
        }
    }
}

#[cfg(test)]
mod tests;
