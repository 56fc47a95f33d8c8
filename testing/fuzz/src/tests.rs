use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a target's failure says.
fn failure(seeds: &[&[u8]], target: impl FnMut(&[u8]) -> Verdict) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| bytes(seeds, target))).expect_err("the target is at fault");
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

#[test]
fn the_same_seed_gives_the_same_inputs() {
    let inputs = |seed| {
        let mut mutator = Mutator::new(seed, &[b"{\"a\": 12}"]);
        (0..1_000).map(|_| mutator.next()).collect::<Vec<_>>()
    };
    assert_eq!(inputs(1), inputs(1));
    assert_ne!(inputs(1), inputs(2));
}

#[test]
fn what_is_rare_is_met() {
    let (mut long, mut not_utf8, mut other_number, mut twice) = (false, false, false, false);
    bytes(&[b"{\"a\": 12}", b"{\"bb\": null}"], |input| {
        let text = String::from_utf8_lossy(input);
        long |= input.len() > 1_000;
        not_utf8 |= std::str::from_utf8(input).is_err();
        other_number |= text.contains("\": 18446744073709551616");
        twice |= text.matches("\"a\"").count() > 1 && text.contains("bb");
        Verdict::from(input.ends_with(b"}"))
    });
    assert!(long && not_utf8 && other_number && twice, "{long} {not_utf8} {other_number} {twice}");
}

#[test]
fn what_was_accepted_is_mutated_further() {
    // One input is at most four steps, of two signs each, away from another.
    let mut most = 0;
    bytes(&[b"{"], |input| {
        let signs = b"{}[]\",:;#=*?".iter().filter(|sign| input.contains(sign)).count();
        let fits = !input.iter().any(u8::is_ascii_alphanumeric) && input.is_ascii();
        most = most.max(if fits { signs } else { 0 });
        Verdict::from(fits)
    });
    assert!(most > 6, "{most}");
}

#[test]
fn a_target_that_looks_at_nothing_fails() {
    assert!(failure(&[b"x"], |_| Verdict::Accepted).contains("nothing was refused"));
    assert!(failure(&[b"x"], |_| Verdict::Refused).contains("a seed is refused"));
}

#[test]
fn an_input_that_takes_long_fails() {
    let message = failure(&[b"x"], |_| {
        let began = cpu_time();
        while cpu_time() < began + CPU_MAX * 2 {}
        Verdict::Accepted
    });
    assert!(message.starts_with("an input took"), "{message}");
}
