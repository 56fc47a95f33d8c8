//! Mutations: what transmission, haste and malice do to a text.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// Longest input.
const INPUT_BYTES_MAX: usize = 8 * 1024;
/// Accepted inputs that are kept to be mutated further; a new one then takes the place of an old one.
const KEPT_MAX: usize = 1_024;
/// Longest input that is kept: short ones are quick, and mutate into more.
const KEPT_BYTES_MAX: usize = 2 * 1024;
/// Mutations of one input.
const MUTATIONS_MAX: u32 = 4;
/// How often a part is repeated.
const REPEATS_MAX: usize = 200;

/// Parts that parsers trip over: ends of ranges, brackets, escapes, characters that are not what they look like.
const PARTS: &[&[u8]] = &[
    b"0",
    b"-0",
    b"-1",
    b"+1",
    b"01",
    b"1e309",
    b"0.1",
    b"NaN",
    b"255",
    b"256",
    b"65536",
    b"2147483648",
    b"4294967295",
    b"9007199254740993",
    b"9223372036854775807",
    b"9223372036854775808",
    b"18446744073709551615",
    b"18446744073709551616",
    b"-9223372036854775808",
    b"99999999999999999999999999",
    b"null",
    b"true",
    b"false",
    b"{}",
    b"[]",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\"\"",
    b":",
    b",",
    b"\\",
    b"\\\"",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"\\n",
    b"\\/",
    b"'",
    b"'''",
    b"=",
    b"#",
    b"*",
    b"?",
    b"[^",
    b"]]",
    b"\0",
    b"\t",
    b"\n",
    b"\r\n",
    b" ",
    b"  ",
    b";",
    b".",
    b"..",
    b"/",
    b"-",
    b"_",
    b"@",
    b"%00",
    b"\x7f",
    b"\x1b[31m",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe2\x82",
    b"\x80",
    b"\xef\xbb\xbf",
    "\u{fffd}".as_bytes(),
    "\u{10ffff}".as_bytes(),
    "\u{202e}".as_bytes(),
    "\u{200d}".as_bytes(),
    "\u{200b}".as_bytes(),
    "\u{feff}".as_bytes(),
    "\u{a0}".as_bytes(),
    "\u{2028}".as_bytes(),
    "\u{85}".as_bytes(),
    "e\u{301}\u{301}".as_bytes(),
    "\u{fdfa}".as_bytes(),
    "ß".as_bytes(),
    "İ".as_bytes(),
    "ſ".as_bytes(),
    "ﬃ".as_bytes(),
    "ᴮ".as_bytes(),
    "Å".as_bytes(),
    "각".as_bytes(),
    "👩‍👩‍👧".as_bytes(),
    "\u{1d400}".as_bytes(),
    "ё".as_bytes(),
    "\u{345}".as_bytes(),
    "\u{3164}".as_bytes(),
    "\u{e0041}".as_bytes(),
    "٣".as_bytes(),
    b"0000-00-00T00:00:00Z",
    b"-009999-01-01T00:00:00Z",
    b"9999-12-31T23:59:60.999999999Z",
    b"+25:00",
    b"-00:00",
    b"00000000-0000-0000-0000-000000000000",
    b"ffffffffffffffffffffffffffffffff",
    b"urn:uuid:",
];

/// Pairs that stand around things.
const PAIRS: &[[u8; 2]] = &[*b"{}", *b"[]", *b"()", *b"<>", *b"\"\"", *b"''", *b"  ", *b"--"];

/// Makes inputs out of inputs.
pub(crate) struct Mutator {
    random: SmallRng,
    seeds: Vec<Vec<u8>>,
    kept: Vec<Vec<u8>>,
}

impl Mutator {
    pub(crate) fn new(seed: u64, seeds: &[&[u8]]) -> Mutator {
        assert!(!seeds.is_empty(), "there is nothing to mutate");
        let seeds = seeds.iter().map(|seed| seed.to_vec()).collect();
        Mutator { random: SmallRng::seed_from_u64(seed), seeds, kept: Vec::new() }
    }

    /// Has an input mutated further.
    pub(crate) fn keep(&mut self, input: Vec<u8>) {
        if input.len() > KEPT_BYTES_MAX || self.kept.contains(&input) {
            return;
        }
        if self.kept.len() < KEPT_MAX {
            self.kept.push(input);
        } else {
            let place = self.random.random_range(0..KEPT_MAX);
            self.kept[place] = input;
        }
    }

    pub(crate) fn next(&mut self) -> Vec<u8> {
        // One in sixty-four owes nothing to anybody.
        if self.random.random_ratio(1, 64) {
            let length = self.random.random_range(0..64);
            return (0..length).map(|_| self.random.random()).collect();
        }
        let mut input = self.one().to_vec();
        // Most often a single one: what is changed little is often accepted, and goes on from there.
        for step in 0..MUTATIONS_MAX {
            if step > 0 && self.random.random_ratio(1, 2) {
                break;
            }
            self.mutate(&mut input);
        }
        input.truncate(INPUT_BYTES_MAX);
        input
    }

    /// A seed or an input that was kept.
    fn one(&mut self) -> &[u8] {
        let from = if self.kept.is_empty() || self.random.random_ratio(1, 2) { &self.seeds } else { &self.kept };
        &from[self.random.random_range(0..from.len())]
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        let (start, end) = self.range(input.len());
        match self.random.random_range(0..11) {
            0 => self.flip(input),
            1 => drop(input.drain(start..end)),
            2 => input.truncate(start),
            3 => insert(input, start, PARTS[self.random.random_range(0..PARTS.len())]),
            4 => drop(input.splice(start..end, PARTS[self.random.random_range(0..PARTS.len())].iter().copied())),
            5 => self.number(input),
            6 => {
                let times = if self.random.random_ratio(1, 8) { self.random.random_range(1..REPEATS_MAX) } else { 1 };
                let room = INPUT_BYTES_MAX.saturating_sub(input.len()) / (end - start).max(1);
                let again = input[start..end].repeat(times.min(room));
                insert(input, end, &again);
            }
            7 => {
                let moved = input.drain(start..end).collect::<Vec<_>>();
                let place = self.random.random_range(0..=input.len());
                insert(input, place, &moved);
            }
            8 => {
                let other = self.one().to_vec();
                let (from, to) = self.range(other.len());
                drop(input.splice(start..end, other[from..to].iter().copied()));
            }
            9 => self.wrap(input, start, end),
            _ => {
                let other = self.one().to_vec();
                let (from, _) = self.range(other.len());
                input.truncate(start);
                input.extend_from_slice(&other[from..]);
            }
        }
    }

    /// A range, most often a short one.
    fn range(&mut self, length: usize) -> (usize, usize) {
        let start = self.random.random_range(0..=length);
        let most = if self.random.random_ratio(3, 4) { length.min(start + 8) } else { length };
        (start, self.random.random_range(start..=most))
    }

    /// Puts a pair of signs around a part, or around everything.
    fn wrap(&mut self, input: &mut Vec<u8>, start: usize, end: usize) {
        let (start, end) = if self.random.random_ratio(1, 2) { (0, input.len()) } else { (start, end) };
        let pair = PAIRS[self.random.random_range(0..PAIRS.len())];
        insert(input, end, &pair[1..]);
        insert(input, start, &pair[..1]);
    }

    fn flip(&mut self, input: &mut [u8]) {
        if !input.is_empty() {
            let place = self.random.random_range(0..input.len());
            input[place] ^= 1 << self.random.random_range(0..8_u32);
        }
    }

    /// Puts another number where one stands.
    fn number(&mut self, input: &mut Vec<u8>) {
        let (from, _) = self.range(input.len());
        let Some(start) = input[from..].iter().position(u8::is_ascii_digit).map(|place| from + place) else { return };
        let digits = input[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let bits = self.random.random_range(0..64_u32);
        let other = (self.random.random::<u64>() >> bits).to_string();
        drop(input.splice(start..start + digits, other.into_bytes()));
    }
}

fn insert(input: &mut Vec<u8>, place: usize, part: &[u8]) {
    drop(input.splice(place..place, part.iter().copied()));
}
